"""Reading answers, what they make of a practice, files and actions."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.checklist.models import Attestation, ChecklistDeadline
from vigie.posture.models import Finding, Posture
from vigie.practices.models import Practice

INVENTORY = "ANS-5.11"
"""Judged of the practice itself, but from its devices: their sweep looks after it."""


async def lock_postures(session: AsyncSession, provider_id: UUID, practices: Iterable[UUID]) -> list[UUID]:
    """Lock the postures of practices in the order everybody keeps; return those that have one (archived ones do not).

    First in whatever changes what is judged of a practice itself: two who did so at once would each miss the other's change.
    """
    found = await session.scalars(
        select(Posture.practice_id)
        .where(Posture.provider_id == provider_id, Posture.practice_id.in_(set(practices)))
        .order_by(Posture.practice_id)
        .with_for_update(key_share=True)
    )
    return list(found.all())


async def current_answers(
    session: AsyncSession, provider_id: UUID, practices: Iterable[UUID], control: str | None = None
) -> Sequence[Attestation]:
    """Return the answers that stand, of some practices, perhaps to one control."""
    chosen = select(Attestation).where(
        Attestation.provider_id == provider_id,
        Attestation.practice_id.in_(set(practices)),
        Attestation.superseded_at.is_(None),
    )
    if control is not None:
        chosen = chosen.where(Attestation.control == control)
    return (await session.scalars(chosen.order_by(Attestation.practice_id, Attestation.control))).all()


async def zones_of(session: AsyncSession, provider_id: UUID, practices: Iterable[UUID]) -> dict[UUID, str]:
    """Return the time zone of each practice."""
    rows = await session.execute(
        select(Practice.id, Practice.time_zone).where(
            Practice.provider_id == provider_id, Practice.id.in_(set(practices))
        )
    )
    return {row.id: row.time_zone for row in rows}


class Judged(NamedTuple):
    """What is stored of a finding of a practice itself."""

    control: str
    state: str
    reason: str
    valid_until: datetime | None
    evidence: dict[str, object]
    threshold: dict[str, object]


async def own_findings(
    session: AsyncSession, provider_id: UUID, practices: Iterable[UUID]
) -> dict[UUID, dict[str, Judged]]:
    """Return the stored findings of practices themselves, by practice and control; without the inventory."""
    columns = [getattr(Finding, name) for name in Judged._fields]
    rows = await session.execute(
        select(Finding.subject_id, *columns).where(
            Finding.provider_id == provider_id,
            Finding.subject_id.in_(set(practices)),
            Finding.control != INVENTORY,
        )
    )
    found: dict[UUID, dict[str, Judged]] = {}
    for subject_id, *values in rows:
        found.setdefault(subject_id, {})[values[0]] = Judged(*values)
    return found


async def next_changes(session: AsyncSession, provider_id: UUID, practices: Iterable[UUID]) -> dict[UUID, datetime]:
    """Return when what is stored of practices themselves next changes by itself, for those of which it does."""
    rows = await session.execute(
        select(Finding.subject_id, func.min(Finding.valid_until))
        .where(
            Finding.provider_id == provider_id,
            Finding.subject_id.in_(set(practices)),
            Finding.control != INVENTORY,
            Finding.valid_until.is_not(None),
        )
        .group_by(Finding.subject_id)
    )
    return {practice: at for practice, at in rows if at is not None}


async def set_deadlines(
    session: AsyncSession, provider_id: UUID, practices: Sequence[UUID], due: dict[UUID, datetime]
) -> None:
    """Write when each practice has to be looked at again; those not in `due` need no look."""
    quiet = [practice for practice in practices if practice not in due]
    if quiet:
        await session.execute(
            delete(ChecklistDeadline).where(
                ChecklistDeadline.provider_id == provider_id, ChecklistDeadline.practice_id.in_(quiet)
            )
        )
    rows = [
        {"provider_id": provider_id, "practice_id": practice, "due_at": due[practice]}
        for practice in sorted(practices)
        if practice in due
    ]
    if rows:
        written = insert(ChecklistDeadline).values(rows)
        await session.execute(
            written.on_conflict_do_update(
                index_elements=["provider_id", "practice_id"], set_={"due_at": written.excluded.due_at}
            )
        )
