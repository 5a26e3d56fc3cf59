"""The page of a device: findings with what to do, when it was heard, what it reported, and who may act."""

import re
from datetime import UTC, datetime, timedelta

from tests.api.test_console_practice import UNREAD, page, shown
from tests.support.agent import backup_section, healthy, job, section
from tests.support.cast import Cast
from vigie.console.presence import presence_of

ODD = {"weekly": {"tuesday": [{"from": "09:00", "to": "12:00"}, {"from": "14:00", "to": "18:00"}]}}


async def test_a_device_says_what_to_do_what_it_reported_and_when_it_was_heard(cast: Cast) -> None:
    await cast.pia.call("PUT", f"/v1/practices/{cast.cedar}/opening-hours", json=ODD)
    agent = await cast.device(alias="accueil-1")
    now = cast.clock.now()
    broken = {
        "backup": backup_section(now, job(now, target="usb", offsite="no")),
        "antivirus": section(now, "defender", None, "unknown", errors=[UNREAD]),
    }
    await agent.report({**healthy(now), **broken})
    cast.clock.advance(timedelta(hours=1))
    await agent.report(
        {"backup": backup_section(cast.clock.now(), job(cast.clock.now(), offsite="no", bytes=2_000_000_000))}
    )
    cast.clock.advance(timedelta(hours=5))
    ana, ivo = await cast.ana(), await cast.ivo()
    here = f"/devices/{agent.device_id}"
    french = await shown(ana, here)
    for said in (
        "Aucune copie n'est gardée hors du cabinet.",
        "Choisir un hébergeur certifié HDS",
        "Accepter jusqu'à une date",
        "dernière remontée 11:30",
        "attendue à",
        "Antivirus Pas pu lire",
        "Droit manquant defender 0x80070005",
        "Hors du cabinet non",
        "Retirer ce poste",
    ):
        assert said in french, said
    html = (await page(ana, here)).text
    label = re.search(r'role="img" aria-label="([^"]+)"', html)
    assert label is not None
    assert "2 heures manquées" in label.group(1).replace(
        "\N{NO-BREAK SPACE}", " "
    )  # 14 h and 15 h; that of 16 h is not over
    english = await shown(ana, here, "en")
    assert "right missing".capitalize() in english
    assert "Missed" not in english
    assert not re.search(r"[éèêàç]", english.replace("mémento", ""))
    history = await shown(ana, f"{here}/backup")
    assert "→ 2.0 Go" in history
    assert "Accepter jusqu'à une date" not in await shown(ivo, here)


async def test_an_accepted_deviation_is_shown_with_who_accepted_it_and_may_be_ended(cast: Cast) -> None:
    ana = await cast.ana()
    agent = await cast.device(alias="accueil-1")
    now = cast.clock.now()
    await agent.report({**healthy(now), "backup": backup_section(now, job(now, target="usb", offsite="no"))})
    until = (now + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    asked = {"practice_id": cast.cedar, "device_id": agent.device_id, "control": "ANS-5.4"}
    made = await ana.post("/v1/exceptions", {**asked, "reason": "Disque déposé à la banque", "ends_at": until})
    accepted = await shown(ana, f"/devices/{agent.device_id}")
    assert "accepté par Ana jusqu'au" in accepted
    assert "Motif de la dérogation : Disque déposé à la banque" in accepted
    assert f"DELETE /v1/exceptions/{made['id']}" in (await page(ana, f"/devices/{agent.device_id}")).text
    assert "Fin de dérogation, accueil-1" in await shown(ana, f"/practices/{cast.cedar}")


async def test_nobody_meets_a_device_they_do_not_see(cast: Cast) -> None:
    tom, bea, paz = await cast.tom(), await cast.bea(), await cast.paz()
    of_elm, of_cedar = await cast.device(cast.elm, alias="elm-1"), await cast.device(alias="cedar-1")
    for path in ("", "/backup"):
        assert "cedar-1" in await shown(tom, f"/devices/{of_cedar.device_id}{path}")
        for person, device in ((tom, of_elm), (bea, of_cedar)):
            answer = await page(person, f"/devices/{device.device_id}{path}")
            assert answer.status_code == 404
            assert "elm-1" not in answer.text
            assert "cedar-1" not in answer.text
        sent = await page(paz, f"/devices/{of_cedar.device_id}{path}")
        assert (sent.status_code, sent.headers["location"]) == (303, "/my-practice")


def test_the_map_counts_hours_where_the_practice_is() -> None:
    joined, now = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 26, 12, 30, tzinfo=UTC)
    told = {
        # the clocks of Paris go back on the 25th: 22 h UTC is midnight before, 23 h after
        "items": [
            {"day": "2026-10-26", "seen_hours": [8, 9], "ran_hours": [10]},
            {"day": "2026-10-24", "seen_hours": [22], "ran_hours": []},
        ],
        "open": [{"day": "2026-10-26", "hours": [8, 9, 10, 11, 12, 13]}],
    }
    found = presence_of(told, joined, now, "Europe/Paris")
    assert (found.hours_seen, found.hours_late, found.hours_missed) == (
        3,
        1,
        1,
    )  # 11 h UTC; the hour that runs is not over
    assert found.missed == f"M{34 + 20 * 41 + 1} {16 + 8 * 12 + 4}l9 -4l9 4l-9 4z"
    assert found.quiet == f"M{34 + 20 * 40 + 2} {16 + 1.5}h16v5h-16z"  # 22 h UTC on the 24th is midnight of the 25th
    assert [day.weekday() for _x, day in found.weeks] == [0] * len(found.weeks)
    unknown = presence_of({**told, "open": None}, joined, now, "Europe/Paris")
    assert (unknown.hours_missed, unknown.hours_known, unknown.opened) == (0, False, "")
