"""What supplier questionnaires say of practices: findings of ANS-9.2 to 9.5."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from vigie.checklist.questionnaire_queries import SupplierStanding, standings_of
from vigie.checklist.records import SupplierList, suppliers_concerned
from vigie.posture.queries import policies_of
from vigie.posture.rules.model import Finding, Policy
from vigie.posture.rules.records import QuestionnaireControl, SupplierAnswers, assess_questionnaires

CONTROLS: Final[dict[int, QuestionnaireControl]] = {1: "ANS-9.2", 2: "ANS-9.3", 3: "ANS-9.4", 4: "ANS-9.5"}
"""Which control each of the four questionnaires decides."""


async def findings_of(
    session: AsyncSession, provider_id: UUID, practice_ids: Iterable[UUID], now: datetime
) -> dict[UUID, list[Finding]]:
    """Return ANS-9.2 to 9.5 of practices, with the instant at which each changes by itself.

    A plan holds through the day it names (UTC).
    """
    ids = sorted(set(practice_ids))
    today = now.astimezone(UTC).date()
    standings: dict[UUID, list[SupplierStanding]] = {practice_id: [] for practice_id in ids}
    for standing in await standings_of(session, provider_id, ids, today):
        standings[standing.practice_id].append(standing)
    concerned = await suppliers_concerned(session, provider_id, ids)
    policies = await policies_of(session, provider_id, ids)
    return {
        practice_id: [
            judge(kind, concerned[practice_id], standings[practice_id], policies[practice_id], now) for kind in CONTROLS
        ]
        for practice_id in ids
    }


def nothing_signed(policy: Policy, now: datetime) -> list[Finding]:
    """Return ANS-9.2 to 9.5 of a practice of which no supplier is known yet."""
    return [judge(kind, SupplierList(None, ()), (), policy, now) for kind in CONTROLS]


def judge(
    kind: int, listed: SupplierList, standings: Sequence[SupplierStanding], policy: Policy, now: datetime
) -> Finding:
    """Return the finding of one questionnaire of a practice.

    Nobody said that the list is complete: then it names suppliers that have to sign, but that none is concerned is unknown.
    """
    by_supplier = {standing.supplier_id: standing for standing in standings if standing.kind == kind}
    answers = []
    due: list[date] = []
    for supplier in listed.suppliers:
        if kind not in supplier.questionnaires:
            continue
        standing = by_supplier.get(supplier.supplier_id)
        if standing is None:
            answers.append(SupplierAnswers(str(supplier.supplier_id), None))
            continue
        answers.append(
            SupplierAnswers(str(supplier.supplier_id), standing.signed_at, standing.refused, standing.planned)
        )
        if standing.signed_at is not None and standing.due_on is not None:
            due.append(standing.due_on)
    known = answers if answers or listed.confirmed_at is not None else None
    finding = assess_questionnaires(CONTROLS[kind], known, policy, now)
    ends = [datetime.combine(day + timedelta(days=1), time(), UTC) for day in due]
    if finding.valid_until is not None:
        ends.append(finding.valid_until)
    return finding._replace(valid_until=min(ends, default=None))
