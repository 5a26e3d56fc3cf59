"""P5: a thousand devices fall silent at the same instant, most of them with their practices, while all others are heard."""

import asyncio
import hashlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from uuid import UUID

import asyncpg
import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.fleet import BenchDevice, load_fleet
from bench.report import Figure, median
from bench.service import Bed
from vigie.core.clock import SystemClock
from vigie.core.db import connect, role_url
from vigie.devices.cadence import INTERVAL_S
from vigie.devices.hb1 import parse_heartbeat
from vigie.devices.report import Identity, make_report
from vigie.devices.sweep import Sweep
from vigie.devices.writing import HeartbeatWriter
from vigie.posture.assessment import Assessor
from vigie.simulator.fleet import plan_practice
from vigie.worker import ensure_partitions

PROVIDERS, PRACTICES, DEVICES = 4, 400, 4
RUNS, LINES, SINGLES = 3, 200, 200  # times measured each way, practices cut off, single devices: a thousand devices
GOAL_S, GOAL_WORK_S = 60, 2
_SILENT = LINES * DEVICES + SINGLES
_PATIENCE_S = 120
_BATCH = 256
_NO_KEY = Ed25519PrivateKey.generate()  # nothing is signed here
_IDENTITIES = (
    "SELECT provider_id, id AS device_id, practice_id, public_key, key_generation, status, family, role, slot_s, enrolled_at"
    " FROM device ORDER BY practice_id, id"
)
# Heard two slots and five minutes before the deadline, at its slot; everybody else was heard a moment ago.
_SLOTS = "UPDATE device SET slot_s = $2 WHERE id = ANY ($1::uuid[])"
_HEARD = "UPDATE device_liveness SET last_seen_at = $2 WHERE device_id = ANY ($1::uuid[])"
_EXPECT = (
    "UPDATE device_deadline SET silent_after = $2, due_at = LEAST($2, review_at) WHERE device_id = ANY ($1::uuid[])"
)
_TOLD = "SELECT count(*) FROM device_silence WHERE device_id = ANY ($1::uuid[])"
_VERDICTS = (
    "SELECT count(*) FROM posture WHERE practice_id = ANY ($1::uuid[]) AND (devices ->> 'silent')::int > 0"
    " AND liveness <> 'ok'"
)
_ALERTS = "SELECT count(*) FROM alert WHERE practice_id = ANY ($1::uuid[]) AND cause = 'line' AND status = 'open'"


class NotToldError(Exception):
    """Somebody's silence was not told, or not as what it is."""


def together(bed: Bed) -> list[Figure]:
    """Measure from the deadline until every verdict and every alert is committed, and the time the sweep works for it."""
    load_fleet(bed, providers=PROVIDERS, practices=PRACTICES, devices=DEVICES)
    return asyncio.run(_measure(bed))


async def _measure(bed: Bed) -> list[Figure]:
    connection = await connect(bed.url, {"application_name": "bench"})
    worker = None
    try:
        identities = [Identity(**row) for row in await connection.fetch(_IDENTITIES)]
        await _report(connection, identities)
        groups = _groups(identities)
        work = [await _work(bed, connection, next(groups)) for _ in range(RUNS)]
        worker = bed.work()
        await asyncio.sleep(10)  # it is up, and has read what happened so far
        after = [await _until_told(connection, next(groups)) for _ in range(RUNS)]
    finally:
        if worker is not None:
            worker.stop()
        await connection.close()
    notes: dict[str, float] = {"devices of the fleet": len(identities), "practices whose line is down": LINES}
    what = f"{_SILENT:,} devices fall silent together: from the deadline until the last verdict and alert is committed"
    other = "processor time of the sweep for them, and of the database for the sweep"
    return [
        Figure("P5", what, median(after), GOAL_S, "s", "less", after, notes),
        Figure("P5b", other, median(work), GOAL_WORK_S, "s", "less", work),
    ]


async def _report(connection: asyncpg.Connection, identities: list[Identity]) -> None:
    """Have every device report all it has, so that verdicts are of the size they have in service."""
    now = datetime.now(UTC).replace(microsecond=0)
    await ensure_partitions(connection, SystemClock())
    plans = [plan_practice(2 * number, DEVICES, now=now) for number in range(50)]
    machines = cycle([machine.heartbeat(now)["sections"] for plan in plans for machine in plan.devices()])
    writer = HeartbeatWriter("postgresql", Assessor("postgresql"))
    reports = []
    for identity, sections in zip(identities, machines, strict=False):
        device = BenchDevice(identity.provider_id, identity.device_id, _NO_KEY)
        body = device.heartbeat(sections)
        reports.append(make_report(identity, parse_heartbeat(body), hashlib.sha256(body).digest()[:16], now))
    for first in range(0, len(reports), _BATCH):
        await writer.write(connection, reports[first : first + _BATCH])
    await connection.execute("VACUUM ANALYZE")


def _groups(identities: list[Identity]) -> Iterator[tuple[list[UUID], list[UUID], list[UUID]]]:
    """Yield devices that fall silent together, the practices all of whose devices do, and the others concerned."""
    practices = [identities[place : place + DEVICES] for place in range(0, len(identities), DEVICES)]
    whole, others = practices[: 2 * RUNS * LINES], practices[2 * RUNS * LINES :]
    singles = [
        (one.device_id, one.practice_id) for turn in range(DEVICES - 1) for one in (each[turn] for each in others)
    ]
    for turn in range(2 * RUNS):
        cut = whole[turn * LINES : (turn + 1) * LINES]
        alone = singles[turn * SINGLES : (turn + 1) * SINGLES]
        devices = [one.device_id for each in cut for one in each] + [device for device, _ in alone]
        yield devices, [each[0].practice_id for each in cut], [practice for _, practice in alone]


async def _expect(connection: asyncpg.Connection, devices: list[UUID], deadline: datetime) -> None:
    missed = deadline - timedelta(minutes=5)
    async with connection.transaction():
        await connection.execute(_SLOTS, devices, int(missed.timestamp()) % INTERVAL_S)
        await connection.execute(_HEARD, devices, missed - timedelta(seconds=2 * INTERVAL_S))
        await connection.execute(_EXPECT, devices, deadline)


async def _check(connection: asyncpg.Connection, group: tuple[list[UUID], list[UUID], list[UUID]]) -> bool:
    devices, cut, alone = group
    told = await connection.fetchval(_TOLD, devices)
    return bool(told == _SILENT and await connection.fetchval(_VERDICTS, cut + alone) == len({*cut, *alone}))


async def _work(bed: Bed, connection: asyncpg.Connection, group: tuple[list[UUID], list[UUID], list[UUID]]) -> float:
    """Sweep once in this process; return the processor time that took, the database's own included."""
    now = datetime.now(UTC).replace(microsecond=0)
    await _expect(connection, group[0], now)
    own = await connect(*role_url(bed.settings(0), "vigie_worker"))
    try:
        sweep = Sweep("postgresql", Assessor("postgresql"))
        backend = psutil.Process(own.get_server_pid())
        before = time.process_time() + sum(backend.cpu_times()[:2])
        await sweep.run(own, now)
        seconds = time.process_time() + sum(backend.cpu_times()[:2]) - before
    finally:
        await own.close()
    if not await _check(connection, group):
        raise NotToldError(f"{await connection.fetchval(_TOLD, group[0])} of {_SILENT}")
    return seconds


async def _until_told(connection: asyncpg.Connection, group: tuple[list[UUID], list[UUID], list[UUID]]) -> float:
    """Let the worker tell it; return the seconds from the deadline on."""
    deadline = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
    await _expect(connection, group[0], deadline)
    while not (await _check(connection, group) and await connection.fetchval(_ALERTS, group[1]) == LINES):
        if datetime.now(UTC) - deadline > timedelta(seconds=_PATIENCE_S):
            counted = [await connection.fetchval(_TOLD, group[0]), await connection.fetchval(_ALERTS, group[1])]
            raise NotToldError(f"{counted} of {[_SILENT, LINES]}")
        await asyncio.sleep(0.1)
    return (datetime.now(UTC) - deadline).total_seconds()
