"""What stands behind a checklist beside devices: answers, exceptions, the thresholds applied, and the score of each day."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import FastAPI

from tests.api.test_checklist import FRENCH, check_sums, checklist, controls_of
from tests.support.agent import healthy, patch_section
from tests.support.cast import Cast
from vigie.checklist.models import Attestation
from vigie.checklist.settling import settle
from vigie.core.clock import wire_time
from vigie.core.ids import uuid7
from vigie.posture.catalogue import load_catalogue

DAY = timedelta(days=1)


async def answer(cast: Cast, app: FastAPI, control: str, said: str, **more: Any) -> str:
    """Let Dr Paz answer a control of Cedar; return the id of the answer."""
    now, provider = cast.clock.now(), UUID(cast.pia.provider_id)
    row = Attestation(
        provider_id=provider,
        id=uuid7(),
        practice_id=UUID(cast.cedar),
        control=control,
        catalogue_version=load_catalogue().version,
        answer=said,
        effective_on=now.date(),
        answered_at=now,
        side="practice",
        member_id=UUID((await cast.paz()).member_id),
        author_name="Dr Paz",
        author_role="practitioner",
        **more,
    )
    async with app.state.parts.database.session(provider, write=True) as session:
        session.add(row)
        await settle(session, app.state.parts.assessor, provider, [UUID(cast.cedar)], now)
    return str(row.id)


async def test_an_answer_leads_to_who_gave_it_and_when(cast: Cast, app: FastAPI) -> None:
    yes = await answer(cast, app, "ANS-1.1", "yes", comment="New locks", evidence_ref="invoice 7")
    await answer(cast, app, "ANS-1.2", "no")
    found = await checklist(cast, headers=FRENCH)
    check_sums(found)
    controls = controls_of(found)
    proof = controls["ANS-1.1"]["answer"]
    assert (controls["ANS-1.1"]["state"], controls["ANS-1.1"]["points"]) == ("pass", {"earned": 1.0, "possible": 1.0})
    assert (proof["source"], proof["attestation"]["id"]) == ("attestation", yes)
    told = proof["attestation"]
    assert (told["author_name"], told["author_role"], told["side"]) == ("Dr Paz", "practitioner", "practice")
    assert (told["answered_at"], told["comment"]) == (wire_time(cast.clock.now()), "New locks")
    assert (told["evidence_ref"], told["evidence_ids"]) == ("invoice 7", [])
    says = "Réponse : oui, depuis le 17 novembre 2026, valable jusqu'au 17 novembre 2027."
    assert (proof["says"], controls["ANS-1.1"]["says"]) == (says, says)
    assert controls["ANS-1.1"]["valid_until"] == proof["valid_until"]
    assert (controls["ANS-1.2"]["state"], controls["ANS-1.2"]["reason"]) == ("fail", "answered_no")
    assert controls["ANS-1.3"]["answer"] is None
    summary = {item["control"]: item["practices"] for item in (await cast.pia.get("/v1/checklist/summary"))["items"]}
    assert summary["ANS-1.2"]["fail"] == summary["ANS-1.1"]["pass"] == 1
    rows = (await cast.pia.get("/v1/practices", params={"control": "ANS-1.2"}))["items"]
    assert [row["id"] for row in rows] == [cast.cedar]


async def test_the_thresholds_shown_are_those_applied_to_this_practice(cast: Cast) -> None:
    ana = await cast.ana()
    for practice, days in ((None, 10), (cast.cedar, 20)):
        body = {"practice_id": practice, "thresholds": {"patch": {"security_pass_days": days}}}
        assert (await ana.call("PUT", "/v1/policies", json=body)).status_code == 200
    for practice, days in ((cast.cedar, 20), (cast.elm, 10)):
        control = controls_of(await checklist(cast, practice))["ANS-2.2"]
        found = {threshold["key"]: threshold for threshold in control["thresholds"]}
        assert found["patch.security_pass_days"] == {"key": "patch.security_pass_days", "default": 14, "applied": days}
        assert found["patch.security_warn_days"]["applied"] == 30


async def test_an_accepted_deviation_stays_visible_and_is_not_suggested(cast: Cast) -> None:
    device = await cast.device()
    late = {**healthy(cast.clock.now()), "patch": patch_section(cast.clock.now(), security=2, age_days=40)}
    await device.report(late)
    before = await checklist(cast)
    assert "ANS-2.2" in {item["control"] for item in before["improvements"]}
    wanted = {
        "practice_id": cast.cedar,
        "control": "ANS-2.2",
        "reason": "The maker of the scanner forbids updates",
        "ends_at": wire_time(cast.clock.now() + 60 * DAY),
    }
    granted = await (await cast.lea()).call("POST", "/v1/exceptions", json=wanted)
    assert granted.status_code == 201, granted.text
    cast.clock.advance(timedelta(hours=1))
    await device.report({"patch": patch_section(cast.clock.now(), security=3, age_days=41)})
    found = await checklist(cast, headers=FRENCH)
    check_sums(found)
    control = controls_of(found)["ANS-2.2"]
    assert (control["state"], control["points"]["earned"]) == ("warn", 1.5)
    [accepted] = control["accepted"]
    assert (accepted["id"], accepted["author_name"], accepted["device_id"]) == (granted.json()["id"], "Lea", None)
    assert control["devices"][0]["says"] == "Cet écart est accepté par une dérogation jusqu'au 16 janvier 2027."
    assert "ANS-2.2" not in {item["control"] for item in found["improvements"]}


async def test_the_trend_tells_the_score_of_each_day(cast: Cast) -> None:
    device = await cast.device()
    await device.report(healthy(cast.clock.now()))
    first = (await checklist(cast))["score"]
    cast.clock.advance(2 * DAY)
    late = patch_section(cast.clock.now(), security=2, age_days=40)
    await device.report({**healthy(cast.clock.now()), "patch": late})
    found = await checklist(cast)
    assert found["score"] < first
    today = cast.clock.now().date()
    expected = [(today - 2 * DAY, first), (today - DAY, first), (today, found["score"])]
    assert [(day["day"], day["score"]) for day in found["trend"]] == [(str(day), score) for day, score in expected]
    short = await checklist(cast, params={"trend_days": 2})
    assert short["trend"] == found["trend"][1:]
