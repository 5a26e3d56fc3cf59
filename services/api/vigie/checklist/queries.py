"""Reading answers, what they make of a practice, files and actions."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Date, Select, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from vigie.auth.dependencies import Call
from vigie.auth.models import Member, MemberPractice
from vigie.auth.principal import PRACTICE_ROLES
from vigie.checklist.models import Action, Attestation, AttestationEvidence, ChecklistDeadline, Evidence
from vigie.checklist.schemas import ActionQuery
from vigie.core.db import PROVIDER
from vigie.core.errors import NotFoundError
from vigie.core.pagination import PageQuery, Shape, by_shape, keyset, page_of
from vigie.posture.models import Finding, Posture
from vigie.practices.models import Practice, practice_of
from vigie.practices.queries import seen_in, shape_of, visible, visible_practices

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
    session: AsyncSession, provider_id: UUID, practices: Iterable[UUID], controls: Iterable[str] | None = None
) -> Sequence[Attestation]:
    """Return the answers that stand, of some practices, perhaps to some controls only, the oldest first."""
    chosen = select(Attestation).where(
        Attestation.provider_id == provider_id,
        Attestation.practice_id.in_(set(practices)),
        Attestation.superseded_at.is_(None),
    )
    if controls is not None:
        chosen = chosen.where(Attestation.control.in_(controls))
    return (await session.scalars(chosen.order_by(Attestation.id))).all()


async def supersede(
    session: AsyncSession, provider_id: UUID, practices: Sequence[UUID], controls: Sequence[str], now: datetime
) -> None:
    """Note that the answers that stand, to some controls at some practices, do not any more."""
    await session.execute(
        update(Attestation)
        .where(
            Attestation.provider_id == provider_id,
            Attestation.practice_id.in_(practices),
            Attestation.control.in_(controls),
            Attestation.superseded_at.is_(None),
        )
        .values(superseded_at=now)
        .execution_options(synchronize_session=False)
    )


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


async def answers_to(
    session: AsyncSession, provider_id: UUID, practice_id: UUID, controls: Sequence[str], query: PageQuery
) -> tuple[Sequence[Attestation], str | None]:
    """Return a page of the answers to a control (under every id it has had), newest first."""
    chosen = select(Attestation).where(
        Attestation.provider_id == provider_id,
        Attestation.practice_id == practice_id,
        Attestation.control.in_(controls),
    )
    rows = (await session.scalars(keyset(chosen, query, [Attestation.id], [UUID], descending=True))).all()
    return page_of(rows, query, lambda row: (row.id,))


async def evidence_of(session: AsyncSession, provider_id: UUID, answers: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Return the files that answers rest on, in the order of their ids."""
    rows = await session.execute(
        select(AttestationEvidence.attestation_id, AttestationEvidence.evidence_id)
        .where(AttestationEvidence.provider_id == provider_id, AttestationEvidence.attestation_id.in_(answers))
        .order_by(AttestationEvidence.evidence_id)
    )
    found: dict[UUID, list[UUID]] = {}
    for answer, file in rows:
        found.setdefault(answer, []).append(file)
    return found


async def known_evidence(
    session: AsyncSession, provider_id: UUID, practice_id: UUID, files: Sequence[UUID]
) -> set[UUID]:
    """Return which of some ids are files of a practice."""
    if not files:
        return set()
    found = await session.scalars(
        select(Evidence.id).where(
            Evidence.provider_id == provider_id, Evidence.practice_id == practice_id, Evidence.id.in_(files)
        )
    )
    return set(found.all())


async def evidence_kept(session: AsyncSession, provider_id: UUID, practice_id: UUID) -> tuple[int, int]:
    """Return how many files a practice keeps, and how many bytes."""
    found = await session.execute(
        select(func.count(), func.coalesce(func.sum(Evidence.size), 0)).where(
            Evidence.provider_id == provider_id, Evidence.practice_id == practice_id
        )
    )
    files, used = found.one()
    return files, used


async def list_evidence(
    session: AsyncSession, provider_id: UUID, practice_id: UUID, query: PageQuery
) -> tuple[Sequence[Evidence], str | None]:
    """Return a page of the files of a practice, newest first, without their content."""
    chosen = select(Evidence).where(Evidence.provider_id == provider_id, Evidence.practice_id == practice_id)
    rows = (await session.scalars(keyset(chosen, query, [Evidence.id], [UUID], descending=True))).all()
    return page_of(rows, query, lambda row: (row.id,))


async def get_evidence(call: Call, evidence_id: UUID) -> Evidence:
    """Return a file of a visible practice with its content; raises `NotFoundError` for any other."""
    found = await call.session.scalars(
        select(Evidence)
        .join(Practice, practice_of(Evidence))
        .where(*visible(call.principal))
        .where(Evidence.provider_id == call.principal.provider_id, Evidence.id == evidence_id)
        .options(undefer(Evidence.content))
    )
    row = found.first()
    if row is None:
        raise NotFoundError
    call.audit(practice_id=row.practice_id)
    return row


async def practices_seen(call: Call, asked: Iterable[UUID] | None, limit: int) -> Sequence[Practice]:
    """Return visible practices, at most `limit`: those asked for, archived or not, or all that are not archived."""
    chosen = visible_practices(call.principal)
    chosen = (
        chosen.where(Practice.archived_at.is_(None)) if asked is None else chosen.where(Practice.id.in_(set(asked)))
    )
    return (await call.session.scalars(chosen.order_by(Practice.id).limit(limit))).all()


async def open_actions(
    session: AsyncSession, provider_id: UUID, practices: Sequence[UUID], controls: Sequence[str]
) -> Sequence[Action]:
    """Return the open actions of a control (under every id it has had) at some practices."""
    found = await session.scalars(
        select(Action).where(
            Action.provider_id == provider_id,
            Action.practice_id.in_(practices),
            Action.control.in_(controls),
            Action.status == "open",
        )
    )
    return found.all()


def _of_visible(call: Call) -> Select[Action]:
    return (
        select(Action)
        .join(Practice, practice_of(Action))
        .where(Action.provider_id == call.principal.provider_id, *visible(call.principal))
    )


async def get_action(call: Call, action_id: UUID, *, lock: bool = False) -> Action:
    """Return an action of a visible practice; raises `NotFoundError` for any other."""
    chosen = _of_visible(call).where(Action.id == action_id)
    locked = chosen.with_for_update(of=Action, key_share=True)
    found = (await call.session.scalars(locked if lock else chosen)).first()
    if found is None:
        raise NotFoundError
    return found


@by_shape
def _actions(shape: Shape) -> Select[*tuple[Any, ...]]:
    statement = (
        select(Action)
        .join(Practice, practice_of(Action))
        .where(
            Action.provider_id == PROVIDER,
            *seen_in(Practice.provider_id, Practice.id, limited=shape.limited),
            Practice.archived_at.is_(None),
            *shape.where(Action, "practice_id", "status", "party"),
        )
    )
    if "due_before" in shape.filters:
        statement = statement.where(Action.due_on < bindparam("due_before", type_=Date))
    return shape.ordered(statement, [Action.due_on, Action.id])


async def list_actions(call: Call, query: ActionQuery) -> tuple[Sequence[Action], str | None]:
    """Return a page of the actions of visible practices that are not archived, the first due first."""
    names = ("practice_id", "status", "party", "due_before")
    shape, asked = shape_of(call, query, names, [date.fromisoformat, UUID])
    rows = (await call.session.scalars(_actions(shape), asked)).all()
    return page_of(rows, query, lambda row: (row.due_on, row.id))


async def sees_practice(session: AsyncSession, provider_id: UUID, member_id: UUID, practice_id: UUID) -> str | None:
    """Return the side on which a member sees a practice; None for somebody who does not, or is no member any more."""
    found = await session.execute(
        select(Member.role, Member.practice_id, Member.limited, MemberPractice.practice_id.label("seen"))
        .outerjoin(
            MemberPractice,
            (MemberPractice.provider_id == Member.provider_id)
            & (MemberPractice.member_id == Member.id)
            & (MemberPractice.practice_id == practice_id),
        )
        .where(Member.provider_id == provider_id, Member.id == member_id, Member.removed_at.is_(None))
    )
    row = found.first()
    if row is None or (row.limited and row.seen is None):
        return None
    if row.role in PRACTICE_ROLES:
        return "practice" if row.practice_id == practice_id else None
    return "provider"


async def due_practices(session: AsyncSession, provider_id: UUID, now: datetime, limit: int) -> Sequence[UUID]:
    """Return the practices of a provider whose deadline has passed, the longest due first."""
    found = await session.scalars(
        select(ChecklistDeadline.practice_id)
        .where(ChecklistDeadline.provider_id == provider_id, ChecklistDeadline.due_at <= now)
        .order_by(ChecklistDeadline.due_at)
        .limit(limit)
    )
    return found.all()


async def deadline_of(session: AsyncSession, provider_id: UUID, practice_id: UUID) -> datetime | None:
    """Return when a practice has to be looked at again; None: never by itself."""
    found = await session.scalars(
        select(ChecklistDeadline.due_at).where(
            ChecklistDeadline.provider_id == provider_id, ChecklistDeadline.practice_id == practice_id
        )
    )
    return found.first()


async def claim_posture(session: AsyncSession, provider_id: UUID, practice_id: UUID) -> bool | None:
    """Lock the posture of a practice unless somebody else holds it; None when there is none (it is archived)."""
    mine = (Posture.provider_id == provider_id, Posture.practice_id == practice_id)
    locked = select(Posture.practice_id).where(*mine).with_for_update(key_share=True, skip_locked=True)
    if (await session.scalars(locked)).first() is not None:
        return True
    there = (await session.scalars(select(Posture.practice_id).where(*mine))).first()
    return None if there is None else False
