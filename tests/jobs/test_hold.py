"""When the whole fleet goes quiet the fault is ours: nobody is told silent because of it, and nobody for ever."""

from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from prometheus_client import REGISTRY

from tests.conftest import settings_for
from tests.support.cast import Cast
from tests.support.time_travel import Worker, assert_invariants
from vigie.devices.pulse import PulseNotes
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

    One device enrols through the door; the others are copies of its rows, because signing is not what is tested here. What the
    intake noted of that hour is made as well.
    """
    model = await cast.device()
    await rows.execute("DELETE FROM device_deadline")
    await rows.execute("DELETE FROM device_liveness")
    await rows.execute(_DEVICES, size)
    await rows.execute(_LIVENESS, QUIET_FROM)
    await rows.execute(_DEADLINES)
    await rows.execute("INSERT INTO intake_pulse SELECT last_seen_at, 1 FROM device_liveness")
    await rows.execute("DELETE FROM device WHERE id = $1", model.device_id)


async def hear(rows: asyncpg.Connection, at: datetime, slots: range) -> None:
    """Have the devices with a slot in a range heard at an instant, as the intake would."""
    heard = await rows.execute(
        "UPDATE device_liveness SET last_seen_at = $1 FROM device WHERE device.id = device_id AND slot_s >= $2 AND slot_s < $3",
        *(at, slots.start, slots.stop),
    )
    await PulseNotes().note(rows, at, int(heard.split()[-1]))


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


async def test_nobody_is_told_silent_for_our_outage_until_they_had_a_report_to_come_back_with(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    await make_fleet(cast, rows, 60)
    back = QUIET_FROM + 3 * HOUR
    await watch(worker, QUIET_FROM - 4 * MINUTE, back)
    while_quiet = await state(rows)
    for minute in range(0, 33, 2):  # every other device is heard again, at its slot
        await hear(rows, back + minute * MINUTE, range(60 * minute, 60 * minute + 1))
    await worker.run(back + 6 * MINUTE - SECOND)
    once_back = await state(rows)
    for minute in range(34, 68, 2):
        await hear(rows, back + minute * MINUTE, range(60 * minute % 3600, 60 * minute % 3600 + 1))
    await worker.run(back + 66 * MINUTE)
    assert [while_quiet, once_back] == [(0, 1), (0, 0)]
    assert await silent(rows) == 30
    told = await rows.fetchrow("SELECT min(silent_since) AS first, max(silent_since) AS last FROM device_liveness")
    # Others of their practice are heard: each of the thirty is silent by itself, at its own first slot.
    assert (told["first"], told["last"]) == (back + 6 * MINUTE, back + 64 * MINUTE)
    outage = await rows.fetchrow("SELECT * FROM service_outage")
    assert (outage["since"], outage["until"], outage["withheld"]) == (QUIET_FROM - MINUTE, back, True)
    assert await rows.fetchval("SELECT array_agg(DISTINCT cause) FROM device_silence") == ["machine_off"]
    await assert_invariants(rows)


async def test_after_half_a_day_silence_is_told_anyway_and_is_ours_until_it_proves_to_be_another(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    await make_fleet(cast, rows, 60)
    newest = QUIET_FROM - MINUTE
    await worker.run(newest + 12 * HOUR - SECOND)
    before = await state(rows)
    await worker.run(newest + 12 * HOUR)
    assert (before, await state(rows)) == ((0, 1), (60, 0))
    assert await rows.fetchval("SELECT array_agg(DISTINCT cause) FROM device_silence") == ["service"]
    assert await rows.fetchval("SELECT count(*) FROM event WHERE kind = 'practice.line_down'") == 0
    await PulseNotes().note(rows, newest + 13 * HOUR, 1)
    await worker.run(newest + 14 * HOUR)
    explained = await rows.fetch("SELECT payload FROM event WHERE kind = 'device.silence_explained'")
    assert {(event["payload"]["was"], event["payload"]["cause"]) for event in explained} == {("service", "unknown")}
    assert len(explained) == 60


@pytest.mark.parametrize(("size", "expected"), [(49, 49), (50, 0)])
async def test_only_a_large_fleet_is_held(
    cast: Cast, worker: Worker, rows: asyncpg.Connection, size: int, expected: int
) -> None:
    await make_fleet(cast, rows, size)
    await watch(worker, QUIET_FROM + HOUR, QUIET_FROM + 3 * HOUR)
    assert await silent(rows) == expected


async def test_a_large_fleet_of_which_a_few_are_heard_is_not_held(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    await make_fleet(cast, rows, 60)
    for minute in range(0, 130, 10):
        await hear(rows, QUIET_FROM + minute * MINUTE, range(3000, 3001))
    await watch(worker, QUIET_FROM + 100 * MINUTE, QUIET_FROM + 109 * MINUTE)
    # The last look was at minute 108; whoever has a slot up to minute 43 had missed two by then, and five minutes.
    assert await state(rows) == (44, 0)


async def test_an_outage_that_no_worker_watched_is_known_from_what_the_intake_noted(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    await make_fleet(cast, rows, 60)
    back = QUIET_FROM + 3 * HOUR  # database and worker were away; one device is faster than the first sweep
    await hear(rows, back, range(1))
    await worker.run(back + 5 * SECOND)
    at_first = await state(rows)
    for minute in range(1, 65):  # the others of its practice do not come back, but somebody is always heard
        await hear(rows, back + minute * MINUTE, range(1))
    await watch(worker, back + 4 * MINUTE, back + 66 * MINUTE)
    assert (at_first, await silent(rows)) == ((0, 0), 59)
    assert await rows.fetchval("SELECT count(*) FROM practice_line") == 0


async def test_a_worker_that_slept_while_the_fleet_was_heard_tells_silence_at_once(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    await make_fleet(cast, rows, 60)
    woken = QUIET_FROM + 3 * HOUR
    await rows.execute(
        "INSERT INTO intake_pulse SELECT at + n * interval '1 hour', 1 FROM intake_pulse, generate_series(1, 3) n"
    )
    for slot in range(0, 3600, 120):  # every other device is alive
        await hear(rows, woken - HOUR + slot * SECOND, range(slot, slot + 1))
    await worker.run(woken)
    assert await state(rows) == (30, 0)
