"""Reading questionnaires, their answers and signatures, and the findings that answer their questions."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Text, and_, func, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.dependencies import Call
from vigie.auth.models import Member, Session
from vigie.checklist.prefill import Observation
from vigie.checklist.questionnaire_models import (
    Questionnaire,
    QuestionnaireAnswer,
    QuestionnaireRevision,
    Signature,
)
from vigie.checklist.questionnaire_schemas import QuestionnaireQuery
from vigie.checklist.record_models import PracticeSupplier, Supplier
from vigie.core.errors import NotFoundError
from vigie.core.pagination import keyset, page_of
from vigie.posture.models import Finding
from vigie.posture.rules.model import State
from vigie.practices.models import Practice
from vigie.practices.queries import visible_practices


async def get_questionnaire(
    session: AsyncSession, practice: Practice, questionnaire_id: UUID, *, lock: bool = False
) -> Questionnaire:
    """Return a questionnaire of a practice that the caller sees; raises `NotFoundError`."""
    statement = select(Questionnaire).where(
        Questionnaire.provider_id == practice.provider_id,
        Questionnaire.practice_id == practice.id,
        Questionnaire.id == questionnaire_id,
    )
    found = (await session.scalars(statement.with_for_update(key_share=True) if lock else statement)).first()
    if found is None:
        raise NotFoundError
    return found


async def list_questionnaires(
    session: AsyncSession, practice: Practice, query: QuestionnaireQuery
) -> tuple[Sequence[Questionnaire], str | None]:
    """Return a page of the questionnaires of a practice, the oldest first."""
    chosen = select(Questionnaire).where(
        Questionnaire.provider_id == practice.provider_id, Questionnaire.practice_id == practice.id
    )
    if query.kind is not None:
        chosen = chosen.where(Questionnaire.kind == query.kind)
    if query.supplier_id is not None:
        chosen = chosen.where(Questionnaire.supplier_id == query.supplier_id)
    rows = (await session.scalars(keyset(chosen, query, [Questionnaire.id], [UUID]))).all()
    return page_of(rows, query, lambda row: (row.id,))


async def questionnaire_of(
    session: AsyncSession, provider_id: UUID, practice_ids: Collection[UUID], supplier_id: UUID, kind: int
) -> dict[UUID, Questionnaire]:
    """Return the questionnaire of a kind and a supplier of each practice that has it, locked, in the order of their ids."""
    rows = await session.scalars(
        select(Questionnaire)
        .where(
            Questionnaire.provider_id == provider_id,
            Questionnaire.practice_id.in_(practice_ids),
            Questionnaire.supplier_id == supplier_id,
            Questionnaire.kind == kind,
        )
        .order_by(Questionnaire.practice_id)
        .with_for_update(key_share=True)
    )
    return {row.practice_id: row for row in rows}


async def hold_questionnaires(
    session: AsyncSession, provider_id: UUID, practice_ids: Collection[UUID]
) -> Sequence[Questionnaire]:
    """Return all questionnaires of practices, locked, in the order everybody keeps; before postures are."""
    rows = await session.scalars(
        select(Questionnaire)
        .where(Questionnaire.provider_id == provider_id, Questionnaire.practice_id.in_(practice_ids))
        .order_by(Questionnaire.practice_id, Questionnaire.id)
        .with_for_update(key_share=True)
    )
    return rows.all()


async def answers_of(
    session: AsyncSession, provider_id: UUID, questionnaire_ids: Collection[UUID]
) -> Mapping[UUID, dict[str, QuestionnaireAnswer]]:
    """Return the answers of questionnaires: questionnaire → question → answer."""
    rows = await session.scalars(
        select(QuestionnaireAnswer).where(
            QuestionnaireAnswer.provider_id == provider_id,
            QuestionnaireAnswer.questionnaire_id.in_(questionnaire_ids),
        )
    )
    found: dict[UUID, dict[str, QuestionnaireAnswer]] = defaultdict(dict)
    for row in rows:
        found[row.questionnaire_id][row.question] = row
    return found


async def signatures_of(
    session: AsyncSession, provider_id: UUID, questionnaire_ids: Collection[UUID]
) -> Mapping[UUID, list[Signature]]:
    """Return the signatures of questionnaires, of every revision, the latest first."""
    rows = await session.scalars(
        select(Signature)
        .where(Signature.provider_id == provider_id, Signature.questionnaire_id.in_(questionnaire_ids))
        .order_by(Signature.revision.desc(), Signature.signed_at.desc(), Signature.party)
    )
    found: dict[UUID, list[Signature]] = defaultdict(list)
    for row in rows:
        found[row.questionnaire_id].append(row)
    return found


async def revision_of(
    session: AsyncSession, provider_id: UUID, questionnaire_id: UUID, revision: int
) -> QuestionnaireRevision | None:
    """Return a revision as it was signed; None when nobody signed it."""
    return await session.get(QuestionnaireRevision, (provider_id, questionnaire_id, revision))


async def names_of_suppliers(session: AsyncSession, provider_id: UUID, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return how suppliers are called."""
    rows = await session.execute(
        select(Supplier.id, Supplier.name).where(Supplier.provider_id == provider_id, Supplier.id.in_(sorted(set(ids))))
    )
    return {row.id: row.name for row in rows}


async def names_of_members(session: AsyncSession, provider_id: UUID, ids: Iterable[str]) -> dict[str, str]:
    """Return how members are called, by their id as text; ids of others, such as partner clients, are passed over."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    key = sql_cast(Member.id, Text)
    rows = await session.execute(
        select(key.label("id"), Member.name).where(Member.provider_id == provider_id, key.in_(wanted))
    )
    return {row.id: row.name for row in rows}


async def session_of(session: AsyncSession, provider_id: UUID, session_id: UUID) -> Session:
    """Return the session in which a caller acts: who asserted their identity, and at which level."""
    found = await session.get(Session, (provider_id, session_id))
    if found is None:
        raise NotFoundError
    return found


async def locked_practices(call: Call, practice_ids: Collection[UUID]) -> Sequence[Practice]:
    """Return those of some practices that the caller sees, locked, in the order of their ids."""
    chosen = visible_practices(call.principal).where(Practice.id.in_(practice_ids))
    return (await call.session.scalars(chosen.order_by(Practice.id).with_for_update(key_share=True))).all()


async def practices_using(call: Call, supplier_id: UUID) -> Sequence[UUID]:
    """Return the practices that list a supplier, as far as the caller sees them."""
    rows = await call.session.scalars(
        visible_practices(call.principal)
        .with_only_columns(Practice.id)
        .join(
            PracticeSupplier,
            and_(
                PracticeSupplier.provider_id == Practice.provider_id,
                PracticeSupplier.practice_id == Practice.id,
                PracticeSupplier.supplier_id == supplier_id,
            ),
        )
        .where(Practice.archived_at.is_(None))
        .order_by(Practice.id)
    )
    return rows.all()


async def observations_of(
    session: AsyncSession, provider_id: UUID, practice_ids: Collection[UUID], controls: Collection[str]
) -> Mapping[UUID, list[Observation]]:
    """Return what was found about some controls, on devices and on the practices themselves, by practice."""
    rows = await session.execute(
        select(
            Finding.practice_id, Finding.subject_id, Finding.control, Finding.state, Finding.since, Finding.evidence
        ).where(
            Finding.provider_id == provider_id,
            Finding.practice_id.in_(practice_ids),
            Finding.control.in_(sorted(controls)),
        )
    )
    found: dict[UUID, list[Observation]] = defaultdict(list)
    for row in rows:
        found[row.practice_id].append(
            Observation(
                control=row.control,
                on_device=row.subject_id != row.practice_id,
                state=cast("State", row.state),
                since=row.since,
                reference=_reference(row.evidence),
            )
        )
    return found


def _reference(evidence: Mapping[str, Any]) -> str | None:
    """Return the id of the attestation behind a finding, where a person's answer is (`posture.rules.answers`)."""
    attestation = evidence.get("attestation")
    return str(attestation["id"]) if isinstance(attestation, dict) and "id" in attestation else None


@dataclass(frozen=True, slots=True)
class SupplierStanding:
    """How a supplier stands with one questionnaire at one practice. `due_on`: the first day planned for a deviation."""

    practice_id: UUID
    supplier_id: UUID
    kind: int
    signed_at: datetime | None
    refused: int
    planned: int
    due_on: date | None


async def standings_of(
    session: AsyncSession, provider_id: UUID, practice_ids: Collection[UUID], today: date
) -> list[SupplierStanding]:
    """Return how suppliers stand at some practices; what was planned for a day that has passed is not planned any more."""
    counted = func.coalesce(QuestionnaireAnswer.answer, QuestionnaireAnswer.found_answer) == "no"
    planned = and_(counted, QuestionnaireAnswer.plan_due_on >= today)
    rows = await session.execute(
        select(
            Questionnaire.practice_id,
            Questionnaire.supplier_id,
            Questionnaire.kind,
            Questionnaire.signed_at,
            func.count().filter(counted).label("refused"),
            func.count().filter(planned).label("planned"),
            func.min(QuestionnaireAnswer.plan_due_on).filter(planned).label("due_on"),
        )
        .join(
            QuestionnaireAnswer,
            and_(
                QuestionnaireAnswer.provider_id == Questionnaire.provider_id,
                QuestionnaireAnswer.questionnaire_id == Questionnaire.id,
            ),
        )
        .where(Questionnaire.provider_id == provider_id, Questionnaire.practice_id.in_(practice_ids))
        .group_by(Questionnaire.provider_id, Questionnaire.id)
        .order_by(Questionnaire.practice_id, Questionnaire.supplier_id, Questionnaire.kind)
    )
    return [SupplierStanding(*row) for row in rows]
