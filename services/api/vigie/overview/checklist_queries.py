"""Reads behind the checklist: what vouches for findings, how a practice compares, and controls across practices."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Row,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    column,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.dependencies import Call
from vigie.checklist.models import Attestation, AttestationEvidence
from vigie.core.db import PROVIDER
from vigie.devices.models import Device, DeviceLiveness, DeviceSection, SectionHistory
from vigie.posture.models import ControlException, Finding, OwnPolicy, Posture, ScoreDay
from vigie.posture.rules.device import ALSO_ON_RECORD
from vigie.posture.rules.model import Policy, State
from vigie.posture.rules.practice import HEADLINES
from vigie.posture.terms import stored_policy
from vigie.practices.models import Practice, practice_of
from vigie.practices.queries import visible

PRACTICE: Final = bindparam("practice", type_=Uuid)
_NOT_IN_ORDER: Final = ("fail", "warn", "unknown")
BEHIND_LIGHTS: Final = frozenset(control for controls in HEADLINES.values() for control in controls)


class Extent(NamedTuple):
    """How much of a checklist is asked for: of devices only what is not in order; only some controls (None: all of them)."""

    brief: bool = False
    controls: frozenset[str] | None = None


WHOLE: Final = Extent()


class Found(NamedTuple):
    """A stored finding, on a device or on the practice itself; by its fields as they are shown."""

    control: str
    subject_id: UUID
    state: str
    reason: str
    since: datetime
    valid_until: datetime | None
    assessed_at: datetime
    evidence: dict[str, Any]
    threshold: dict[str, Any]


_OF_PRACTICE: Final = (Finding.provider_id == PROVIDER, Finding.practice_id == PRACTICE)
_FINDINGS: Final = (
    select(*(getattr(Finding, name) for name in Found._fields))
    .where(*_OF_PRACTICE)
    .order_by(Finding.control, Finding.subject_id)
)


async def findings_of(session: AsyncSession, provider_id: UUID, practice_id: UUID) -> list[Found]:
    """Return every finding of a practice and its devices, by control; plain rows, for there are hundreds."""
    found = await session.execute(_FINDINGS, {"provider": provider_id, "practice": practice_id})
    return [Found(*row) for row in found]


class Short(NamedTuple):
    """What a part of a checklist rests on: its findings, when the first of each control ends, and the devices by their names."""

    findings: list[Found]
    ends: dict[str, datetime | None]
    devices: dict[UUID, "Reported"]


@cache
def _part(*, brief: bool, some: bool) -> Select[*tuple[Any, ...]]:
    """Return the statement of `short_of`, made once. `some`: only some controls are asked for."""
    numbered = (
        select(
            *(getattr(Finding, name) for name in Found._fields),
            func.min(Finding.valid_until).over(partition_by=Finding.control).label("ends"),
            func.row_number().over(partition_by=Finding.control, order_by=Finding.subject_id).label("place"),
        )
        .where(*_OF_PRACTICE)
        .subquery()
    )
    wanted: ColumnElement[bool] = numbered.c.state.in_(_NOT_IN_ORDER)
    if some:
        asked = numbered.c.control == any_(bindparam("controls", type_=ARRAY(Text)))
        decides = numbered.c.control.in_(sorted(BEHIND_LIGHTS))
        wanted = and_(wanted, or_(asked, decides)) if brief else or_(asked, and_(wanted, decides))
    shown = (wanted | (numbered.c.subject_id == PRACTICE)).label("shown")
    return (
        select(*(numbered.c[name] for name in Found._fields), numbered.c.ends, Device.alias, shown)
        .outerjoin(Device, and_(Device.provider_id == PROVIDER, Device.id == numbered.c.subject_id))
        .where(shown | (numbered.c.place == 1))
        .order_by(numbered.c.control, numbered.c.subject_id)
    )


async def short_of(session: AsyncSession, provider_id: UUID, practice_id: UUID, extent: Extent) -> Short:
    """Return the findings of a practice itself, and those on its devices that are asked for.

    What is not in order on what decides a light is always among them. Of each control at least one row comes back from the
    database: when a control changes by itself depends on all its findings, and the first to end may be one that is in order.
    """
    asked: dict[str, Any] = {"provider": provider_id, "practice": practice_id}
    if extent.controls is not None:
        asked["controls"] = sorted(extent.controls)
    short = Short([], {}, {})
    rows = await session.execute(_part(brief=extent.brief, some=extent.controls is not None), asked)
    for *fields, end, alias, shown in rows:
        found = Found(*fields)
        short.ends[found.control] = end
        if shown:
            short.findings.append(found)
            short.devices[found.subject_id] = Reported(alias or "", None, None, {})
    return short


class Reported(NamedTuple):
    """A device: its name, its last heartbeat, and per section the heartbeat that carried it (its sequence may be purged)."""

    alias: str
    sequence: int | None
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


async def policy_of(session: AsyncSession, provider_id: UUID, practice_id: UUID) -> Policy:
    """Return the thresholds a practice is judged by: the defaults, under its provider's, under its own."""
    found = await session.scalars(
        select(OwnPolicy)
        .where(OwnPolicy.provider_id == provider_id, OwnPolicy.subject_id.in_((provider_id, practice_id)))
        .order_by(OwnPolicy.practice_id.nulls_first())
    )
    return stored_policy(Policy(), *(orjson.dumps(each.thresholds).decode() for each in found))


_NOW: Final = bindparam("now", type_=DateTime(timezone=True))
_IN_FORCE: Final = (
    select(ControlException)
    .where(
        ControlException.provider_id == PROVIDER,
        ControlException.practice_id == PRACTICE,
        ControlException.starts_at <= _NOW,
        ControlException.ends_at > _NOW,
        ControlException.ended_at.is_(None) | (ControlException.ended_at > _NOW),
    )
    .order_by(ControlException.ends_at, ControlException.id)
)


async def exceptions_in_force(
    session: AsyncSession, provider_id: UUID, practice_id: UUID, now: datetime
) -> Sequence[ControlException]:
    """Return the exceptions of a practice that hold at an instant, those that end first in front."""
    found = await session.scalars(_IN_FORCE, {"provider": provider_id, "practice": practice_id, "now": now})
    return found.all()


class Answered(NamedTuple):
    """The answer that stands to a control, and the ids of the files it rests on."""

    answer: Attestation
    files: Sequence[UUID]


_FILES: Final = (
    select(func.array_agg(AttestationEvidence.evidence_id))
    .where(
        AttestationEvidence.provider_id == Attestation.provider_id,
        AttestationEvidence.attestation_id == Attestation.id,
    )
    .correlate(Attestation)
    .scalar_subquery()
)
_ANSWERS: Final = select(Attestation, _FILES.label("files")).where(
    Attestation.provider_id == PROVIDER, Attestation.practice_id == PRACTICE, Attestation.superseded_at.is_(None)
)


async def answers_of(session: AsyncSession, provider_id: UUID, practice_id: UUID) -> list[Answered]:
    """Return the answers of a practice that nobody superseded."""
    found = await session.execute(_ANSWERS, {"provider": provider_id, "practice": practice_id})
    return [Answered(answer, sorted(own or ())) for answer, own in found]


async def scores_since(
    session: AsyncSession, provider_id: UUID, practice_id: UUID, first: date
) -> Sequence[tuple[date, int | None]]:
    """Return the days on which the score of a practice changed, from the last one before `first` on."""
    own = (ScoreDay.provider_id == provider_id, ScoreDay.practice_id == practice_id)
    before = select(func.max(ScoreDay.day)).where(*own, ScoreDay.day <= first).scalar_subquery()
    found = await session.execute(
        select(ScoreDay.day, ScoreDay.score)
        .where(*own, ScoreDay.day >= func.coalesce(before, first))
        .order_by(ScoreDay.day)
    )
    return [(row.day, row.score) for row in found]


async def scores_of(session: AsyncSession, provider_id: UUID) -> dict[int, int]:
    """Return how many practices of a provider have which score: at most 100 rows, read from the index alone.

    A practice of which nothing is well has yet to begin, and would hide nobody: it is left out.
    """
    found = await session.execute(
        select(Posture.score, func.count())
        .where(Posture.provider_id == provider_id, Posture.score > 0)
        .group_by(Posture.score)
    )
    return {score: practices for score, practices in found if score is not None}


async def count_controls(call: Call) -> tuple[int, dict[str, dict[State, int]]]:
    """Return how many practices a caller sees, and of these, per control, how many are in which state stored for it.

    One statement for what devices decide and one for the rest: together in one, each practice's objects were unpacked twice, and
    every answer was compared with every control of devices.
    """
    own = practice_of(Posture)
    of_caller = (Posture.provider_id == call.principal.provider_id, *visible(call.principal))
    judged = func.jsonb_each(Posture.controls).table_valued(column("key", Text), column("value", JSONB), name="judged")
    answered = func.jsonb_each_text(Posture.answers).table_valued(
        column("key", Text), column("value", Text), name="answered"
    )
    state = judged.c.value["state"].astext
    # What devices and records both speak of is one state, that of the devices with the records counted in.
    alone = answered.c.key.not_in(sorted(ALSO_ON_RECORD)) | ~Posture.controls.has_key(answered.c.key)
    counts: dict[str, dict[State, int]] = defaultdict(dict)
    for statement in (
        select(judged.c.key, state, func.count())
        .select_from(Posture)
        .join(Practice, own)
        .join(judged, true())
        .where(*of_caller)
        .group_by(judged.c.key, state),
        select(answered.c.key, answered.c.value, func.count())
        .select_from(Posture)
        .join(Practice, own)
        .join(answered, true())
        .where(*of_caller, alone)
        .group_by(answered.c.key, answered.c.value),
    ):
        for control, found, practices in await call.session.execute(statement):
            counts[control][found] = counts[control].get(found, 0) + practices
    total = select(func.count()).select_from(Posture).join(Practice, own).where(*of_caller)
    return await call.session.scalar(total) or 0, counts


def in_state(control: str, state: str) -> ColumnElement[bool]:
    """Return the condition that a practice is in a state of a control; without anything stored it is unknown."""
    judged, answered = Posture.controls[control]["state"].astext, Posture.answers[control].astext
    return func.coalesce(judged, answered, "unknown") == state
