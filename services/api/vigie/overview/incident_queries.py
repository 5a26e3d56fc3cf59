"""What the sealed evidence of an incident is gathered from (devices, reports, changes, alerts; no names, no notes), and its card.

Each part has a bound: a fleet that reports wildly must not fill the memory of the service. The latest rows come first, so what a
bound cuts off is the oldest; the archive says so.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from vigie.alerts.models import Alert, AlertEntry
from vigie.checklist.record_models import Supplier
from vigie.devices.models import Device, DevicePresence, DeviceSection, SectionHistory
from vigie.events.models import Event
from vigie.incidents.bundle import Part

_MIB: Final = 1024 * 1024
AT_MOST: Final = {
    "devices.jsonl": _MIB,
    "sections.jsonl": 6 * _MIB,
    "heartbeats.jsonl": 16 * _MIB,
    "presence.jsonl": _MIB,
    "events.jsonl": 6 * _MIB,
    "alerts.jsonl": _MIB,
    "courses.jsonl": _MIB,
}
"""Bytes of each part before it is packed. Our choice: about ten times what twenty devices report in thirty days."""
_ROWS: Final = 200
_WRITTEN: Final = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose evidence, and of which span."""

    provider_id: UUID
    practice_id: UUID
    from_at: datetime
    until_at: datetime


async def gather(session: AsyncSession, subject: Subject, at_most: dict[str, int] | None = None) -> list[Part]:
    """Return the parts of an archive, each in the order in which things happened."""
    bounds = at_most or AT_MOST
    statements = {
        "devices.jsonl": _devices(subject),
        "sections.jsonl": _sections(subject),
        "heartbeats.jsonl": _heartbeats(subject),
        "presence.jsonl": _presence(subject),
        "events.jsonl": _events(subject),
        "alerts.jsonl": _alerts(subject),
        "courses.jsonl": _courses(subject),
    }
    return [await _part(session, name, statement, bounds[name]) for name, statement in statements.items()]


async def backups_of(
    session: AsyncSession, provider_id: UUID, practice_id: UUID
) -> list[tuple[str, Mapping[str, Any]]]:
    """Return what the active devices of a practice last told of their backups, each with its alias."""
    tied = (DeviceSection.provider_id == Device.provider_id) & (DeviceSection.device_id == Device.id)
    rows = await session.execute(
        select(Device.alias, DeviceSection.body)
        .join(DeviceSection, tied)
        .where(
            Device.provider_id == provider_id,
            Device.practice_id == practice_id,
            Device.status == "active",
            DeviceSection.section == "backup",
        )
        .order_by(Device.id)
    )
    return [(alias, body) for alias, body in rows]


async def own_line(session: AsyncSession, provider_id: UUID) -> str | None:
    """Return the emergency number that a provider noted of itself among the suppliers."""
    own = select(Supplier.emergency_phone).where(Supplier.provider_id == provider_id, Supplier.id == provider_id)
    return (await session.scalars(own)).first()


async def _part(session: AsyncSession, name: str, statement: Select[*tuple[Any, ...]], at_most: int) -> Part:
    lines: list[bytes] = []
    size, complete = 0, True
    async for line in _lines(session, statement):
        size += len(line) + 1
        if size > at_most:
            complete = False
            break
        lines.append(line)
    lines.reverse()
    return Part(name, lines, complete)


async def _lines(session: AsyncSession, statement: Select[*tuple[Any, ...]]) -> AsyncIterator[bytes]:
    rows = await session.stream(statement.execution_options(yield_per=_ROWS))
    try:
        async for row in rows.mappings():
            yield orjson.dumps(dict(row), default=str, option=_WRITTEN)  # the driver has a UUID of its own
    finally:
        await rows.close()


def _own(subject: Subject) -> Select[UUID]:
    return select(Device.id).where(Device.provider_id == subject.provider_id, Device.practice_id == subject.practice_id)


def _within(column: InstrumentedAttribute[datetime], subject: Subject) -> ColumnElement[bool]:
    return (column >= subject.from_at) & (column <= subject.until_at)


def _devices(subject: Subject) -> Select[*tuple[Any, ...]]:
    told = (Device.id, Device.alias, Device.family, Device.role, Device.status)
    dated = (Device.enrolled_at, Device.clone_suspect_at, Device.revoked_at)
    return (
        select(*told, *dated)
        .where(Device.provider_id == subject.provider_id, Device.practice_id == subject.practice_id)
        .order_by(Device.id.desc())
    )


def _sections(subject: Subject) -> Select[*tuple[Any, ...]]:
    return (
        select(DeviceSection.device_id, DeviceSection.section, DeviceSection.changed_at, DeviceSection.body)
        .where(DeviceSection.provider_id == subject.provider_id, DeviceSection.device_id.in_(_own(subject)))
        .order_by(DeviceSection.device_id.desc(), DeviceSection.section.desc())
    )


def _heartbeats(subject: Subject) -> Select[*tuple[Any, ...]]:
    row = SectionHistory
    return (
        select(row.device_id, row.received_at, row.sequence, row.sections)
        .where(
            row.provider_id == subject.provider_id,
            row.device_id.in_(_own(subject)),
            _within(row.received_at, subject),
        )
        .order_by(row.received_at.desc(), row.device_id.desc(), row.sequence.desc())
    )


def _presence(subject: Subject) -> Select[*tuple[Any, ...]]:
    row = DevicePresence
    return (
        select(row.device_id, row.day, row.seen_hours, row.ran_hours)
        .where(
            row.provider_id == subject.provider_id,
            row.device_id.in_(_own(subject)),
            row.day >= subject.from_at.date(),
            row.day <= subject.until_at.date(),
        )
        .order_by(row.day.desc(), row.device_id.desc())
    )


def _events(subject: Subject) -> Select[*tuple[Any, ...]]:
    told = (Event.number, Event.kind, Event.version, Event.device_id, Event.happened_at, Event.recorded_at)
    return (
        select(*told, Event.payload)
        .where(
            Event.provider_id == subject.provider_id,
            Event.practice_id == subject.practice_id,
            _within(Event.recorded_at, subject),
        )
        .order_by(Event.number.desc())
    )


def _of_the_span(subject: Subject) -> tuple[ColumnElement[bool], ...]:
    """Alerts that lived in the span, whenever they were opened."""
    return (
        Alert.provider_id == subject.provider_id,
        Alert.practice_id == subject.practice_id,
        Alert.opened_at <= subject.until_at,
        or_(Alert.closed_at.is_(None), Alert.closed_at >= subject.from_at),
    )


def _alerts(subject: Subject) -> Select[*tuple[Any, ...]]:
    told = (Alert.id, Alert.cause, Alert.severity, Alert.status, Alert.members, Alert.reopenings)
    dated = (Alert.opened_at, Alert.condition_since, Alert.acknowledged_at, Alert.closed_at)
    return select(*told, *dated).where(*_of_the_span(subject)).order_by(Alert.opened_at.desc(), Alert.id.desc())


def _courses(subject: Subject) -> Select[*tuple[Any, ...]]:
    """What was said of alerts is left out: people wrote it."""
    return (
        select(AlertEntry.alert_id, AlertEntry.at, AlertEntry.kind, AlertEntry.number)
        .where(
            AlertEntry.provider_id == subject.provider_id,
            AlertEntry.alert_id.in_(select(Alert.id).where(*_of_the_span(subject))),
        )
        .order_by(AlertEntry.at.desc(), AlertEntry.id.desc())
    )
