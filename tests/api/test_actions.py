"""A "no" has an owner and a day by which it is done; the next "yes" closes it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.support.cast import Cast
from tests.support.people import Person
from tests.support.refusals import refusal
from vigie.people.members import Standing

ESSENTIAL, ORDINARY = "ANS-3.4", "ANS-1.6"  # both the provider's
OF_THE_PRACTICE = "ANS-1.1"


async def answer(person: Person, practice: str, control: str, said: str = "no", **more: Any) -> Any:
    path = f"/v1/practices/{practice}/checklist/{control}"
    answer = await person.call("PUT", path, json={"answer": said, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def actions(person: Person, **filters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await person.get("/v1/actions", params=filters))["items"]
    return found


@pytest.mark.parametrize(
    ("control", "due_on"), [(ESSENTIAL, "2026-12-01"), (ORDINARY, "2027-01-16")], ids=["essential", "ordinary"]
)
async def test_a_no_opens_an_action_with_a_party_and_a_day(cast: Cast, control: str, due_on: str) -> None:
    ana = await cast.ana()
    given = await answer(ana, cast.cedar, control)
    (action,) = await actions(ana)
    assert (action["control"], action["attestation_id"]) == (control, given["id"])
    assert (action["party"], action["status"], action["due_on"]) == ("provider", "open", due_on)
    assert (action["member_id"], action["comment"], action["closed_at"]) == (None, None, None)


@pytest.mark.parametrize("said", ["yes", "not_applicable"])
async def test_the_next_answer_that_is_no_no_closes_it(cast: Cast, said: str) -> None:
    await answer(await cast.ana(), cast.cedar, ORDINARY)
    cast.clock.advance(timedelta(days=2))
    ana, lea = await cast.ana(), await cast.lea()
    await answer(lea, cast.cedar, ORDINARY, said, reason="A new battery was fitted.")
    (action,) = await actions(ana)
    assert (action["status"], action["closed_at"], action["closed_by"]) == ("done", "2026-11-19T09:30:00Z", "Lea")
    await answer(ana, cast.cedar, ORDINARY)
    assert sorted(each["status"] for each in await actions(ana)) == ["done", "open"]


async def test_another_no_leaves_the_open_one_as_it_is(cast: Cast) -> None:
    ana, lea = await cast.ana(), await cast.lea()
    await answer(ana, cast.cedar, ORDINARY)
    before = await actions(ana)
    cast.clock.advance(timedelta(minutes=20))
    await answer(lea, cast.cedar, ORDINARY)
    assert await actions(ana) == before


async def test_the_list_is_by_day_and_by_filter(cast: Cast) -> None:
    ana, paz = await cast.ana(), await cast.paz()
    await answer(ana, cast.cedar, ORDINARY)
    await answer(ana, cast.elm, ESSENTIAL)
    await answer(paz, cast.cedar, OF_THE_PRACTICE)
    await answer(ana, cast.elm, ORDINARY)
    await answer(ana, cast.elm, ORDINARY, "yes")
    everything = await actions(ana)
    assert [each["due_on"] for each in everything] == ["2026-12-01", *["2027-01-16"] * 3]
    for filters, wanted in (
        ({"practice_id": cast.cedar}, [OF_THE_PRACTICE, ORDINARY]),
        ({"party": "practice"}, [OF_THE_PRACTICE]),
        ({"status": "done"}, [ORDINARY]),
        ({"due_before": "2026-12-01"}, []),
        ({"due_before": "2026-12-02"}, [ESSENTIAL]),
        ({"status": "open", "practice_id": cast.elm}, [ESSENTIAL]),
    ):
        assert sorted(each["control"] for each in await actions(ana, **filters)) == wanted, filters
    seen: list[str] = []
    page = await ana.get("/v1/actions", params={"limit": 3})
    seen += [each["id"] for each in page["items"]]
    page = await ana.get("/v1/actions", params={"limit": 3, "cursor": page["next_cursor"]})
    seen += [each["id"] for each in page["items"]]
    assert (seen, page["next_cursor"]) == ([each["id"] for each in everything], None)


async def test_each_sees_the_actions_of_the_practices_they_see(cast: Cast) -> None:
    ana = await cast.ana()
    await answer(ana, cast.cedar, ORDINARY)
    await answer(ana, cast.elm, ORDINARY)
    for who, seen in (
        (cast.tom, {cast.cedar}),
        (cast.paz, {cast.cedar}),
        (cast.lea, {cast.cedar, cast.elm}),
        (cast.bea, set()),
    ):
        assert {each["practice_id"] for each in await actions(await who())} == seen
    assert (await cast.pia.call("DELETE", f"/v1/practices/{cast.elm}")).status_code == 204
    assert {each["practice_id"] for each in await actions(ana)} == {cast.cedar}


async def test_the_title_is_in_the_language_asked_for(cast: Cast) -> None:
    ana = await cast.ana()
    await answer(ana, cast.cedar, ESSENTIAL)
    french = await ana.get("/v1/actions", headers={"Accept-Language": "fr"})
    english = await ana.get("/v1/actions", headers={"Accept-Language": "en"})
    assert french["items"][0]["title"].startswith("Double authentification")
    assert english["items"][0]["title"] != french["items"][0]["title"]


async def change(person: Any, action: dict[str, Any], **patch: Any) -> Any:
    return await person.call("PATCH", f"/v1/actions/{action['id']}", json=patch)


async def test_owner_day_and_comment_can_be_changed(cast: Cast) -> None:
    ana, tom = await cast.ana(), await cast.tom()
    await answer(ana, cast.cedar, ORDINARY)
    (action,) = await actions(ana)
    changed = (await change(tom, action, member_id=tom.member_id, due_on="2026-12-24", comment="Ordered.")).json()
    assert (changed["member_id"], changed["due_on"], changed["comment"]) == (tom.member_id, "2026-12-24", "Ordered.")
    assert changed["status"] == "open"
    assert (await change(ana, action, member_id=None)).json()["member_id"] is None
    events = (await ana.get(f"/v1/practices/{cast.cedar}/changes"))["items"]
    assert [event["kind"] for event in events[:2]] == ["action.changed", "action.changed"]
    assert (await change(ana, action, comment="Ordered.")).status_code == 200
    assert (await ana.get(f"/v1/practices/{cast.cedar}/changes"))["items"] == events  # nothing was changed


@pytest.mark.parametrize("patch", [{"due_on": None}, {"status": None}, {"status": "later"}, {"control": "ANS-1.1"}])
async def test_what_an_action_cannot_become_is_refused(cast: Cast, patch: dict[str, Any]) -> None:
    ana = await cast.ana()
    await answer(ana, cast.cedar, ORDINARY)
    (action,) = await actions(ana)
    assert refusal(await change(ana, action, **patch)) == (422, "request.invalid")
    assert (await change(ana, action, status="done")).status_code == 200


async def test_the_owner_belongs_to_the_party_and_sees_the_practice(cast: Cast) -> None:
    ana, paz, tom = await cast.ana(), await cast.paz(), await cast.tom()
    await answer(ana, cast.elm, ORDINARY)
    await answer(paz, cast.cedar, OF_THE_PRACTICE)
    theirs, ours = sorted(await actions(ana), key=lambda each: str(each["party"]))
    assert (theirs["party"], ours["party"]) == ("practice", "provider")
    elsewhere = await cast.person(cast.pia.provider_id, Standing("practice_staff", UUID(cast.elm)), "Eve")
    for action, nobody in ((ours, paz), (ours, tom), (ours, await cast.bea()), (theirs, ana), (theirs, elsewhere)):
        assert refusal(await change(ana, action, member_id=nobody.member_id)) == (422, "action.owner"), nobody.name
    assert (await change(ana, ours, member_id=ana.member_id)).status_code == 200
    assert (await change(ana, theirs, member_id=paz.member_id)).status_code == 200


async def test_the_practice_changes_its_own_actions_only(cast: Cast) -> None:
    ana, paz, zoe = await cast.ana(), await cast.paz(), await cast.zoe()
    await answer(ana, cast.cedar, ORDINARY)
    await answer(paz, cast.cedar, OF_THE_PRACTICE)
    theirs, ours = sorted(await actions(ana), key=lambda each: str(each["party"]))
    assert refusal(await change(zoe, ours, comment="Soon?")) == (403, "checklist.wrong_side")
    assert (await change(zoe, theirs, comment="Soon.")).status_code == 200
    assert (await change(ana, theirs, comment="Reminded.")).status_code == 200
    assert refusal(await change(await cast.ivo(), theirs, comment="x")) == (403, "auth.insufficient_scope")


async def test_dropping_an_action_needs_a_reason_and_reopening_a_place(cast: Cast) -> None:
    ana = await cast.ana()
    await answer(ana, cast.cedar, ORDINARY)
    (action,) = await actions(ana)
    assert refusal(await change(ana, action, status="dropped")) == (422, "checklist.reason_required")
    dropped = (await change(ana, action, status="dropped", comment="The practice closes in June.")).json()
    assert (dropped["status"], dropped["closed_by"]) == ("dropped", "Ana")
    reopened = (await change(ana, action, status="open")).json()
    assert (reopened["status"], reopened["closed_at"], reopened["closed_by"]) == ("open", None, None)
    await change(ana, action, status="done")
    await answer(await cast.lea(), cast.cedar, ORDINARY)  # done, they said; and it still is not
    assert len(await actions(ana, status="open")) == 1
    assert refusal(await change(ana, action, status="open")) == (409, "action.already_open")


async def test_closing_an_action_does_not_answer_the_control(cast: Cast) -> None:
    ana = await cast.ana()
    await answer(ana, cast.cedar, ORDINARY)
    (action,) = await actions(ana)
    await change(ana, action, status="done")
    history = (await ana.get(f"/v1/practices/{cast.cedar}/checklist/{ORDINARY}/answers"))["items"]
    assert [each["answer"] for each in history] == ["no"]
