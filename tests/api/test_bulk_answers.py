"""One answer for many practices: all of them or none, and only where the answer is the provider's own."""

from typing import Any

import pytest

from tests.support.cast import Cast
from tests.support.refusals import refusal
from vigie.core.ids import uuid7

CONTROL = "ANS-4.2"  # procedures: the provider supplies the same ones everywhere
HERE = "ANS-1.6"  # the power supply of each place is another


def said(control: str = CONTROL, practices: Any = "all", **more: Any) -> dict[str, Any]:
    return {"control": control, "answer": "yes", "practices": practices, **more}


async def standing(person: Any, practice: str, control: str = CONTROL) -> list[str]:
    items = (await person.get(f"/v1/practices/{practice}/checklist/{control}/answers"))["items"]
    return [each["answer"] for each in items]


async def test_all_means_all_that_the_caller_sees_and_that_are_not_archived(cast: Cast) -> None:
    ana, tom = await cast.ana(), await cast.tom()
    gone = await cast.pia.practice("Gone")
    assert (await cast.pia.call("DELETE", f"/v1/practices/{gone}")).status_code == 204
    made = await ana.post("/v1/attestations", said())
    assert (made["control"], made["answer"], made["answered"]) == (CONTROL, "yes", 2)
    assert len(made["attestations"]) == 2
    assert (await standing(ana, cast.cedar), await standing(ana, cast.elm)) == (["yes"], ["yes"])
    assert await standing(ana, gone) == []
    assert (await tom.post("/v1/attestations", said(answer="no")))["answered"] == 1
    assert (await standing(ana, cast.cedar), await standing(ana, cast.elm)) == (["no", "yes"], ["yes"])
    assert await standing(await cast.bea(), cast.fir) == []


async def test_named_practices_are_answered_for_and_no_others(cast: Cast) -> None:
    ana = await cast.ana()
    assert (await ana.post("/v1/attestations", said(practices=[cast.elm])))["answered"] == 1
    assert (await standing(ana, cast.cedar), await standing(ana, cast.elm)) == ([], ["yes"])


@pytest.mark.parametrize("stranger", ["fir", "nobody"])
async def test_one_practice_of_somebody_else_and_nothing_is_done(cast: Cast, stranger: str) -> None:
    ana = await cast.ana()
    other = cast.fir if stranger == "fir" else str(uuid7())
    refused = await ana.call("POST", "/v1/attestations", json=said(practices=[cast.cedar, other]))
    assert refusal(refused) == (404, "not_found")
    assert await standing(ana, cast.cedar) == []
    assert (await ana.call("POST", "/v1/attestations", json=said(practices=[cast.cedar]))).status_code == 201


async def test_a_limited_technician_names_only_what_they_see(cast: Cast) -> None:
    tom = await cast.tom()
    refused = await tom.call("POST", "/v1/attestations", json=said(practices=[cast.cedar, cast.elm]))
    assert refusal(refused) == (404, "not_found")
    assert (await tom.call("POST", "/v1/attestations", json=said(practices=[cast.cedar]))).status_code == 201


async def test_one_archived_practice_and_nothing_is_done(cast: Cast) -> None:
    ana = await cast.ana()
    assert (await cast.pia.call("DELETE", f"/v1/practices/{cast.elm}")).status_code == 204
    refused = await ana.call("POST", "/v1/attestations", json=said(practices=[cast.cedar, cast.elm]))
    assert refusal(refused) == (409, "practice.archived")
    assert await standing(ana, cast.cedar) == []


@pytest.mark.parametrize(
    ("control", "wanted"),
    [
        (HERE, (409, "checklist.not_in_bulk")),
        ("ANS-1.1", (403, "checklist.wrong_side")),
        ("ANS-2.2", (409, "checklist.automatic")),
        ("ANS-0.0", (404, "not_found")),
    ],
)
async def test_what_has_to_be_looked_at_place_by_place_is_not_answered_at_once(
    cast: Cast, control: str, wanted: tuple[int, str]
) -> None:
    ana = await cast.ana()
    assert refusal(await ana.call("POST", "/v1/attestations", json=said(control))) == wanted
    assert (await ana.call("POST", "/v1/attestations", json=said())).status_code == 201


async def test_five_hundred_practices_and_no_more(cast: Cast) -> None:
    ana = await cast.ana()
    many = [str(uuid7()) for _ in range(501)]
    refused = await ana.call("POST", "/v1/attestations", json=said(practices=many))
    assert refusal(refused) == (422, "checklist.too_many")
    assert refused.json()["limit"] == 500
    few = await ana.call("POST", "/v1/attestations", json=said(practices=many[:500]))
    assert refusal(few) == (404, "not_found")  # counted as allowed, and none of them exists


async def test_an_answer_that_came_twice_under_one_key_is_given_once(cast: Cast) -> None:
    ana, key = await cast.ana(), {"Idempotency-Key": str(uuid7())}
    first = await ana.call("POST", "/v1/attestations", json=said(), headers=key)
    again = await ana.call("POST", "/v1/attestations", json=said(), headers=key)
    assert (first.status_code, again.json()) == (201, first.json())
    assert await standing(ana, cast.cedar) == ["yes"]
    other = await ana.call("POST", "/v1/attestations", json=said(answer="no"), headers=key)
    assert refusal(other) == (409, "request.idempotency_conflict")


async def test_without_reason_nothing_is_called_not_applicable(cast: Cast) -> None:
    ana = await cast.ana()
    refused = await ana.call("POST", "/v1/attestations", json=said(answer="not_applicable"))
    assert refusal(refused) == (422, "checklist.reason_required")
    given = await ana.call(
        "POST", "/v1/attestations", json=said(answer="not_applicable", reason="We write no procedures.")
    )
    assert given.status_code == 201


async def test_a_no_for_many_opens_an_action_at_each(cast: Cast) -> None:
    ana = await cast.ana()
    await ana.post("/v1/attestations", said(answer="no"))
    actions = (await ana.get("/v1/actions"))["items"]
    assert {(each["practice_id"], each["control"], each["status"]) for each in actions} == {
        (cast.cedar, CONTROL, "open"),
        (cast.elm, CONTROL, "open"),
    }
    await ana.post("/v1/attestations", said(answer="yes"))
    assert {each["status"] for each in (await ana.get("/v1/actions"))["items"]} == {"done"}
