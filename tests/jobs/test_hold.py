"""When the whole fleet goes quiet the fault is ours: nobody is told silent because of it, and nobody for ever."""

from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from prometheus_client import REGISTRY

from tests.conftest import settings_for
from tests.support.cast import Cast
from tests.support.time_travel import Worker, assert_invariants, second_missed_slot
from vigie.settings import Settings

SECOND, MINUTE, HOUR = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours"))
QUIET_FROM = datetime.fromisoformat("2026-11-17T12:00:00Z")  # a full hour: slots are seconds after it


@pytest.fixture
def settings(fresh_database_url: str, key_file: Path) -> Settings:
    return settings_for(fresh_database_url, key_file)


_DEVICES = """
    INSERT INTO device (provider_id, id, public_key, slot_s, practice_id, alias, family, role, status, key_generation,
                        machine_hint, enrolled_at)
    SELECT provider_id, gen_random_uuid(), int4send(n), n * 3600 / $1, practice_id, alias, family, role, status,
           key_generation, machine_hint, enrolled_at
    FROM device, generate_series(0, $1 - 1) AS n
"""
_LIVENESS = """
    INSERT INTO device_liveness (provider_id, device_id, sequence, received, last_seen_at, presence_hours, key_generation, status)
    SELECT provider_id, id, 1, 1, $1::timestamptz - interval '1 hour' + slot_s * interval '1 s', 0, 1, 'active'
    FROM device WHERE length(public_key) = 4
"""
# A device heard at its slot is expected at the next one and the one after, and five minutes later it is silent.
_DEADLINES = """
    INSERT INTO device_deadline (provider_id, device_id, due_at, silent_after)
    SELECT provider_id, device_id, last_seen_at + interval '125 min', last_seen_at + interval '125 min' FROM device_liveness
"""


async def make_fleet(cast: Cast, rows: asyncpg.Connection, size: int) -> None:
    """Make a fleet that was last heard in the hour before `QUIET_FROM`, each device at its slot, evenly spread.

    One device enrols through the door; the others are copies of its rows, because signing is not what is tested here.
    """
    model = await cast.device()
    await rows.execute("DELETE FROM device_deadline")
    await rows.execute("DELETE FROM device_liveness")
    await rows.execute(_DEVICES, size)
    await rows.execute(_LIVENESS, QUIET_FROM)
    await rows.execute(_DEADLINES)
    await rows.execute("DELETE FROM device WHERE id = $1", model.device_id)


async def hear(rows: asyncpg.Connection, at: datetime, slots: range) -> None:
    """Have the devices with a slot in a range heard at an instant."""
    await rows.execute(
        "UPDATE device_liveness SET last_seen_at = $1 FROM device WHERE device.id = device_id AND slot_s >= $2 AND slot_s < $3",
        *(at, slots.start, slots.stop),
    )


def held() -> float | None:
    return REGISTRY.get_sample_value("vigie_sweep_held")


async def silent(rows: asyncpg.Connection) -> int:
    return int(await rows.fetchval("SELECT count(*) FROM device_liveness WHERE silent_since IS NOT NULL"))


async def state(rows: asyncpg.Connection) -> tuple[int, float | None]:
    """Return how many devices are told silent, and the gauge."""
    return await silent(rows), held()


async def watch(worker: Worker, start: datetime, end: datetime) -> None:
    """Sweep every four minutes, as a worker that is up does more often."""
    while start < end:
        await worker.run(start)
        start += 4 * MINUTE


async def test_nobody_is_told_silent_until_an_interval_after_heartbeats_returned(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    await make_fleet(cast, rows, 60)
    back = QUIET_FROM + 3 * HOUR
    await watch(worker, QUIET_FROM - 4 * MINUTE, back)
    while_quiet = await state(rows)
    await hear(rows, back, range(1800))
    await watch(worker, back, back + 56 * MINUTE)
    while_returning = await state(rows)
    await watch(worker, back + 57 * MINUTE, back + 62 * MINUTE)
    assert [while_quiet, while_returning] == [(0, 1), (0, 1)]
    assert await state(rows) == (30, 0)
    earliest = await rows.fetchval("SELECT min(silent_since) FROM device_liveness")
    assert earliest == second_missed_slot(QUIET_FROM - 30 * MINUTE, 1800)
    await assert_invariants(rows)


async def test_after_half_a_day_silence_is_told_anyway(cast: Cast, worker: Worker, rows: asyncpg.Connection) -> None:
    await make_fleet(cast, rows, 60)
    newest = QUIET_FROM - MINUTE
    await worker.run(newest + 12 * HOUR - SECOND)
    before = await state(rows)
    await worker.run(newest + 12 * HOUR)
    assert (before, await state(rows)) == ((0, 1), (60, 0))


@pytest.mark.parametrize(("size", "expected"), [(49, 49), (50, 0)])
async def test_only_a_large_fleet_is_held(
    cast: Cast, worker: Worker, rows: asyncpg.Connection, size: int, expected: int
) -> None:
    await make_fleet(cast, rows, size)
    await watch(worker, QUIET_FROM + HOUR, QUIET_FROM + 3 * HOUR)
    assert await silent(rows) == expected


async def test_a_large_fleet_of_which_one_device_is_heard_is_not_held(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    await make_fleet(cast, rows, 60)
    await watch(worker, QUIET_FROM, QUIET_FROM + 50 * MINUTE)
    await hear(rows, QUIET_FROM + 50 * MINUTE, range(3000, 3001))
    await watch(worker, QUIET_FROM + 50 * MINUTE, QUIET_FROM + 109 * MINUTE)
    # The last look was at minute 106; whoever has a slot up to minute 41 had missed two by then, and five minutes.
    assert await state(rows) == (42, 0)


async def test_a_quiet_that_the_worker_slept_through_is_held_as_well(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    await make_fleet(cast, rows, 60)
    await watch(worker, QUIET_FROM - 8 * MINUTE, QUIET_FROM)
    back = QUIET_FROM + 3 * HOUR  # database and worker were away; one device is faster than the first sweep
    await hear(rows, back, range(1))
    await worker.run(back + 5 * SECOND)
    at_first = await state(rows)
    await watch(worker, back + 4 * MINUTE, back + HOUR)
    later = await state(rows)
    await worker.run(back + HOUR)
    assert [at_first, later] == [(0, 1), (0, 1)]
    assert await state(rows) == (59, 0)


async def test_a_worker_that_slept_while_the_fleet_was_heard_tells_silence_at_once(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    await make_fleet(cast, rows, 60)
    woken = QUIET_FROM + 3 * HOUR
    for slot in range(0, 3600, 120):  # every other device is alive
        await hear(rows, woken - HOUR + slot * SECOND, range(slot, slot + 1))
    await worker.run(woken)
    assert await state(rows) == (30, 0)


async def test_devices_told_silent_long_ago_do_not_make_a_starting_worker_doubt_itself(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    await make_fleet(cast, rows, 60)
    started = QUIET_FROM + 3 * HOUR
    for slot in range(0, 3600, 120):  # every other device is alive, heard within the last fifty minutes
        await hear(rows, started - 50 * MINUTE + slot / 2 * SECOND, range(slot, slot + 1))
    lost = "UPDATE device_liveness SET silent_since = last_seen_at + interval '125 min' WHERE last_seen_at < $1"
    await rows.execute(lost, QUIET_FROM)
    await rows.execute(
        "DELETE FROM device_deadline USING device_liveness l WHERE l.device_id = device_deadline.device_id"
        " AND l.silent_since IS NOT NULL"
    )
    await worker.run(started)
    assert await state(rows) == (30, 0)
