"""Thresholds of a provider and its practices: who may change them, within which bounds, and what they then do to a verdict."""

from typing import Any

import pytest

from tests.conftest import NOW
from tests.support.agent import healthy, patch_section
from tests.support.cast import Cast
from tests.support.people import Person

LATE = {"patch": {"security_pass_days": 30, "security_warn_days": 60}}


async def put(person: Person, practice: str | None, thresholds: dict[str, Any]) -> Any:
    return await person.call("PUT", "/v1/policies", json={"practice_id": practice, "thresholds": thresholds})


def shown(policy: dict[str, Any], family: str, key: str) -> tuple[Any, str]:
    found = policy["effective"][family][key]
    return found["value"], found["source"]


async def test_a_practice_lays_its_thresholds_over_those_of_its_provider_over_the_defaults(cast: Cast) -> None:
    ana = await cast.ana()
    assert (await put(ana, None, {"patch": {"security_pass_days": 10, "search_pass_days": 5}})).status_code == 200
    changed = await put(ana, cast.cedar, {"patch": {"security_pass_days": 20}})
    assert changed.json()["revision"] == 1
    page = await ana.get("/v1/policies")
    assert page["provider"]["thresholds"] == {"patch": {"security_pass_days": 10, "search_pass_days": 5}}
    (cedar,) = page["items"]
    assert cedar["practice_id"] == cast.cedar
    assert shown(cedar, "patch", "security_pass_days") == (20, "practice")
    assert shown(cedar, "patch", "search_pass_days") == (5, "provider")
    assert shown(cedar, "patch", "security_warn_days") == (30, "default")
    (elm,) = (await ana.get(f"/v1/policies?practice_id={cast.elm}"))["items"]
    assert (elm["revision"], shown(elm, "patch", "security_pass_days")) == (0, (10, "provider"))


async def test_a_report_is_judged_by_the_thresholds_of_its_practice(cast: Cast) -> None:
    ana = await cast.ana()
    await put(ana, cast.elm, LATE)
    states = {}
    for practice in (cast.cedar, cast.elm):
        device = await cast.device(practice)
        pending = {"security": 1, "critical": 0, "other": 0, "max_age_days": 20, "items": []}
        await device.report({**healthy(NOW), "patch": patch_section(NOW, pending=pending)})
        items = (await cast.pia.get(f"/v1/devices/{device.device_id}/findings"))["items"]
        found = next(item for item in items if item["control"] == "ANS-2.2")
        states[practice] = (found["state"], found["threshold"]["pass_days"])
    assert states == {cast.cedar: ("warn", 14), cast.elm: ("pass", 30)}


async def test_putting_replaces_all_and_nothing_takes_all_back(cast: Cast) -> None:
    ana = await cast.ana()
    await put(ana, None, {"patch": {"security_pass_days": 10}, "backup": {"failures_fail": 3}})
    second = (await put(ana, None, {"backup": {"failures_fail": 3}})).json()
    assert (second["thresholds"], second["revision"]) == ({"backup": {"failures_fail": 3}}, 2)
    same = (await put(ana, None, {"backup": {"failures_fail": 3}, "patch": {}})).json()
    assert same["revision"] == 2  # what is already so is no change
    assert (await put(ana, None, {})).json()["thresholds"] == {}
    entries = [entry for entry in (await ana.get("/v1/audit"))["items"] if entry["action"] == "policy.change"]
    assert [entry["details"]["changed"] for entry in entries] == [
        ["backup.failures_fail: 3 → None"],
        [],
        ["patch.security_pass_days: 10 → None"],
        ["backup.failures_fail: None → 3", "patch.security_pass_days: None → 10"],
    ]


async def test_a_practice_is_told_in_its_changes_that_its_thresholds_changed(cast: Cast) -> None:
    ana = await cast.ana()
    await put(ana, cast.cedar, {"patch": {"security_pass_days": 20}})
    changes = (await ana.get(f"/v1/practices/{cast.cedar}/changes"))["items"]
    assert changes[0]["kind"] == "policy.changed"
    assert changes[0]["payload"]["changed"] == [
        {"family": "patch", "key": "security_pass_days", "from": None, "to": 20}
    ]


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        ({"patch": {"security_pass_days": 30}}, None),
        ({"patch": {"security_pass_days": 0}}, ("policy.out_of_bounds", (1, 60))),
        ({"patch": {"security_pass_days": 61}}, ("policy.out_of_bounds", (1, 60))),
        ({"exposure": {"remote_tools_allowed": ["rustdesk"] * 51}}, ("policy.out_of_bounds", (0, 50))),
        ({"patch": {"security_pass_days": 31}}, ("policy.contradictory", None)),  # warns up to 30
        ({"patch": {"colour": 3}}, ("request.invalid", None)),
        ({"colours": {"red": 3}}, ("request.invalid", None)),
        ({"patch": {"security_pass_days": "14"}}, ("request.invalid", None)),
        ({"patch": {"security_pass_days": True}}, ("request.invalid", None)),
        ({"exposure": {"remote_tools_allowed": ["Rust Desk"]}}, ("request.invalid", None)),
        ({"exposure": {"remote_tools_allowed": 3}}, ("request.invalid", None)),
        ({"patch": {"security_pass_days": ["a"]}}, ("request.invalid", None)),
    ],
)
async def test_a_policy_stays_within_its_bounds(
    cast: Cast, thresholds: dict[str, Any], expected: tuple[str, tuple[int, int] | None] | None
) -> None:
    ana = await cast.ana()
    answer = await put(ana, None, thresholds)
    if expected is None:
        assert answer.status_code == 200
        return
    code, bounds = expected
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    if bounds is not None:
        (error,) = answer.json()["errors"]
        assert (error["minimum"], error["maximum"]) == bounds
        assert error["key"] in thresholds[error["family"]]
    assert (await ana.get("/v1/policies"))["provider"]["revision"] == 0


async def test_thresholds_of_the_provider_may_not_contradict_those_of_its_practices(cast: Cast) -> None:
    ana = await cast.ana()
    assert (await put(ana, cast.cedar, {"patch": {"security_warn_days": 20}})).status_code == 200
    refused = await put(ana, None, {"patch": {"security_pass_days": 21}})
    assert (refused.status_code, refused.json()["code"]) == (422, "policy.contradictory")
    assert refused.json()["practices"] == [cast.cedar]
    assert (await put(ana, None, {"patch": {"security_pass_days": 20}})).status_code == 200


async def test_owners_change_policies_and_who_sees_some_practices_reads_those(cast: Cast) -> None:
    ana, tom = await cast.ana(), await cast.tom()
    for practice in (cast.cedar, cast.elm):
        await put(ana, practice, {"patch": {"security_pass_days": 20}})
    assert [item["practice_id"] for item in (await tom.get("/v1/policies"))["items"]] == [cast.cedar]
    assert (await tom.call("GET", f"/v1/policies?practice_id={cast.elm}")).status_code == 404
    for person, practice, expected in (
        (tom, cast.cedar, 403),
        (await cast.bea(), cast.cedar, 404),
        (ana, cast.elm, 200),
    ):
        assert (await put(person, practice, {})).status_code == expected


async def test_nothing_is_set_for_an_archived_practice(cast: Cast) -> None:
    ana = await cast.ana()
    assert (await put(ana, cast.elm, {})).status_code == 200
    await ana.call("DELETE", f"/v1/practices/{cast.elm}")
    answer = await put(ana, cast.elm, {})
    assert (answer.status_code, answer.json()["code"]) == (409, "practice.archived")


async def test_the_list_of_policies_goes_on_where_it_ended(cast: Cast) -> None:
    ana = await cast.ana()
    for practice in (cast.cedar, cast.elm):
        await put(ana, practice, {"patch": {"security_pass_days": 20}})
    first = await ana.get("/v1/policies?limit=1")
    rest = await ana.get(f"/v1/policies?limit=1&cursor={first['next_cursor']}")
    assert {item["practice_id"] for item in first["items"] + rest["items"]} == {cast.cedar, cast.elm}
    assert rest["next_cursor"] is None
