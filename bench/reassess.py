"""P13: a changed policy of a provider of ten thousand practices, worked off by the worker while heartbeats keep coming."""

import asyncio
import contextlib
import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import psutil

from bench.client import send
from bench.fleet import BenchDevice, deal, load_fleet, stored
from bench.intake import CONNECTIONS, LostError
from bench.report import Figure, median
from bench.service import Bed, Process
from vigie.auth.dependencies import Call
from vigie.auth.principal import ALL_PRACTICES, Permission, Principal
from vigie.core.clock import SystemClock
from vigie.core.db import Database, connect, role_url
from vigie.devices.hb1 import parse_heartbeat
from vigie.devices.report import Identity, make_report
from vigie.devices.writing import HeartbeatWriter
from vigie.posture.assessment import Assessor
from vigie.posture.policies import change_policy
from vigie.simulator.device import VirtualDevice
from vigie.simulator.fleet import PracticePlan, plan_practice
from vigie.worker import ensure_partitions

PRACTICES, DEVICES = 10_000, 2
PATTERNS = 100  # practices that report for themselves, every one healthy; the others are their twins
CHUNK = 4000  # heartbeats sent between two looks at the queue
BESIDE = 8  # chunks sent while practices are judged, and as many to compare with
DAYS, DAYS_BESIDE, DAYS_ALL = (10, 12), 9, 11  # each run asks for another threshold
GOAL_S, GOAL_SLOWER = 60, 20
_KIND = "UPDATE device SET family = $2, role = $3 WHERE id = $1"
_IDENTITIES = (
    "SELECT provider_id, id AS device_id, practice_id, public_key, key_generation, status, family, role, slot_s, enrolled_at"
    " FROM device"
)
_JUDGED = "SELECT count(*) AS n FROM finding WHERE control = 'ANS-2.2' AND (threshold ->> 'pass_days')::int = $1"
_TWIN = "CREATE TEMP TABLE twin (provider_id uuid, pattern uuid, own uuid PRIMARY KEY, practice_id uuid)"
_ALIKE = (
    ("device", "id", "family, role"),
    ("device_liveness", "device_id", "sequence, received, last_seen_at, presence_day, presence_hours"),
    ("device_liveness", "device_id", "body_digest, state_digest, boot_ref, agent"),
    ("device_deadline", "device_id", "due_at, silent_after, review_at"),
    ("posture", "practice_id", "rank, overall, patch, backup, checklist, liveness, since, controls, answers, score"),
    ("posture", "practice_id", "devices, assessed_at"),
)
"""Of which tables a twin's row, found by its key, takes over which columns."""
_ADDED = (
    ("device_section", "device_id", "section, digest, changed_at, body"),
    (
        "finding",
        "subject_id",
        "practice_id, control, state, reason, since, valid_until, assessed_at, evidence, threshold",
    ),
    ("backup_run", "device_id", "practice_id, job, ended_at, status, origin, bytes, detail"),
    ("score_day", "practice_id", "day, score, earned, possible"),
)
"""Of which tables a twin gets rows of its own."""
Run = tuple[float, float, list[float]]


def _of_updates(days: int) -> dict[str, dict[str, int]]:
    """Return thresholds of an owner who wants updates sooner; two controls read them: how old one may be, and a search for them."""
    return {"patch": {"security_pass_days": days, "search_pass_days": days // 2}}


def _of_every_report(days: int) -> dict[str, dict[str, int]]:
    """Return thresholds that every control of devices reads."""
    return {**_of_updates(days), "freshness": {"fresh_hours": 30}}


def policy(bed: Bed) -> list[Figure]:
    """Measure how long a change for all practices takes, and how much it slows heartbeats of the same devices meanwhile."""
    devices = load_fleet(bed, providers=1, practices=PRACTICES, devices=DEVICES)
    healthy = [plan_practice(2 * number, DEVICES, now=datetime.now(UTC)) for number in range(PATTERNS)]
    asyncio.run(tell(bed, devices, healthy))
    service, worker = bed.serve(workers=2), bed.work()
    provider_id, process = devices[0].provider_id, psutil.Process(worker.process.pid)
    turn = _chunks(devices, service)
    _send(bed, service, [next(turn) for _ in range(len(devices) // CHUNK)])  # the service gets to know its devices
    seconds, spent, asked = [], [], []
    for days in DAYS:
        before = _spent(bed, process)
        took, put, _ = _run(bed, service, provider_id, _of_updates(days), [])
        seconds.append(took)
        asked.append(put)
        spent.append(_spent(bed, process) - before)
    alone = _send(bed, service, [next(turn) for _ in range(BESIDE)])
    chunks = [next(turn) for _ in range(BESIDE)]
    busy, _, beside = _run(bed, service, provider_id, _of_updates(DAYS_BESIDE), chunks)
    slower = [100 * (1 - rate / median(alone)) for rate in beside]
    before = _spent(bed, process)
    every, _, _ = _run(bed, service, provider_id, _of_every_report(DAYS_ALL), [])
    notes: dict[str, float] = {"saving the policy (s)": median(asked), "devices": len(devices)}
    notes["processor time of worker and database (s)"] = median(spent)
    notes["a threshold of all 25 controls of devices (s)"] = every
    notes["its processor time (s)"] = _spent(bed, process) - before
    others = {"without it (/s)": median(alone), "beside it (/s)": median(beside)}
    others[f"until all is judged, with {BESIDE * CHUNK:,} heartbeats beside (s)"] = busy
    what = f"a changed policy (2 controls) of {PRACTICES:,} practices, until the last of them is judged anew"
    other = "by how much it slows quiet heartbeats of the same devices, 64 connections"
    return [
        Figure("P13", what, median(seconds), GOAL_S, "s", "less", seconds, notes),
        Figure("P13b", other, median(slower), GOAL_SLOWER, "%", "less", slower, others),
    ]


def _spent(bed: Bed, worker: psutil.Process) -> float:
    """Return the processor seconds that the worker and the living processes of PostgreSQL have used so far."""
    found = bed.query("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    seconds = sum(worker.cpu_times()[:2])
    for row in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            seconds += sum(psutil.Process(row["pid"]).cpu_times()[:2])
    return float(seconds)


async def tell(bed: Bed, devices: list[BenchDevice], plans: Sequence[PracticePlan]) -> None:
    """Let the devices of the first practices report as planned, and give all others what is then stored of those."""
    now = datetime.now(UTC).replace(microsecond=0)
    patterns = sum(len(plan.machines) for plan in plans)
    machines: list[VirtualDevice] = [machine for plan in plans for machine in plan.devices()]
    connection = await connect(bed.url, {"application_name": "bench"})
    try:
        await ensure_partitions(connection, SystemClock())
        for device, machine in zip(devices, machines, strict=False):
            profile = machine.machine.profile
            await connection.execute(_KIND, device.device_id, profile.family, profile.role)
        identities = {row["device_id"]: Identity(**row) for row in await connection.fetch(_IDENTITIES)}
        reports = []
        for device, machine in zip(devices, machines, strict=False):
            body = device.heartbeat(machine.heartbeat(now)["sections"])
            digest = hashlib.sha256(body).digest()[:16]
            reports.append(make_report(identities[device.device_id], parse_heartbeat(body), digest, now))
        await HeartbeatWriter("postgresql", Assessor("postgresql")).write(connection, reports)
        twins: dict[UUID, tuple[UUID, UUID, UUID, UUID]] = {}
        for place, device in enumerate(devices[patterns:]):
            pattern, own = devices[place % patterns], identities[device.device_id]
            device.sequence, device.state = pattern.sequence, pattern.state
            theirs = identities[pattern.device_id]
            for mine, other in ((own.device_id, theirs.device_id), (own.practice_id, theirs.practice_id)):
                twins[mine] = (own.provider_id, other, mine, own.practice_id)
        await _copy(connection, list(twins.values()))
    finally:
        await connection.close()


async def _copy(connection: asyncpg.Connection, twins: list[tuple[UUID, UUID, UUID, UUID]]) -> None:
    await connection.execute(_TWIN)
    await connection.copy_records_to_table("twin", records=twins)
    await connection.execute("ANALYZE twin")
    for table, key, columns in _ALIKE:
        assigned = ", ".join(f"{name} = t.{name}" for name in columns.split(", "))
        await connection.execute(
            f"UPDATE {table} own SET {assigned} FROM twin w JOIN {table} t ON t.{key} = w.pattern"
            f" WHERE own.{key} = w.own AND own.provider_id = w.provider_id AND t.provider_id = w.provider_id"
        )
    for table, key, columns in _ADDED:
        copied = ", ".join(f"{'w' if name == 'practice_id' else 't'}.{name}" for name in columns.split(", "))
        await connection.execute(
            f"INSERT INTO {table} (provider_id, {key}, {columns}) SELECT t.provider_id, w.own, {copied}"
            f" FROM twin w JOIN {table} t ON t.{key} = w.pattern AND t.provider_id = w.provider_id"
        )
    await connection.execute("VACUUM ANALYZE")


def _chunks(devices: list[BenchDevice], service: Process) -> Iterator[list[bytes]]:
    """Sign quiet heartbeats, one device after the other, for ever."""
    while True:
        for first in range(0, len(devices), CHUNK):
            yield [device.signed(service.host, device.heartbeat()) for device in devices[first : first + CHUNK]]


def _send(bed: Bed, service: Process, chunks: list[list[bytes]], until: threading.Event | None = None) -> list[float]:
    """Send chunks, each of other devices, one after the other; return the rate of each that ended before `until`."""
    rates = []
    for chunk in chunks:
        before = stored(bed)
        outcome = send("127.0.0.1", service.port, deal(chunk, len(chunk), CONNECTIONS), patience=1.0)
        if outcome.failures or {stored(bed) - before, outcome.statuses[200]} != {len(chunk)}:
            raise LostError(f"{len(chunk)} sent, {dict(outcome.statuses)}, {outcome.failures}, {outcome.sample!r}")
        if until is not None and until.is_set():
            break
        rates.append(outcome.rate)
    return rates


def _run(
    bed: Bed,
    service: Process,
    provider_id: UUID,
    thresholds: dict[str, dict[str, int]],
    chunks: list[list[bytes]],
) -> Run:
    """Change the policy; return the seconds until all is judged, those of the change, and the rates beside it."""
    empty, ended = threading.Event(), [0.0]
    started = time.monotonic()
    asyncio.run(_change(service, provider_id, thresholds))
    changed = time.monotonic()

    def watch() -> None:
        while bed.query("SELECT 1 FROM reassessment LIMIT 1"):
            time.sleep(0.25)
        ended[0] = time.monotonic()
        empty.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    rates = _send(bed, service, chunks, empty)
    watcher.join()
    days = thresholds["patch"]["security_pass_days"]
    if (found := bed.query(_JUDGED, days)[0]["n"]) != PRACTICES * DEVICES:
        raise LostError(f"{found} of {PRACTICES * DEVICES} devices are judged by {days} days")
    return ended[0] - changed, changed - started, rates


async def _change(service: Process, provider_id: UUID, thresholds: dict[str, dict[str, int]]) -> None:
    """Do what PUT /v1/policies does for an owner."""
    owner = Principal("member", provider_id, "bench", frozenset(Permission), ALL_PRACTICES, role="owner")
    database = Database(*role_url(service.settings, "vigie_app"), pool_size=1)
    try:
        async with database.session(provider_id, write=True) as session:
            call = Call(owner, session, datetime.now(UTC))
            await change_policy(call, None, thresholds)
    finally:
        await database.close()
