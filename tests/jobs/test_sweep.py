"""With the clock moved and no heartbeat arriving, findings expire and devices fall silent at their deadline."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from prometheus_client import REGISTRY

from tests.conftest import NOW, settings_for
from tests.support.agent import Agent, backup_section, healthy, job, os_section, patch_section
from tests.support.cast import Cast
from tests.support.time_travel import (
    Worker,
    assert_invariants,
    control_changes,
    events_of,
    light_changes,
    second_missed_slot,
)
from vigie.core.clock import wire_time
from vigie.settings import Settings

SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))


@pytest.fixture
def settings(fresh_database_url: str, key_file: Path, database_form: str) -> Settings:
    return settings_for(fresh_database_url, key_file, database_form=database_form)


async def slot_of(cast: Cast, device: Agent) -> int:
    return int((await cast.pia.get(f"/v1/devices/{device.device_id}"))["slot_s"])


async def finding(cast: Cast, device: Agent, control: str) -> dict[str, Any]:
    items = (await cast.pia.get(f"/v1/devices/{device.device_id}/findings"))["items"]
    return next(item for item in items if item["control"] == control)


async def lights(cast: Cast, practice: str) -> dict[str, str]:
    posture = (await cast.pia.get(f"/v1/practices/{practice}"))["posture"]
    return {name: posture[name] for name in ("overall", "patch", "backup", "liveness")}


def at(after: timedelta) -> str:
    return wire_time(NOW + after)


async def test_findings_expire_at_their_deadline_though_the_sweep_comes_days_later(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    device = await cast.device()
    await device.report(healthy(NOW))
    cast.clock.move_to(NOW + 9 * DAY)
    await worker.run(cast.clock.now())
    events = await events_of(rows, cast.cedar)
    assert control_changes(events, "ANS-2.4") == [
        (at(DAY + SECOND), "pass", "warn", "stale"),
        (at(7 * DAY + SECOND), "warn", "unknown", "too_old"),
    ]
    assert light_changes(events, "patch")[1:] == [
        (at(DAY + SECOND), "ok", "warning"),
        (at(7 * DAY + SECOND), "warning", "unknown"),
    ]
    swept = [event for event in events if event["happened_at"] > NOW]
    assert {event["recorded_at"] for event in swept} == {cast.clock.now()}
    assert [event["happened_at"] for event in events] == sorted(event["happened_at"] for event in events)
    assert (await finding(cast, device, "ANS-2.4"))["since"] == at(7 * DAY + SECOND)
    await assert_invariants(rows)


@pytest.mark.parametrize(
    ("early", "control", "bound"),
    [
        ("pass", "ANS-2.4", DAY + SECOND),  # a report speaks for a day
        ("pass", "ANS-5.1", 26 * HOUR - 10 * HOUR + SECOND),  # the backup of ten hours ago speaks for 26 h
    ],
)
async def test_a_sweep_one_second_before_the_deadline_changes_nothing_and_at_the_deadline_it_does(
    cast: Cast, worker: Worker, rows: asyncpg.Connection, early: str, control: str, bound: timedelta
) -> None:
    device = await cast.device()
    await device.report(healthy(NOW) | {"backup": backup_section(NOW, job(NOW - 10 * HOUR))})
    await worker.run(NOW + bound - SECOND)
    before = await finding(cast, device, control)
    await worker.run(NOW + bound)
    after = await finding(cast, device, control)
    assert (before["state"], after["state"], after["since"]) == (early, "warn", at(bound))
    await assert_invariants(rows)


async def _report_every(cast: Cast, device: Agent, worker: Worker, hours: int, days: int) -> None:
    """Keep a device reporting quietly, so that only what it reported grows old."""
    for _ in range(days * 24 // hours):
        cast.clock.advance(hours * HOUR)
        await device.report()
        await worker.run(cast.clock.now())


async def test_a_backup_that_stops_crosses_26_hours_and_7_days_while_the_device_reports(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    device = await cast.device()
    await device.report(healthy(NOW))
    await _report_every(cast, device, worker, hours=2, days=9)
    events = await events_of(rows, cast.cedar)
    assert control_changes(events, "ANS-5.1") == [
        (at(26 * HOUR + SECOND), "pass", "warn", "backup_late"),
        (at(8 * DAY), "warn", "fail", "backup_overdue"),
    ]
    assert [kind for kind in light_changes(events, "liveness") if kind[0] > at(timedelta())] == []
    await assert_invariants(rows)


async def test_a_missing_update_crosses_14_and_30_days_while_the_device_reports(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    device = await cast.device()
    await device.report(healthy(NOW) | {"patch": patch_section(NOW, security=1, age_days=10)})
    for day in range(1, 23):  # twice a day is enough to stay fresh; the age is told anew only on the first day
        for hour in (0, 12):
            cast.clock.move_to(NOW + day * DAY + hour * HOUR)
            await device.report()
            await worker.run(cast.clock.now())
    crossings = control_changes(await events_of(rows, cast.cedar), "ANS-2.2")
    first, second = (change for change in crossings if change[3] != "stale")
    assert first == (at(5 * DAY), "pass", "warn", "security_updates_late")
    assert second == (at(21 * DAY), "warn", "fail", "security_updates_overdue")
    await assert_invariants(rows)


async def test_a_device_is_silent_since_its_second_missed_slot_and_all_silent_is_critical(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    one, two = await cast.device(), await cast.device()
    for device in (one, two):
        await device.report(healthy(NOW))
    cast.clock.move_to(NOW + 70 * MINUTE)  # the other one outlives its first slot: it is not the line
    await two.report()
    heard = ((one, NOW), (two, cast.clock.now()))
    deadlines = {device.device_id: second_missed_slot(at, await slot_of(cast, device)) for device, at in heard}
    first, last = sorted(deadlines.values())
    await worker.run(first - SECOND)
    told_early = [event for event in await events_of(rows, cast.cedar) if event["kind"] == "device.silent"]
    await worker.run(last + 5 * HOUR)
    events = await events_of(rows, cast.cedar)
    told = {str(event["device_id"]): event["happened_at"] for event in events if event["kind"] == "device.silent"}
    assert told_early == []
    assert told == deadlines
    expected = [(wire_time(first), "ok", "warning"), (wire_time(last), "warning", "critical")]
    assert light_changes(events, "liveness")[1:] == expected
    assert (await cast.pia.get(f"/v1/devices/{one.device_id}"))["silent_since"] == wire_time(deadlines[one.device_id])
    await assert_invariants(rows)


async def test_a_device_that_reported_meanwhile_is_not_silent_and_its_deadline_moves(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    quiet, alive = await cast.device(), await cast.device()
    for device in (quiet, alive):
        await device.report(healthy(NOW))
    cast.clock.move_to(NOW + 70 * MINUTE)
    await alive.report()
    moved = second_missed_slot(cast.clock.now(), await slot_of(cast, alive))
    await worker.run(moved - SECOND)
    states = {d["id"]: d["liveness"] for d in (await cast.pia.get("/v1/devices"))["items"]}
    kept = await rows.fetchval("SELECT silent_after FROM device_deadline WHERE device_id = $1", alive.device_id)
    await worker.run(moved)
    gone = await cast.pia.get(f"/v1/devices/{alive.device_id}")
    assert (states[quiet.device_id], states[alive.device_id]) == ("silent", "reporting")
    assert kept == moved
    assert (gone["liveness"], gone["silent_since"]) == ("silent", wire_time(moved))
    await assert_invariants(rows)


async def test_a_device_never_heard_becomes_silent_counted_from_its_enrolment(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    device = await cast.device()
    deadline = second_missed_slot(NOW, await slot_of(cast, device))
    await worker.run(deadline - SECOND)
    before = await lights(cast, cast.cedar)
    await worker.run(deadline + DAY)
    after = await lights(cast, cast.cedar)
    assert (before["liveness"], after["liveness"]) == ("unknown", "critical")
    assert (await cast.pia.get(f"/v1/devices/{device.device_id}"))["silent_since"] == wire_time(deadline)
    await assert_invariants(rows)


async def test_a_device_approved_late_is_expected_from_its_approval(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    token = await cast.pia.enrolment_token(cast.cedar, needs_approval=True)
    device = cast.agent()
    await device.enrol(token)
    cast.clock.advance(5 * DAY)
    await cast.pia.post(f"/v1/devices/{device.device_id}/approve")
    deadline = second_missed_slot(cast.clock.now(), await slot_of(cast, device))
    await worker.run(deadline + HOUR)
    assert (await cast.pia.get(f"/v1/devices/{device.device_id}"))["silent_since"] == wire_time(deadline)
    await assert_invariants(rows)


async def test_a_device_that_returns_is_told_counted_and_expected_again(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    device = await cast.device()
    await device.report(healthy(NOW))
    silent_at = second_missed_slot(NOW, await slot_of(cast, device))
    back = NOW + 6 * HOUR
    cast.clock.move_to(back)
    await worker.run(back)
    await device.report(ran_at=[at(HOUR), at(2 * HOUR)])
    events = await events_of(rows, cast.cedar)
    seen = await cast.pia.get(f"/v1/devices/{device.device_id}")
    presence = (await cast.pia.get(f"/v1/devices/{device.device_id}/presence"))["items"][0]
    returned = next(event for event in events if event["kind"] == "device.returned")
    assert returned["happened_at"] == back
    assert returned["payload"] == {"silent_since": wire_time(silent_at), "ran_meanwhile": 2}
    assert light_changes(events, "liveness")[-1] == (at(6 * HOUR), "critical", "ok")
    assert (seen["liveness"], seen["silent_since"]) == ("reporting", None)
    assert (presence["seen_hours"], presence["ran_hours"]) == ([9, 15], [10, 11])
    again = second_missed_slot(back, await slot_of(cast, device))
    await worker.run(again)
    told = [event["happened_at"] for event in await events_of(rows, cast.cedar) if event["kind"] == "device.silent"]
    assert told == [silent_at, again]
    await assert_invariants(rows)


async def test_a_quiet_heartbeat_after_days_off_makes_what_went_stale_good_again(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    device = await cast.device()
    await device.report(healthy(NOW))
    cast.clock.advance(3 * DAY)
    await worker.run(cast.clock.now())
    stale = await finding(cast, device, "ANS-2.4")
    await device.report()
    await worker.run(cast.clock.now() + 5 * SECOND)
    healed = await finding(cast, device, "ANS-2.4")
    assert (stale["state"], stale["reason"]) == ("warn", "stale")
    assert (healed["state"], healed["since"]) == ("pass", wire_time(cast.clock.now()))
    assert (await lights(cast, cast.cedar))["patch"] == "ok"
    await assert_invariants(rows)


async def test_an_unseen_device_is_missed_by_the_inventory_after_7_and_30_days(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    device = await cast.device()
    await device.report(healthy(NOW))
    await worker.run(NOW + 40 * DAY)
    changes = [
        (wire_time(event["happened_at"]), change["from"], change["to"], change["reason"])
        for event in await events_of(rows, cast.cedar)
        if event["kind"] == "posture.changed"
        for change in event["payload"]["controls"]
        if change["control"] == "ANS-5.11"
    ]
    assert changes[1:] == [
        (at(8 * DAY), "pass", "warn", "device_unseen"),
        (at(31 * DAY), "warn", "fail", "device_lost"),
    ]
    nothing_left = await rows.fetchrow("SELECT silent_after, review_at FROM device_deadline")
    assert tuple(nothing_left) == (None, None)
    await assert_invariants(rows)


async def test_a_late_sweep_does_not_judge_a_device_by_what_it_had_not_yet_told(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    device = await cast.device()
    await device.report(healthy(NOW))
    later = NOW + 4 * DAY
    cast.clock.move_to(later)
    await device.report({"backup": backup_section(later, job(later)), "os": os_section(later)})
    await worker.run(later + HOUR)  # the first look since the first report, with deadlines of three days ago
    events = await events_of(rows, cast.cedar)
    assert (await finding(cast, device, "ANS-5.1"))["state"] == "pass"
    assert control_changes(events, "ANS-5.1") == []
    assert (await lights(cast, cast.cedar))["backup"] == "ok"
    await assert_invariants(rows)


@pytest.mark.parametrize("place", [0, 4])  # the others fall silent with it, before or after it was pushed aside
async def test_a_device_that_cannot_be_judged_is_pushed_aside_and_the_others_are_not(
    cast: Cast, worker: Worker, rows: asyncpg.Connection, place: int
) -> None:
    devices = [await cast.device() for _ in range(5)]
    for number, device in enumerate(devices):
        await device.report(healthy(NOW))
        due = "UPDATE device_deadline SET due_at = $2 WHERE device_id = $1"
        await rows.execute(due, device.device_id, NOW + (number + 1) * MINUTE)
    poisoned = devices.pop(place)
    others = devices
    section = {**patch_section(NOW), "data": ["not", "an", "object"]}
    await rows.execute(
        "UPDATE device_section SET body = $2 WHERE device_id = $1 AND section = 'patch'", poisoned.device_id, section
    )
    labels = {"job": "devices.sweep"}
    counted = REGISTRY.get_sample_value("vigie_job_row_failures_total", labels) or 0
    now = NOW + DAY + SECOND
    await worker.run(now)
    states = [(await finding(cast, device, "ANS-2.4"))["state"] for device in others]
    due_at = await rows.fetchval("SELECT due_at FROM device_deadline WHERE device_id = $1", poisoned.device_id)
    untouched = await finding(cast, poisoned, "ANS-2.4")
    assert states == ["warn"] * 4
    assert (untouched["state"], due_at) == ("pass", now + HOUR)
    assert REGISTRY.get_sample_value("vigie_job_row_failures_total", labels) == counted + 1
    await worker.run(now + MINUTE)
    assert REGISTRY.get_sample_value("vigie_job_row_failures_total", labels) == counted + 1
    await rows.execute(
        "UPDATE device_section SET body = $2 WHERE device_id = $1 AND section = 'patch'",
        poisoned.device_id,
        patch_section(NOW),
    )
    await worker.run(now + HOUR)
    repaired = await finding(cast, poisoned, "ANS-2.4")
    assert (repaired["state"], repaired["since"]) == ("warn", wire_time(now))
    await assert_invariants(rows)


async def test_pending_revoked_and_archived_devices_are_not_swept(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    pending = cast.agent()
    await pending.enrol(await cast.pia.enrolment_token(cast.cedar, needs_approval=True))
    revoked, archived, active = await cast.device(), await cast.device(cast.elm), await cast.device()
    for device in (revoked, archived, active):
        await device.report(healthy(NOW))
    await cast.pia.post(f"/v1/devices/{revoked.device_id}/revoke")
    assert (await cast.pia.call("DELETE", f"/v1/practices/{cast.elm}")).status_code == 204
    before = await events_of(rows, cast.elm)
    await worker.run(NOW + 10 * DAY)
    told = [str(event["device_id"]) for event in await events_of(rows, cast.cedar) if event["kind"] == "device.silent"]
    assert told == [active.device_id]
    assert await events_of(rows, cast.elm) == before
    await assert_invariants(rows)


async def test_a_sweep_that_is_repeated_adds_nothing(cast: Cast, worker: Worker, rows: asyncpg.Connection) -> None:
    device = await cast.device()
    await device.report(healthy(NOW))
    worked = await worker.run(NOW + 3 * DAY)
    events = await events_of(rows, cast.cedar)
    again = await worker.run(NOW + 3 * DAY)
    assert (worked, again) == (1, 0)
    assert await events_of(rows, cast.cedar) == events


async def test_a_practice_with_many_deadlines_is_told_in_one_story(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    for number in range(12):
        device = await cast.device()
        cast.clock.move_to(NOW + number * 7 * MINUTE)
        await device.report(healthy(NOW))
    await worker.run(NOW + 40 * DAY)  # twelve devices, three deadlines each, and the inventory: more than one pass
    await assert_invariants(rows)
    assert set((await lights(cast, cast.cedar)).values()) == {"critical", "unknown"}
    assert await rows.fetchval("SELECT count(*) FROM device_deadline WHERE due_at < 'infinity'") == 0
