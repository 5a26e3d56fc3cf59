"""The fleet as technicians see it, with what is missing of updates and backups: worst first, with why, and nobody else's."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from markupsafe import escape

from tests.api.test_console_practice import page, shown
from tests.support.agent import backup_section, healthy, job, patch_section
from tests.support.alerts import follow_as_owner
from tests.support.cast import Cast
from tests.support.refusals import refusal
from vigie.core.clock import wire_time
from vigie.core.db import Database
from vigie.people.members import Standing

HOSTILE = "<script>alert('x')</script> \"שלום\" 🦷 &amp;"
LONG = f"{HOSTILE} {'Cabinetdegroupe' * 40}"[:500]


def published(at: datetime, days: int) -> str:
    """Return the day so many days before an instant."""
    return f"{at - timedelta(days=days):%Y-%m-%d}"


async def troubled(cast: Cast) -> None:
    """Let Cedar lack an update on one of two devices, Elm a backup everywhere; a third practice is well and oddly named."""
    at = cast.clock.now()
    await (await cast.device(cast.cedar, alias="accueil-1")).report(healthy(at))
    missing = patch_section(at, security=2, age_days=40)
    missing["data"]["pending"]["items"] = [
        {"kb": "5067925", "class": "security", "released_on": published(at, 20)},
        {"kb": "5067114", "class": "security", "released_on": published(at, 40)},
        {"kb": "5060000", "class": "other"},
    ]
    await (await cast.device(cast.cedar, alias="accueil-2")).report({**healthy(at), "patch": missing})
    old = job(at, last_status="failed", exit_code=1, last_ok_at=wire_time(at - timedelta(days=9)))
    await (await cast.device(cast.elm, alias="serveur-1")).report({**healthy(at), "backup": backup_section(at, old)})
    odd = await cast.pia.practice(LONG, city="x" * 80)
    await (await cast.device(odd)).report(healthy(at))


async def test_the_fleet_says_who_needs_somebody_and_why(cast: Cast) -> None:
    ana, tom, ivo, paz = await cast.ana(), await cast.tom(), await cast.ivo(), await cast.paz()
    empty = await shown(ana, "/practices")
    assert "Rien ne demande d'action maintenant" in empty
    assert "Rien n'est encore remonté" in empty
    assert "Aucun poste inscrit" in empty
    await troubled(cast)
    whole = await shown(ana, "/practices")
    for said in (
        "1 cabinet sur 3 est en ordre.",
        "accueil-2 · correctif manquant, 40 j",
        "9 j sans copie réussie",
        "2 sur 2",
        "&lt;script&gt;alert('x')&lt;/script&gt;",
        "שלום",
    ):
        assert said in whole, said
    raw = (await page(ana, "/practices")).text
    assert 'aria-label="Sélectionner Cedar"' in raw
    assert "<script>alert" not in raw
    assert (
        f'<bdi class="long" title="{escape(LONG)}">{escape(LONG)}</bdi>' in raw
    )  # cut by its style, whole for who asks
    assert raw.index(">Cedar<") < raw.index("שלום")  # who is well comes last
    english = await shown(ana, "/practices", "en")
    assert "1 practice of 3 is in order." in english
    assert "9 d without a good copy" in english
    toms = await shown(tom, "/practices")
    assert "0 cabinet sur 1 est en ordre." in toms
    assert "Elm" not in toms
    assert "Ajouter un cabinet" not in toms
    ivos = await shown(ivo, "/practices")
    assert "Elm" in ivos
    assert "data-practice=" not in (await page(ivo, "/practices")).text
    assert (await page(paz, "/practices")).headers["location"] == "/my-practice"


async def test_filters_search_and_saved_lists_live_in_the_address(cast: Cast) -> None:
    await troubled(cast)
    ana = await cast.ana()
    await ana.call("PUT", f"/v1/practices/{cast.elm}/responsible", json={"member_id": ana.member_id})

    async def listed(query: str) -> set[str]:
        answer = await page(ana, f"/practices?{query}")
        assert answer.status_code == 200
        return {name for name in ("Cedar", "Elm") if f'"Sélectionner {name}"' in answer.text}

    assert await listed("responsible=me") == {"Elm"}
    assert await listed("responsible=none") == {"Cedar"}
    assert await listed("backup=critical") == {"Elm"}
    assert await listed("control=ANS-2.2") == {"Cedar"}
    assert await listed("q=cedar&overall=critical") == {"Cedar"}
    assert "Aucun cabinet ne correspond." in await shown(ana, "/practices?q=nothing")
    assert (await page(ana, "/practices?q=nothing&colour=red")).status_code == 422
    first = await shown(ana, "/practices?limit=1")
    assert "Suivants" in first
    await ana.post("/v1/me/views", {"name": "Sans <b>", "query": "responsible=none"})
    assert "Sans &lt;b&gt;" in await shown(ana, "/practices/views?responsible=none")
    assert f'<option value="{ana.member_id}" selected>Ana</option>' in (await page(ana, "/practices/responsibles")).text
    assert "Ana" not in await shown(await cast.ivo(), "/practices/responsibles"), "an auditor gives nothing to anybody"
    filters = await shown(ana, "/practices/filters?patch=critical")
    assert "2.2 Correctifs de sécurité" in filters


async def test_causes_gather_alerts_and_show_the_first(cast: Cast, database: Database) -> None:
    await troubled(cast)
    cast.clock.advance(timedelta(hours=30))
    await follow_as_owner(database, cast.clock.now())
    ana, tom, bea = await cast.ana(), await cast.tom(), await cast.bea()
    found = {each["cause"]: each for each in (await ana.get("/v1/alerts/causes"))["items"]}
    assert found.keys() >= {"patch", "backup"}
    backup = found["backup"]
    assert (backup["alerts"], backup["unassigned"], backup["first"][0]["practice_name"]) == (1, 1, "Elm")
    assert backup["first"][0]["why"] == "10 d without a good copy"
    alert = backup["first"][0]["id"]
    await ana.post(f"/v1/alerts/{alert}/assign", {"member_id": ana.member_id})
    again = {each["cause"]: each for each in (await ana.get("/v1/alerts/causes"))["items"]}["backup"]
    assert (again["unassigned"], again["first"][0]["assignee_name"]) == (0, "Ana")
    toms = await tom.get("/v1/alerts/causes")
    assert {first["practice_name"] for each in toms["items"] for first in each["first"]} == {"Cedar"}
    assert toms["practices"] == 1
    assert (await bea.get("/v1/alerts/causes")) == {"practices": 0, "items": []}
    text = await shown(ana, "/practices")
    assert "Ce qui demande une action maintenant" in text
    assert "Elm · 10 j sans copie réussie" in text
    snooze = {"until": wire_time(cast.clock.now() + timedelta(hours=2))}
    await ana.post(f"/v1/alerts/{alert}/snooze", snooze)
    assert "backup" not in {each["cause"] for each in (await ana.get("/v1/alerts/causes"))["items"]}


async def test_what_is_missing_is_listed_with_where_and_what_to_do(cast: Cast) -> None:
    await troubled(cast)
    ana, tom, paz, pia = await cast.ana(), await cast.tom(), await cast.paz(), cast.pia
    patches = (await pia.get("/v1/patches"))["items"]
    gap = next(each for each in patches if each["control"] == "ANS-2.2")
    assert (gap["practice_name"], gap["state"], gap["devices_in_state"], gap["devices_concerned"]) == (
        "Cedar",
        "fail",
        1,
        2,
    )
    assert [(each["alias"], each["updates"]) for each in gap["devices"]] == [("accueil-2", ["KB5067114", "KB5067925"])]
    summary = await pia.get("/v1/patches/summary")
    assert [(each["name"], each["released_on"], each["devices"], each["practices"]) for each in summary["updates"]] == [
        ("KB5067114", published(cast.clock.now(), 40), 1, 1),
        ("KB5067925", published(cast.clock.now(), 20), 1, 1),
    ]
    backups = (await pia.get("/v1/backups"))["items"]
    assert {each["practice_name"] for each in backups} == {"Elm"}
    assert {"ANS-5.1", "ANS-5.2"} <= {each["control"] for each in backups}
    late = next(each for each in backups if each["control"] == "ANS-5.1")
    assert late["devices"][0]["last_copy_at"] == wire_time(cast.clock.now() - timedelta(days=9))
    pages: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        part = await pia.get("/v1/backups", params={"limit": 1, **cursor})
        pages += part["items"]
        if part["next_cursor"] is None:
            break
        cursor = {"cursor": part["next_cursor"]}
    assert pages == backups
    assert {each["state"] for each in (await pia.get("/v1/backups?state=fail"))["items"]} == {"fail"}
    assert (await pia.get("/v1/backups?q=cedar"))["items"] == []
    assert refusal(await pia.call("GET", "/v1/backups?control=ANS-2.2")) == (422, "request.invalid")
    assert (await tom.get("/v1/backups"))["items"] == []
    assert (await cast.bela.get("/v1/patches"))["items"] == []
    most = await shown(ana, "/patches/most")
    assert "KB5067114 publiée le" in most
    assert "Non conforme 1" in await shown(ana, "/backups/counts")
    seen = await shown(ana, "/patches")
    for said in ("KB5067114", "accueil-2", "Correctif manquant, 40 j", "Que faire"):
        assert said in seen, said
    assert "Patches that are missing" in await shown(ana, "/patches", "en")
    assert "dernière copie" in await shown(ana, "/backups")
    toms = await shown(tom, "/backups")
    assert "Toutes les sauvegardes sont en ordre." in toms
    assert "Elm" not in toms
    assert (await page(paz, "/backups")).headers["location"] == "/my-practice"


async def test_the_export_is_the_filtered_list_and_no_formula(cast: Cast) -> None:
    await troubled(cast)
    await cast.pia.practice("=HYPERLINK(1)", city="@SUM(1)")
    ana, tom = await cast.ana(), await cast.tom()

    async def rows(who: Any, query: str = "", language: str = "fr") -> list[list[str]]:
        answer = await who.call("GET", f"/v1/practices.csv?language={language}{query}")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.content.startswith(b"\xef\xbb\xbf")
        text = io.StringIO(answer.content.decode("utf-8-sig"))
        return list(csv.reader(text, delimiter=";" if language == "fr" else ","))

    head, *body = await rows(ana)
    named = {row[0]: dict(zip(head, row, strict=True)) for row in body}
    assert named.keys() == {"Cedar", "Elm", LONG, "'=HYPERLINK(1)"}
    assert named["'=HYPERLINK(1)"]["Ville"] == "'@SUM(1)"
    assert named["Elm"]["Sauvegardes"] == "Critique"
    assert named["Cedar"]["Cause (correctifs)"].startswith("Un correctif de sécurité manque")
    assert [row[0] for row in (await rows(ana, "&backup=critical", "en"))[1:]] == ["Elm"]
    assert [row[0] for row in (await rows(tom))[1:]] == ["Cedar"]
    assert refusal(await ana.call("GET", "/v1/practices.csv?limit=1")) == (422, "request.invalid")
    entries = (await ana.get("/v1/audit?limit=5"))["items"]
    assert "practice.export" in {entry["action"] for entry in entries}


async def test_who_may_look_after_practices_is_said_to_those_who_may_ask(cast: Cast) -> None:
    ana, tom, ivo = await cast.ana(), await cast.tom(), await cast.ivo()
    there = await cast.person(cast.pia.provider_id, _elm_only(cast), "Nil")
    names = {each["name"] for each in (await ana.get("/v1/responsibles"))["items"]}
    assert names == {"Ana", "Tom", "Nil"}
    assert {each["name"] for each in (await tom.get("/v1/responsibles"))["items"]} == {"Ana", "Tom"}
    assert names == {each["name"] for each in (await ivo.get("/v1/responsibles"))["items"]}  # an auditor looks on
    nil = (await there.get("/v1/responsibles"))["items"]
    assert {each["name"] for each in nil} == {"Ana", "Nil"}
    assert (await cast.bela.get("/v1/responsibles"))["items"] == []


def _elm_only(cast: Cast) -> Standing:
    return Standing("technician", practices=frozenset({UUID(cast.elm)}))
