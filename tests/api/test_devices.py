"""Devices as people see them: listed, read, renamed; what they reported, when they were heard; the tokens that let them in."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from tests.support.agent import backup_section, healthy, job, patch_section
from tests.support.budget import statements_of
from tests.support.cast import Cast
from tests.support.refusals import refusal
from tests.support.rows import holdings
from vigie.core.db import Database
from vigie.overview.saying import DeviceFindings

PATH = "/v1/devices"
INVALID = (422, "request.invalid")


async def ids(cast: Cast, **params: Any) -> list[str]:
    """Return the ids on the first page."""
    return [row["id"] for row in (await cast.pia.get(PATH, params=params))["items"]]


async def test_devices_are_listed_oldest_first_and_filtered(cast: Cast) -> None:
    first, second = await cast.device(cast.cedar), await cast.device(cast.elm)
    waiting = cast.agent()
    await waiting.enrol(await cast.pia.enrolment_token(cast.cedar, needs_approval=True))
    gone = await cast.device(cast.elm)
    await cast.pia.post(f"{PATH}/{gone.device_id}/revoke")
    everyone = [first.device_id, second.device_id, waiting.device_id, gone.device_id]
    assert await ids(cast) == sorted(everyone)
    assert await ids(cast, practice_id=cast.cedar) == [first.device_id, waiting.device_id]
    assert await ids(cast, status="active") == [first.device_id, second.device_id]
    assert await ids(cast, status="pending") == [waiting.device_id]
    assert await ids(cast, status="revoked", practice_id=cast.elm) == [gone.device_id]
    assert await ids(cast, clone_suspect="false") == sorted(everyone)
    assert await ids(cast, clone_suspect="true") == []
    assert await ids(cast, practice_id=cast.fir) == []
    assert await ids(cast, practice_id=str(uuid4())) == []


async def test_pages_give_every_device_once(cast: Cast) -> None:
    made = [(await cast.device()).device_id for _ in range(5)]
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await cast.pia.get(PATH, params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        found += [row["id"] for row in page["items"]]
        cursor = page["next_cursor"]
    assert found == sorted(made)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"limit": 201}, "request.invalid"),
        ({"status": "asleep"}, "request.invalid"),
        ({"practice_id": "cedar"}, "request.invalid"),
        ({"clone_suspect": "perhaps"}, "request.invalid"),
        ({"alias": "accueil-1"}, "request.invalid"),
        ({"cursor": "nonsense"}, "request.invalid_cursor"),
    ],
    ids=str,
)
async def test_a_parameter_that_is_not_documented_is_refused(cast: Cast, params: dict[str, Any], code: str) -> None:
    assert refusal(await cast.pia.call("GET", PATH, params=params)) == (422, code)


@pytest.mark.parametrize("route", ["", "/sections", "/findings", "/presence", "/history"])
async def test_routes_without_filters_refuse_every_parameter(cast: Cast, route: str) -> None:
    device = await cast.device()
    path = f"{PATH}/{device.device_id}{route}"
    assert refusal(await cast.pia.call("GET", path, params={"verbose": "1"})) == INVALID
    assert (await cast.pia.call("GET", path)).status_code == 200


async def test_a_device_is_renamed_and_given_another_role(cast: Cast) -> None:
    device = await cast.device()
    path = f"{PATH}/{device.device_id}"
    before = await cast.pia.get(path)
    answer = await cast.pia.call("PATCH", path, json={"alias": "radio-2"})
    both = await cast.pia.call("PATCH", path, json={"alias": "radio-3", "role": "server"})
    changes = await cast.pia.get(f"/v1/practices/{cast.cedar}/changes")
    assert answer.json() == {**before, "alias": "radio-2"}
    assert both.json() == {**before, "alias": "radio-3", "role": "server"} == await cast.pia.get(path)
    assert [entry["payload"]["fields"] for entry in changes["items"] if entry["kind"] == "device.changed"] == [
        ["alias", "role"],
        ["alias"],
    ]


@pytest.mark.parametrize(
    "patch",
    [
        {"alias": "Poste de Mme Durand"},
        {"alias": ""},
        {"alias": "x" * 33},
        {"alias": "-x"},
        {"alias": None},
        {"role": None},
        {"role": "toaster"},
        {"status": "active"},
        {"practice_id": "01a2005b-0101-70bd-b2e6-5c7c36c59c2b"},
        {"public_key": "x"},
    ],
    ids=str,
)
async def test_a_wrong_patch_changes_nothing(cast: Cast, database: Database, patch: dict[str, Any]) -> None:
    device = await cast.device()
    path = f"{PATH}/{device.device_id}"
    before = await holdings(database, cast.pia.provider_id)
    assert refusal(await cast.pia.call("PATCH", path, json={"alias": "radio-2", **patch})) == INVALID
    assert await holdings(database, cast.pia.provider_id) == before
    assert (await cast.pia.call("PATCH", path, json={"alias": "radio-2"})).status_code == 200


async def test_a_patch_to_what_already_is_is_no_change(cast: Cast, database: Database) -> None:
    device = await cast.device()
    before = await holdings(database, cast.pia.provider_id)
    for patch in ({}, {"alias": "accueil-1"}):
        answer = await cast.pia.call("PATCH", f"{PATH}/{device.device_id}", json=patch)
        assert answer.status_code == 200
    assert await holdings(database, cast.pia.provider_id) == before


async def test_a_role_that_changes_is_what_the_next_report_is_judged_by(cast: Cast) -> None:
    device = await cast.device()
    await device.report(healthy(cast.clock.now()))
    await cast.pia.call("PATCH", f"{PATH}/{device.device_id}", json={"role": "server"})
    cast.clock.advance(timedelta(hours=1))
    await device.report({"patch": patch_section(cast.clock.now(), security=1, age_days=1)})
    seen = await cast.pia.get(f"{PATH}/{device.device_id}")
    assert (seen["role"], seen["heartbeats"]) == ("server", 2)


async def test_the_sections_are_those_reported_last_and_tell_until_when_they_were_vouched_for(cast: Cast) -> None:
    device, start = await cast.device(), cast.clock.now()
    await device.report(healthy(start))
    cast.clock.advance(timedelta(hours=1))
    await device.report({"patch": patch_section(cast.clock.now(), security=1, age_days=1)})
    cast.clock.advance(timedelta(hours=1))
    await device.report()
    items = (await cast.pia.get(f"{PATH}/{device.device_id}/sections"))["items"]
    assert [item["section"] for item in items] == ["backup", "os", "patch", "storage"]
    assert {item["section"]: item["body"] for item in items} == device.sections
    assert {item["section"]: item["changed_at"] for item in items} == {
        **dict.fromkeys(("backup", "os", "storage"), "2026-11-17T09:30:00Z"),
        "patch": "2026-11-17T10:30:00Z",
    }
    assert {item["confirmed_at"] for item in items} == {"2026-11-17T11:30:00Z"}


async def test_a_section_that_a_full_report_leaves_out_is_gone(cast: Cast) -> None:
    device = await cast.device()
    await device.report(healthy(cast.clock.now()))
    kept = {name: body for name, body in device.sections.items() if name != "storage"}
    device.sections = {}
    answer = await device.report(kept)
    items = (await cast.pia.get(f"{PATH}/{device.device_id}/sections"))["items"]
    assert answer["resync"] is False
    assert [item["section"] for item in items] == ["backup", "os", "patch"]


async def test_the_findings_of_a_device_say_what_they_rest_on(cast: Cast) -> None:
    device = await cast.device()
    at = cast.clock.now()
    await device.report({**healthy(at), "patch": patch_section(at, security=2, age_days=40)})
    answer = await cast.pia.call("GET", f"{PATH}/{device.device_id}/findings")
    assert answer.content == DeviceFindings.model_validate_json(answer.content).model_dump_json().encode()
    items = answer.json()["items"]
    by_control = {item["control"]: item for item in items}
    late = by_control["ANS-2.2"]
    assert {item["device_id"] for item in items} == {device.device_id}
    assert list(by_control) == sorted(by_control)
    assert (late["state"], late["since"]) == ("fail", "2026-11-17T09:30:00Z")
    assert late["evidence"]
    assert late["threshold"]


async def test_a_finding_keeps_its_since_while_its_state_stays(cast: Cast) -> None:
    device = await cast.device()
    at = cast.clock.now()
    await device.report({**healthy(at), "patch": patch_section(at, security=2, age_days=40)})
    cast.clock.advance(timedelta(hours=1))
    await device.report({"patch": patch_section(cast.clock.now(), security=3, age_days=41)})
    items = (await cast.pia.get(f"{PATH}/{device.device_id}/findings"))["items"]
    late = next(item for item in items if item["control"] == "ANS-2.2")
    assert (late["since"], late["assessed_at"]) == ("2026-11-17T09:30:00Z", "2026-11-17T10:30:00Z")


async def test_presence_shows_the_hours_heard_and_the_hours_run_unheard(cast: Cast) -> None:
    device = await cast.device()
    for step in (0, 1, 5, 24):  # 09:30, 10:30, 15:30, the next day 15:30
        cast.clock.advance(timedelta(hours=step))
        ran = ["2026-11-17T12:10:00Z", "2026-11-17T13:10:00Z"] if step == 5 else []
        await device.report(ran_at=ran)
    path = f"{PATH}/{device.device_id}/presence"
    both = (await cast.pia.get(path))["items"]
    today = (await cast.pia.get(path, params={"days": 1}))["items"]
    assert both == [
        {"day": "2026-11-18", "seen_hours": [15], "ran_hours": []},
        {"day": "2026-11-17", "seen_hours": [9, 10, 15], "ran_hours": [12, 13]},
    ]
    assert today == both[:1]
    for days in (0, 801, "x"):
        assert refusal(await cast.pia.call("GET", path, params={"days": days})) == INVALID


async def test_presence_tells_the_hours_the_practice_is_open_throughout(cast: Cast) -> None:
    device = await cast.device()
    path = f"{PATH}/{device.device_id}/presence"
    assert (await cast.pia.get(path))["open"] is None  # nothing told: it never closes
    weekly = {"tuesday": [{"from": "08:30", "to": "12:30"}, {"from": "14:00", "to": "16:00"}]}
    await cast.pia.call("PUT", f"/v1/practices/{cast.cedar}/opening-hours", json={"weekly": weekly})
    cast.clock.advance(timedelta(days=8))
    # Paris is an hour ahead of UTC in November; the Tuesday before the device joined is not told
    assert (await cast.pia.get(path))["open"] == [
        {"day": "2026-11-24", "hours": [8, 9, 10, 13, 14]},
        {"day": "2026-11-17", "hours": [8, 9, 10, 13, 14]},
    ]


async def test_history_tells_what_each_report_changed(cast: Cast) -> None:
    device = await cast.device()
    first = cast.clock.now()
    await device.report(healthy(first))
    cast.clock.advance(timedelta(hours=1))
    changed = backup_section(cast.clock.now(), job(cast.clock.now(), last_status="failed", exit_code=1))
    await device.report({"backup": changed})
    path = f"{PATH}/{device.device_id}/history"
    found = (await cast.pia.get(path))["items"]
    assert [sorted(each["sections"]) for each in found] == [["backup"], ["backup", "os", "patch", "storage"]]
    of_backup = await cast.pia.get(path, params={"section": "backup", "limit": 1})
    assert of_backup["items"][0]["sections"] == {"backup": changed}
    older = await cast.pia.get(path, params={"section": "backup", "limit": 1, "cursor": of_backup["next_cursor"]})
    assert [each["sequence"] for each in older["items"]] == [1]
    assert older["next_cursor"] is None
    assert [each["sequence"] for each in (await cast.pia.get(path, params={"section": "os"}))["items"]] == [1]
    assert (await cast.pia.get(path, params={"section": "power"}))["items"] == []


async def test_a_run_that_cannot_have_been_is_passed_over(cast: Cast) -> None:
    """It was not delivered on the eve of three weeks of holidays, or with a wrong clock: refused, it would come again for ever."""
    device = await cast.device()
    cast.clock.advance(timedelta(days=22))
    await device.report(ran_at=["2026-08-17T12:10:00Z", "2026-11-17T12:10:00Z", "2027-11-17T12:10:00Z"])
    assert (await cast.pia.get(f"{PATH}/{device.device_id}/presence"))["items"] == [
        {"day": "2026-12-09", "seen_hours": [9], "ran_hours": []},
        {"day": "2026-11-17", "seen_hours": [], "ran_hours": [12]},
    ]


async def test_what_changed_tells_a_verdict_once(cast: Cast) -> None:
    device = await cast.device()
    at = cast.clock.now()
    await device.report(healthy(at))
    cast.clock.advance(timedelta(hours=1))
    failed = job(cast.clock.now(), last_status="failed", exit_code=1)
    await device.report({"backup": backup_section(cast.clock.now(), failed)})
    await device.report()
    changes = (await cast.pia.get(f"/v1/practices/{cast.cedar}/changes"))["items"]
    kinds = [change["kind"] for change in reversed(changes)]
    assert kinds == [
        "practice.created",
        "posture.changed",  # nobody filled in its incident card
        "device.enrolled",
        "posture.changed",  # a device, of which nothing is known
        "posture.changed",  # its first report
        "finding.changed",
        "posture.changed",
    ]
    last = changes[0]
    turned = {entry["headline"]: (entry["from"], entry["to"]) for entry in last["payload"]["headlines"]}
    assert turned["backup"] == ("ok", "warning")
    assert last["happened_at"] == "2026-11-17T10:30:00Z"


async def test_an_unchanged_device_is_not_sent_twice(cast: Cast) -> None:
    device = await cast.device()
    for path in (f"{PATH}/{device.device_id}", PATH, f"{PATH}/{device.device_id}/sections"):
        tag = (await cast.pia.call("GET", path)).headers["etag"]
        same = await cast.pia.call("GET", path, headers={"If-None-Match": tag})
        other = await cast.pia.call("GET", path, headers={"If-None-Match": '"other"'})
        assert (same.status_code, same.content, other.status_code) == (304, b"", 200), path


async def test_a_device_that_does_not_exist_is_not_found(cast: Cast) -> None:
    path = f"{PATH}/{uuid4()}"
    for method, route in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/sections"),
        ("GET", "/findings"),
        ("GET", "/presence"),
        ("POST", "/approve"),
        ("POST", "/clear-suspicion"),
        ("POST", "/revoke"),
    ):
        body: dict[str, Any] | None = {} if method == "PATCH" else None
        assert refusal(await cast.pia.call(method, path + route, json=body)) == (404, "not_found"), (method, route)


async def test_the_text_of_a_token_is_shown_once(cast: Cast, database: Database) -> None:
    path = f"/v1/practices/{cast.cedar}/enrolment-tokens"
    created = await cast.pia.post(path, {"label": "accueil", "use_limit": 3, "expires_in_s": 3600})
    listed = (await cast.pia.call("GET", path)).text
    stored = repr(await holdings(database, cast.pia.provider_id))
    shown = {name: created[name] for name in ("label", "use_limit", "uses", "needs_approval", "expires_at")}
    assert shown == {
        "label": "accueil",
        "use_limit": 3,
        "uses": 0,
        "needs_approval": False,
        "expires_at": "2026-11-17T10:30:00Z",
    }
    assert created["token"].startswith("vet_")
    assert created["id"] in listed
    assert created["token"] not in listed + stored


@pytest.mark.parametrize(
    "bent",
    [
        {"label": ""},
        {"label": "x" * 81},
        {"label": "nul\x00"},
        {"label": "two\nlines"},
        {"use_limit": 0},
        {"use_limit": 501},
        {"expires_in_s": 59},
        {"expires_in_s": 90 * 86_400 + 1},
        {"needs_approval": "perhaps"},
        {"token": "vet_mine"},
    ],
    ids=str,
)
async def test_a_token_of_another_shape_is_not_created(cast: Cast, bent: dict[str, Any]) -> None:
    path = f"/v1/practices/{cast.cedar}/enrolment-tokens"
    right = {"label": "accueil", "use_limit": 3, "expires_in_s": 3600}
    assert refusal(await cast.pia.call("POST", path, json={**right, **bent})) == INVALID
    assert (await cast.pia.get(path))["items"] == []
    assert (await cast.pia.call("POST", path, json=right)).status_code == 201


async def test_a_page_of_devices_costs_two_statements_however_long_it_is(cast: Cast, app: FastAPI) -> None:
    for _ in range(3):
        await cast.device()
    await cast.pia.get(PATH)
    with statements_of(app) as short:
        await cast.pia.get(PATH, params={"limit": 1})
    with statements_of(app) as long:
        await cast.pia.get(PATH, params={"limit": 50, "practice_id": cast.cedar})
    # 1. SELECT bind_provider(…)
    # 2. SELECT … FROM device JOIN practice JOIN device_liveness …
    assert [len(short), len(long)] == [2, 2], long
    assert "bind_provider" in long[0]
    assert "FROM device JOIN practice" in long[1]
