"""Reads behind the checklist: what vouches for findings, how a practice compares, and controls across practices."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Text, and_, column, func, select, true, union_all
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.dependencies import Call
from vigie.devices.models import Device, DeviceLiveness, DeviceSection, SectionHistory
from vigie.posture.models import Posture
from vigie.posture.rules.model import State
from vigie.practices.models import Practice
from vigie.practices.queries import visible


class Reported(NamedTuple):
    """A device: its name, its last heartbeat, and per section the heartbeat that carried it (its sequence may be purged)."""

    alias: str
    sequence: int
    last_seen_at: datetime | None
    sections: dict[str, tuple[int | None, datetime]]


async def reported_by(session: AsyncSession, provider_id: UUID, practice_id: UUID) -> dict[UUID, Reported]:
    """Return the devices of a practice with the heartbeats that told what is stored of them, in two statements."""
    found = await session.execute(
        select(Device.id, Device.alias, DeviceLiveness.sequence, DeviceLiveness.last_seen_at)
        .join(
            DeviceLiveness,
            and_(DeviceLiveness.provider_id == Device.provider_id, DeviceLiveness.device_id == Device.id),
        )
        .where(Device.provider_id == provider_id, Device.practice_id == practice_id)
    )
    devices = {row.id: Reported(row.alias, row.sequence, row.last_seen_at, {}) for row in found}
    for section in await _sections(session, provider_id, practice_id):
        devices[section.device_id].sections[section.section] = (section.sequence, section.changed_at)
    return devices


async def _sections(session: AsyncSession, provider_id: UUID, practice_id: UUID) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return when each section of a practice's devices was last carried, and by which heartbeat.

    The history is found by its whole key but the sequence: one partition, one row.
    """
    carried = (
        select(func.max(SectionHistory.sequence))
        .where(
            SectionHistory.provider_id == DeviceSection.provider_id,
            SectionHistory.device_id == DeviceSection.device_id,
            SectionHistory.received_at == DeviceSection.changed_at,
        )
        .correlate(DeviceSection)
        .scalar_subquery()
    )
    found = await session.execute(
        select(DeviceSection.device_id, DeviceSection.section, DeviceSection.changed_at, carried.label("sequence"))
        .join(
            Device,
            and_(Device.provider_id == DeviceSection.provider_id, Device.id == DeviceSection.device_id),
        )
        .where(DeviceSection.provider_id == provider_id, Device.practice_id == practice_id)
    )
    return found.all()


async def compare(session: AsyncSession, provider_id: UUID, score: int) -> tuple[int, int | None, int]:
    """Return how many practices of a provider have a score, the median of the scores, and how many score more than this."""
    ordered = func.percentile_disc(0.5).within_group(Posture.score.asc())
    found = await session.execute(
        select(func.count(), ordered, func.count().filter(Posture.score > score)).where(
            Posture.provider_id == provider_id, Posture.score.is_not(None)
        )
    )
    practices, median, better = found.one()
    return practices, median, better


async def count_controls(call: Call) -> tuple[int, dict[str, dict[State, int]]]:
    """Return how many practices a caller sees, and of these, per control, how many are in which state stored for it."""
    provider_id = call.principal.provider_id
    own = and_(Practice.provider_id == Posture.provider_id, Practice.id == Posture.practice_id)
    of_caller = (Posture.provider_id == provider_id, *visible(call.principal))
    judged = func.jsonb_each(Posture.controls).table_valued(column("key", Text), column("value", JSONB), name="judged")
    answered = func.jsonb_each_text(Posture.answers).table_valued(
        column("key", Text), column("value", Text), name="answered"
    )
    points = union_all(
        select(judged.c.key.label("control"), judged.c.value["state"].astext.label("state")),
        select(answered.c.key, answered.c.value).where(~Posture.controls.has_key(answered.c.key)),
    ).lateral("point")
    statement = (
        select(points.c.control, points.c.state, func.count())
        .select_from(Posture)
        .join(Practice, own)
        .join(points, true())
        .where(*of_caller)
        .group_by(points.c.control, points.c.state)
    )
    counts: dict[str, dict[State, int]] = defaultdict(dict)
    for control, state, practices in await call.session.execute(statement):
        counts[control][state] = practices
    total = select(func.count()).select_from(Posture).join(Practice, own).where(*of_caller)
    return await call.session.scalar(total) or 0, counts


def in_state(control: str, state: str) -> ColumnElement[bool]:
    """Return the condition that a practice is in a state of a control; without anything stored it is unknown."""
    judged, answered = Posture.controls[control]["state"].astext, Posture.answers[control].astext
    return func.coalesce(judged, answered, "unknown") == state
