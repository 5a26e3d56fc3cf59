"""P7: what a device costs in storage per year, indexes included, with two section changes a day."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from bench.fleet import BenchDevice, load_fleet
from bench.intake import full_sections
from bench.report import Figure
from bench.service import Bed
from vigie.core.batch import Form
from vigie.core.clock import MovableClock
from vigie.core.crypto import b64url
from vigie.core.db import connect
from vigie.devices.digests import section_digest, state_digest
from vigie.devices.hb1 import parse_heartbeat
from vigie.devices.report import Identity, Report, make_report
from vigie.devices.writing import HeartbeatWriter
from vigie.posture.assessment import Assessor
from vigie.worker import ensure_partitions

DEVICES = 200
DAYS = 30
_FORM: Form = "postgresql"
_SIZES = """
    SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint AS bytes FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('r', 'm')
"""


def year_of_a_device(bed: Bed) -> list[Figure]:
    """Live a month of hourly heartbeats through the intake's writer and extrapolate what grows."""
    empty = _bytes(bed)
    devices = load_fleet(bed, providers=1, practices=DEVICES // 4, devices=4)
    first, month = asyncio.run(_live(bed, devices))
    fixed = (first - empty) / DEVICES
    growth = (month - first) / DEVICES * 365 / DAYS
    value = (fixed + growth) / 2**20
    notes = {
        "fixed (KiB)": fixed / 1024,
        "growth per year (KiB)": growth / 1024,
        "devices": DEVICES,
        "days lived": DAYS,
    }
    return [
        Figure("P7", "storage per device and year, two section changes a day", value, 1, "MiB", "less", [value], notes)
    ]


def _bytes(bed: Bed) -> int:
    return int(bed.query(_SIZES)[0]["bytes"])


async def _live(bed: Bed, devices: list[BenchDevice]) -> tuple[int, int]:
    connection = await connect(bed.url, {"application_name": "bench"})
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    await ensure_partitions(connection, MovableClock(datetime.now(UTC)), months_back=2)
    await connection.execute("SET synchronous_commit = off")
    rows = await connection.fetch(
        "SELECT provider_id, id AS device_id, practice_id, public_key, key_generation, status, family,"
        " role, slot_s, enrolled_at FROM device"
    )
    identities = {row["device_id"]: Identity(**row) for row in rows}
    writer = HeartbeatWriter(_FORM, Assessor(_FORM))
    states = {device.device_id: full_sections(place, 0) for place, device in enumerate(devices)}
    first = 0
    for hour in range(DAYS * 24):
        at = start + timedelta(hours=hour)
        reports = []
        for place, device in enumerate(devices):
            sections = states[device.device_id]
            sent = dict(sections) if hour % 24 == 0 else {}
            if hour % 24 in {7, 19}:  # two changes a day
                flipped = full_sections(place, (hour // 12) % 2)
                name = "patch" if hour % 24 == 7 else "backup"
                changed = {name: {**flipped[name], "source": f"{flipped[name]['source']}{hour}"}}
                sections.update(changed)
                sent = changed
            reports.append(_report(device, identities[device.device_id], sections, sent, at))
        await writer.write(connection, reports)
        if hour == 0:
            await connection.execute("VACUUM ANALYZE")
            first = int((await connection.fetch(_SIZES))[0]["bytes"])
    await connection.execute("VACUUM ANALYZE")
    month = int((await connection.fetch(_SIZES))[0]["bytes"])
    await connection.close()
    return first, month


def _report(
    device: BenchDevice, identity: Identity, sections: dict[str, Any], sent: dict[str, Any], at: datetime
) -> Report:
    device.state = b64url(state_digest({name: section_digest(value) for name, value in sections.items()}))
    document = orjson.loads(device.heartbeat())
    document["sections"] = sent
    body = orjson.dumps(document)
    return make_report(identity, parse_heartbeat(body), hashlib.sha256(body).digest()[:16], at)
