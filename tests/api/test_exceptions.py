"""Accepted deviations: who may accept what, until when, and how it shows."""

from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import NOW
from tests.support.agent import healthy, patch_section
from tests.support.cast import Cast
from tests.support.people import Person
from vigie.core.clock import wire_time

DAY = timedelta(days=1)
OVERDUE = {"security": 1, "critical": 0, "other": 0, "max_age_days": 90, "items": []}


def wanted(cast: Cast, **changes: Any) -> dict[str, Any]:
    body = {
        "practice_id": cast.cedar,
        "control": "ANS-2.2",
        "reason": "The maker of the scanner forbids updates",
        "ends_at": wire_time(NOW + 60 * DAY),
    }
    return {key: value for key, value in {**body, **changes}.items() if value is not None}


async def grant(cast: Cast, person: Person, **changes: Any) -> Any:
    return await person.call("POST", "/v1/exceptions", json=wanted(cast, **changes))


async def finding(cast: Cast, device_id: str, control: str = "ANS-2.2") -> dict[str, Any]:
    items = (await cast.pia.get(f"/v1/devices/{device_id}/findings"))["items"]
    return next(item for item in items if item["control"] == control)


async def test_a_failure_reported_under_an_exception_is_a_warning_that_names_it(cast: Cast) -> None:
    lea = await cast.lea()
    device = await cast.device()
    granted = (await grant(cast, lea, device_id=device.device_id, compensating_measure="Alone in its network")).json()
    assert (granted["standing"], granted["author"]["name"]) == ("active", "Lea")
    other = await cast.device()
    for each in (device, other):
        await each.report({**healthy(NOW), "patch": patch_section(NOW, pending=OVERDUE)})
    found = await finding(cast, device.device_id)
    assert (found["state"], found["reason"]) == ("warn", "accepted")
    assert found["evidence"]["exception"] == granted["id"]
    assert found["evidence"]["accepted_reason"] == "security_updates_overdue"
    assert found["valid_until"] <= granted["ends_at"]
    assert (await finding(cast, other.device_id))["state"] == "fail"  # which the exception does not name
    posture = await cast.pia.get(f"/v1/practices/{cast.cedar}/posture")
    assert posture["active_exceptions"] == 1
    assert (await cast.pia.get(f"/v1/practices/{cast.elm}/posture"))["active_exceptions"] == 0


async def test_an_exception_of_the_practice_is_about_all_its_devices(cast: Cast) -> None:
    await grant(cast, await cast.lea())
    device, foreign = await cast.device(), await cast.device(cast.elm)
    for each in (device, foreign):
        await each.report({**healthy(NOW), "patch": patch_section(NOW, pending=OVERDUE)})
    assert (await finding(cast, device.device_id))["reason"] == "accepted"
    assert (await finding(cast, foreign.device_id))["state"] == "fail"
    assert (await cast.pia.get(f"/v1/practices/{cast.cedar}"))["posture"]["patch"] == "warning"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"ends_at": None}, "request.invalid"),
        ({"reason": "short"}, "request.invalid"),
        ({"ends_at": "2026-12-31T00:00:00"}, "request.invalid"),  # without a zone
        ({"colour": "red"}, "request.invalid"),
        ({"ends_at": wire_time(NOW)}, "exception.period"),
        ({"ends_at": wire_time(NOW + timedelta(seconds=1))}, None),
        ({"starts_at": wire_time(NOW - timedelta(seconds=1))}, "exception.period"),
        ({"starts_at": wire_time(NOW + 60 * DAY)}, "exception.period"),
        ({"starts_at": wire_time(NOW + 59 * DAY)}, None),
        ({"ends_at": wire_time(NOW.replace(year=NOW.year + 2))}, None),
        ({"ends_at": wire_time(NOW.replace(year=NOW.year + 2) + timedelta(seconds=1))}, "exception.period"),
        ({"control": "ANS-1.1"}, None),  # answered by people: excepted for the practice
        ({"control": "ANS-5.11"}, None),
        ({"control": "ANS-9.99"}, "exception.control"),
    ],
)
async def test_an_exception_has_a_reason_a_control_and_an_end(
    cast: Cast, changes: dict[str, Any], expected: str | None
) -> None:
    lea = await cast.lea()
    answer = await grant(cast, lea, **changes)
    granted = (await lea.get("/v1/exceptions?standing=all"))["items"]
    if expected is None:
        assert (answer.status_code, len(granted)) == (201, 1), answer.text
        return
    if "ends_at" in changes and changes["ends_at"] is None:
        assert answer.json()["errors"][0]["pointer"] == "/body/ends_at"
    assert (answer.status_code, answer.json()["code"], granted) == (422, expected, [])


async def test_a_device_can_be_excepted_from_what_is_judged_on_devices_of_its_practice(cast: Cast) -> None:
    lea = await cast.lea()
    device, elsewhere = await cast.device(), await cast.device(cast.elm)
    for control, named, expected in (
        ("ANS-2.2", device, (201, None)),
        ("ANS-1.1", device, (422, "exception.control")),
        ("ANS-2.2", elsewhere, (404, "not_found")),
    ):
        answer = await grant(cast, lea, control=control, device_id=named.device_id)
        assert (answer.status_code, answer.json().get("code")) == expected


async def test_provider_staff_accept_deviations_in_the_practices_they_see(cast: Cast) -> None:
    for person, practice, expected in (
        (await cast.tom(), cast.cedar, 201),
        (await cast.tom(), cast.elm, 404),
        (await cast.paz(), cast.cedar, 403),
        (await cast.ivo(), cast.cedar, 403),
        (await cast.bea(), cast.cedar, 404),
        (await cast.ana(), cast.elm, 201),
    ):
        assert (await grant(cast, person, practice_id=practice)).status_code == expected
    for reader, seen in ((await cast.paz(), 1), (await cast.ivo(), 2), (await cast.bea(), 0), (await cast.tom(), 1)):
        assert len((await reader.get("/v1/exceptions"))["items"]) == seen
    for path in (f"?practice_id={cast.elm}", "?control=ANS-2.2&limit=1"):
        assert len((await (await cast.ivo()).get(f"/v1/exceptions{path}"))["items"]) == 1


async def test_an_exception_that_was_ended_stays_in_the_list_and_excuses_nothing(cast: Cast) -> None:
    lea = await cast.lea()
    granted = (await grant(cast, lea)).json()
    later = (await grant(cast, lea, starts_at=wire_time(NOW + DAY), control="ANS-2.3")).json()
    assert [item["id"] for item in (await lea.get("/v1/exceptions"))["items"]] == [granted["id"]]
    assert [item["id"] for item in (await lea.get("/v1/exceptions?standing=upcoming"))["items"]] == [later["id"]]
    for _ in range(2):  # twice is as good as once
        assert (await lea.call("DELETE", f"/v1/exceptions/{granted['id']}")).status_code == 204
    (ended,) = (await lea.get("/v1/exceptions?standing=ended"))["items"]
    assert (ended["id"], ended["ended_at"], ended["ended_by"]) == (granted["id"], wire_time(NOW), "Lea")
    device = await cast.device()
    await device.report({**healthy(NOW), "patch": patch_section(NOW, pending=OVERDUE)})
    assert (await finding(cast, device.device_id))["state"] == "fail"
    kinds = [change["kind"] for change in (await lea.get(f"/v1/practices/{cast.cedar}/changes"))["items"]]
    assert (kinds.count("exception.created"), kinds.count("exception.ended")) == (2, 1)
    assert (await lea.call("DELETE", f"/v1/exceptions/{cast.cedar}")).status_code == 404


async def test_the_same_request_again_accepts_nothing_twice(cast: Cast) -> None:
    lea = await cast.lea()
    keyed = {"json": wanted(cast), "headers": {"Idempotency-Key": "once"}}
    first, again = [await lea.call("POST", "/v1/exceptions", **keyed) for _ in range(2)]
    assert (first.status_code, again.json()) == (201, first.json())
    assert len((await lea.get("/v1/exceptions"))["items"]) == 1
