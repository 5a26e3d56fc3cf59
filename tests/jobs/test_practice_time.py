"""Silence and ages in the practice's own time: closed hours are silent, and a week-end makes nothing older."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.conftest import settings_for
from tests.support.agent import Agent, healthy
from tests.support.cast import Cast
from tests.support.time_travel import Worker, assert_invariants, control_changes, events_of
from vigie.core.clock import wire_time
from vigie.settings import Settings

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OPEN = [{"from": "08:30", "to": "12:30"}, {"from": "14:00", "to": "19:00"}]
WEEK: dict[str, Any] = {
    "weekly": dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), OPEN),
    "closures": [{"first": "2026-12-21", "last": "2027-01-03", "label": "Noël"}],
}


@pytest.fixture
def settings(fresh_database_url: str, key_file: Path, database_form: str) -> Settings:
    return settings_for(fresh_database_url, key_file, database_form=database_form)


def paris(text: str) -> datetime:
    """An instant of winter time in Paris."""
    return datetime.fromisoformat(text + "+01:00").astimezone(UTC)


async def device_last_heard(cast: Cast, at: datetime, hours: dict[str, Any] | None = WEEK) -> Agent:
    """A device of Cedar, open at these hours, whose last report came at an instant."""
    if hours is not None:
        told = await cast.pia.call("PUT", f"/v1/practices/{cast.cedar}/opening-hours", json=hours)
        assert told.status_code == 200, told.text
    cast.clock.move_to(at)
    device = await cast.device()
    await device.report(healthy(at))
    return device


async def silent_since(rows: asyncpg.Connection, cast: Cast) -> list[datetime]:
    """When devices of Cedar were told to be silent, as the events say."""
    events = await events_of(rows, cast.cedar)
    return [event["happened_at"] for event in events if event["kind"] == "device.silent"]


async def sweep_to(cast: Cast, worker: Worker, end: datetime, step: timedelta = HOUR) -> None:
    """Let time pass, sweeping all the while."""
    while cast.clock.now() < end:
        cast.clock.move_to(min(end, cast.clock.now() + step))
        await worker.run(cast.clock.now())


def slots_after(opening: datetime, slot_s: int) -> datetime:
    """The second slot from half an hour after an opening on, and five minutes."""
    settled = int((opening + timedelta(minutes=30)).timestamp())
    first = settled + (slot_s - settled) % 3600
    return datetime.fromtimestamp(first + 3600 + 300, tz=UTC)


async def slot_of(cast: Cast, device: Agent) -> int:
    return int((await cast.pia.get(f"/v1/devices/{device.device_id}"))["slot_s"])


async def test_a_device_switched_off_for_the_week_end_is_silent_on_monday_if_nobody_switches_it_on(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    device = await device_last_heard(cast, paris("2026-11-20T18:59:00"))
    monday = slots_after(paris("2026-11-23T08:30:00"), await slot_of(cast, device))
    await sweep_to(cast, worker, monday - timedelta(seconds=1), 6 * HOUR)
    assert await silent_since(rows, cast) == []
    await sweep_to(cast, worker, monday)
    assert await silent_since(rows, cast) == [monday]
    await assert_invariants(rows)


async def test_without_opening_hours_the_same_device_is_silent_the_same_evening(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    await device_last_heard(cast, paris("2026-11-20T18:59:00"), hours=None)
    await sweep_to(cast, worker, paris("2026-11-20T21:59:00"))
    assert len(await silent_since(rows, cast)) == 1


async def test_hours_that_change_are_counted_from_at_once(cast: Cast, worker: Worker, rows: asyncpg.Connection) -> None:
    device = await device_last_heard(cast, paris("2026-11-20T18:59:00"))
    await sweep_to(cast, worker, paris("2026-11-21T10:00:00"), 6 * HOUR)
    path = f"/v1/practices/{cast.cedar}/opening-hours"
    saturday = {"weekly": {**WEEK["weekly"], "saturday": [{"from": "08:00", "to": "12:00"}]}}
    assert (await cast.pia.call("PUT", path, json=saturday)).status_code == 200
    expected = slots_after(paris("2026-11-21T08:00:00"), await slot_of(cast, device))
    await worker.run(max(expected, cast.clock.now()))
    assert await silent_since(rows, cast) == [expected]


async def test_in_another_time_zone_silence_is_counted_anew(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    device = await device_last_heard(cast, paris("2026-11-20T18:59:00"))
    before_opening = paris("2026-11-23T08:10:00")
    await sweep_to(cast, worker, before_opening, DAY)
    assert await silent_since(rows, cast) == []
    asked = (
        "WITH asked AS (DELETE FROM reassessment RETURNING controls) SELECT count(*) FROM asked WHERE controls IS NULL"
    )
    await rows.execute(asked)
    reunion = {"time_zone": "Indian/Reunion"}  # where the morning is three hours older
    assert (await cast.pia.call("PATCH", f"/v1/practices/{cast.cedar}", json=reunion)).status_code == 200
    assert await rows.fetchval(asked) == 1
    await worker.run(before_opening)
    expected = slots_after(paris("2026-11-23T05:30:00"), await slot_of(cast, device))
    assert await silent_since(rows, cast) == [expected]
    again = await cast.pia.call("PATCH", f"/v1/practices/{cast.cedar}", json={**reunion, "city": "Saint-Denis"})
    assert (again.status_code, await rows.fetchval(asked)) == (200, 0)
    await assert_invariants(rows)


async def test_a_report_of_friday_is_as_good_on_monday_as_it_would_be_on_saturday(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    await device_last_heard(cast, paris("2026-11-20T16:00:00"))
    await sweep_to(cast, worker, paris("2026-11-24T12:00:00"), 6 * HOUR)
    events = await events_of(rows, cast.cedar)
    stale = [change for change in control_changes(events, "ANS-2.4") if change[3] == "stale"]
    assert stale == [(wire_time(paris("2026-11-23T16:00:01")), "pass", "warn", "stale")]


async def test_two_weeks_of_closure_are_silent_and_the_first_morning_after_them_is_not(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    device = await device_last_heard(cast, paris("2026-12-18T18:59:00"))
    back = slots_after(paris("2027-01-04T08:30:00"), await slot_of(cast, device))
    await sweep_to(cast, worker, back - timedelta(seconds=1), DAY)
    assert await silent_since(rows, cast) == []
    await sweep_to(cast, worker, back)
    assert await silent_since(rows, cast) == [back]
