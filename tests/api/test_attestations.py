"""Answering the checklist: who may answer what, what an answer changes, what is kept of the one before."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row, text

from tests.conftest import NOW
from tests.support.cast import Cast
from tests.support.people import Person
from tests.support.refusals import refusal
from vigie.core.db import Database

REASON = "No server here: everything is hosted."
OURS, THEIRS, MACHINES = "ANS-1.6", "ANS-1.1", "ANS-2.2"  # the provider answers, the practice does, nobody does


async def put(person: Any, practice: str, control: str, **said: Any) -> Any:
    return await person.call("PUT", f"/v1/practices/{practice}/checklist/{control}", json={"answer": "yes", **said})


async def told(person: Person, practice: str, control: str) -> dict[str, Any]:
    """Return the latest change of a control that the log tells."""
    changes = (await person.get(f"/v1/practices/{practice}/changes"))["items"]
    found = [each for event in changes for each in event["payload"].get("controls", ()) if each["control"] == control]
    return found[0] if found else {}


async def stored(database: Database, practice: str, control: str) -> Row[*tuple[Any, ...]]:
    async with database.engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT state, reason, evidence, valid_until FROM finding WHERE subject_id = :p AND control = :c"),
            {"p": practice, "c": control},
        )
        return rows.one()


@pytest.mark.parametrize(
    ("who", "control", "wanted"),
    [
        ("ana", OURS, 200),
        ("lea", OURS, 200),
        ("tom", OURS, 200),
        ("paz", OURS, (403, "checklist.wrong_side")),
        ("zoe", OURS, (403, "checklist.wrong_side")),
        ("ivo", OURS, (403, "auth.insufficient_scope")),
        ("paz", THEIRS, 200),
        ("zoe", THEIRS, 200),
        ("ana", THEIRS, (403, "checklist.wrong_side")),
        ("tom", THEIRS, (403, "checklist.wrong_side")),
        ("ana", MACHINES, (409, "checklist.automatic")),
        ("paz", MACHINES, (409, "checklist.automatic")),
        ("ana", "ANS-9.9", (404, "not_found")),
    ],
)
async def test_each_side_answers_its_own_controls(cast: Cast, who: str, control: str, wanted: Any) -> None:
    person: Person = await getattr(cast, who)()
    answer = await put(person, cast.cedar, control)
    assert (answer.status_code if wanted == 200 else refusal(answer)) == wanted


async def test_no_partner_client_answers_for_people(cast: Cast) -> None:
    assert refusal(await put(cast.pia, cast.cedar, OURS)) == (403, "auth.insufficient_scope")


async def test_an_answer_says_who_gave_it_since_when_and_until_when_it_holds(cast: Cast, database: Database) -> None:
    paz = await cast.paz()
    answer = await put(paz, cast.cedar, THEIRS, effective_on="2026-11-02", comment="Alarm since 2024.")
    given = answer.json()
    assert (given["effective_on"], given["expires_on"]) == ("2026-11-02", "2027-11-02")
    assert (given["side"], given["author_role"], given["author_name"]) == ("practice", "practitioner", "Dr Paz")
    assert (given["member_id"], given["answer"], given["superseded_at"]) == (paz.member_id, "yes", None)
    row = await stored(database, cast.cedar, THEIRS)
    assert (row.state, row.reason) == ("pass", "answered_yes")
    assert row.evidence["attestation"]["id"] == given["id"]
    assert row.evidence["attestation"]["author"] == paz.member_id
    assert "Paz" not in str(row.evidence)


async def test_without_a_date_an_answer_counts_from_today_where_the_practice_is(cast: Cast) -> None:
    far = await cast.pia.practice("Far", time_zone="Pacific/Auckland")
    cast.clock.move_to(NOW.replace(hour=12))  # already the 18th there
    ana = await cast.ana()
    assert (await put(ana, far, OURS)).json()["effective_on"] == "2026-11-18"
    assert (await put(ana, far, OURS, effective_on="2026-11-18")).status_code == 200
    assert refusal(await put(ana, cast.cedar, OURS, effective_on="2026-11-18")) == (422, "checklist.effective_date")
    assert (await put(ana, cast.cedar, OURS, effective_on="2026-11-17")).status_code == 200


@pytest.mark.parametrize(("day", "accepted"), [("2024-11-17", True), ("2024-11-16", False)])
async def test_what_was_true_two_years_ago_says_nothing_about_today(cast: Cast, day: str, *, accepted: bool) -> None:
    answer = await put(await cast.ana(), cast.cedar, OURS, effective_on=day)
    if accepted:
        assert answer.status_code == 200
    else:
        assert refusal(answer) == (422, "checklist.effective_date")
        assert (answer.json()["earliest"], answer.json()["latest"]) == ("2024-11-17", "2026-11-17")


@pytest.mark.parametrize(
    ("reason", "accepted"), [(REASON, True), ("Ten chars.", True), ("Nine char", False), (None, False)]
)
async def test_not_applicable_needs_a_written_reason(cast: Cast, reason: str | None, *, accepted: bool) -> None:
    said = {"answer": "not_applicable", **({"reason": reason} if reason else {})}
    answer = await put(await cast.ana(), cast.cedar, OURS, **said)
    if accepted:
        assert answer.json()["reason"] == reason
    else:
        assert refusal(answer) == (422, "checklist.reason_required")


@pytest.mark.parametrize(
    "said",
    [{"answer": "maybe"}, {"colour": "red"}, {"comment": "a" * 2001}, {"effective_on": "soon"}, {"comment": "\x00"}],
)
async def test_what_is_not_documented_is_refused(cast: Cast, said: dict[str, Any]) -> None:
    ana = await cast.ana()
    assert refusal(await put(ana, cast.cedar, OURS, **said)) == (422, "request.invalid")
    assert (await put(ana, cast.cedar, OURS)).status_code == 200


async def test_an_archived_practice_takes_no_answers_and_keeps_those_it_has(cast: Cast) -> None:
    ana = await cast.ana()
    assert (await put(ana, cast.cedar, OURS)).status_code == 200
    assert (await cast.pia.call("DELETE", f"/v1/practices/{cast.cedar}")).status_code == 204
    assert refusal(await put(ana, cast.cedar, OURS, answer="no")) == (409, "practice.archived")
    assert len((await ana.get(f"/v1/practices/{cast.cedar}/checklist/{OURS}/answers"))["items"]) == 1


async def test_every_answer_is_kept_and_the_latest_stands(cast: Cast) -> None:
    ana, lea = await cast.ana(), await cast.lea()
    path = f"/v1/practices/{cast.cedar}/checklist/{OURS}/answers"
    first = (await put(ana, cast.cedar, OURS)).json()
    cast.clock.advance(timedelta(minutes=20))
    second = (await put(lea, cast.cedar, OURS, answer="no", comment="The battery is dead.")).json()
    history = (await ana.get(path))["items"]
    assert [each["id"] for each in history] == [second["id"], first["id"]]
    assert history[0] == second
    assert history[1] == {**first, "superseded_at": "2026-11-17T09:50:00Z"}
    page = await ana.get(path, params={"limit": 1})
    assert [each["id"] for each in page["items"]] == [second["id"]]
    rest = await ana.get(path, params={"limit": 1, "cursor": page["next_cursor"]})
    assert [each["id"] for each in rest["items"]] == [first["id"]]


async def test_the_same_answer_by_the_same_person_is_no_second_one(cast: Cast) -> None:
    ana, lea = await cast.ana(), await cast.lea()
    first = (await put(ana, cast.cedar, OURS)).json()
    assert (await put(ana, cast.cedar, OURS)).json() == first
    assert (await put(lea, cast.cedar, OURS)).json()["id"] != first["id"]
    assert len((await ana.get(f"/v1/practices/{cast.cedar}/checklist/{OURS}/answers"))["items"]) == 2


async def test_an_answer_reaches_the_verdict_and_the_log_at_once(cast: Cast) -> None:
    ana = await cast.ana()
    given = (await put(ana, cast.cedar, OURS, answer="no")).json()
    after = await ana.get(f"/v1/practices/{cast.cedar}")
    assert after["posture"]["checklist"] == "critical"  # what is known is under half
    changes = (await ana.get(f"/v1/practices/{cast.cedar}/changes"))["items"]
    kinds = [event["kind"] for event in changes]
    assert kinds[:3] == ["posture.changed", "action.opened", "attestation.given"]
    assert changes[2]["payload"]["attestation"] == given["id"]
    assert await told(ana, cast.cedar, OURS) == {
        "control": OURS,
        "from": None,
        "to": "fail",
        "reason": "answered_no",
    }


async def test_a_repeated_answer_tells_nobody_anything(cast: Cast) -> None:
    ana = await cast.ana()
    await put(ana, cast.cedar, OURS)
    before = (await ana.get(f"/v1/practices/{cast.cedar}/changes"))["items"]
    await put(ana, cast.cedar, OURS)
    assert (await ana.get(f"/v1/practices/{cast.cedar}/changes"))["items"] == before


async def test_two_who_answer_at_once_leave_one_answer_that_stands(cast: Cast) -> None:
    ana, lea = await cast.ana(), await cast.lea()
    answers = await asyncio.gather(
        *(put(who, cast.cedar, OURS, answer=said) for who in (ana, lea) for said in ("yes", "no"))
    )
    assert [answer.status_code for answer in answers] == [200] * 4
    history = (await ana.get(f"/v1/practices/{cast.cedar}/checklist/{OURS}/answers"))["items"]
    assert sum(each["superseded_at"] is None for each in history) == 1
    assert len(history) == 4
