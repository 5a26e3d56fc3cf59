"""What the dated records of a practice say: findings of 8.1, 8.5, 10.2 and 5.7, and whom each questionnaire concerns."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from vigie.checklist.record_facts import RecordFacts, facts_of, links_of, records_of
from vigie.posture.queries import policies_of
from vigie.posture.rules.contracts import assess_contracts, assess_hosting
from vigie.posture.rules.model import Finding, Policy
from vigie.posture.rules.records import assess_incident_contacts
from vigie.posture.rules.restore import assess_restore_record

GENERAL = 1
QUESTIONNAIRE_OF = {"on_site": 2, "remote": 3, "hosting": 4}
"""Which questionnaire beside the general one concerns whoever does this for a practice (domain controls §2)."""


@dataclass(frozen=True, slots=True)
class ConcernedSupplier:
    """A supplier of a practice and the questionnaires, 1 to 4, that concern it there."""

    supplier_id: UUID
    questionnaires: frozenset[int]


@dataclass(frozen=True, slots=True)
class SupplierList:
    """The suppliers of a practice. `confirmed_at` None: nobody said that these are all of them."""

    confirmed_at: datetime | None
    suppliers: tuple[ConcernedSupplier, ...]


async def findings_of(
    session: AsyncSession, provider_id: UUID, practice_ids: Iterable[UUID], now: datetime
) -> dict[UUID, list[Finding]]:
    """Return what dated records decide about practices, each finding with the instant at which it changes by itself.

    A control that the records say nothing about is left out: 8.1 while no supplier is listed, 8.5 while none hosts and nobody
    confirmed the list, 5.7 while no restore was recorded. What people attest then stands alone. 10.2 is always there: a card
    that nobody filled in is a failure.
    """
    facts = await facts_of(session, provider_id, practice_ids)
    policies = await policies_of(session, provider_id, facts)
    return {practice_id: judge_records(known, policies[practice_id], now) for practice_id, known in facts.items()}


def judge_records(facts: RecordFacts, policy: Policy, now: datetime) -> list[Finding]:
    """Return the findings of one practice."""
    listed = facts.suppliers_confirmed_at is not None
    found = [
        assess_contracts(facts.contracted, policy, now),
        assess_hosting(facts.hosts, policy, now, listed=listed),
        assess_incident_contacts(facts.contacts, policy, now),
        assess_restore_record(facts.restores, policy, now) if facts.restores else None,
    ]
    return [finding for finding in found if finding is not None]


def nothing_recorded(policy: Policy, now: datetime) -> list[Finding]:
    """Return what is decided about a practice of which nothing is on record yet."""
    return judge_records(RecordFacts(), policy, now)


def questionnaires_for(services: Iterable[str]) -> frozenset[int]:
    """Return the questionnaires that concern a supplier which does this for a practice."""
    return frozenset({GENERAL, *(QUESTIONNAIRE_OF[service] for service in services)})


async def suppliers_concerned(
    session: AsyncSession, provider_id: UUID, practice_ids: Iterable[UUID]
) -> dict[UUID, SupplierList]:
    """Return, for every practice asked for, its suppliers with the questionnaires that concern each of them."""
    ids = sorted(set(practice_ids))
    confirmed = {record.practice_id: record for record in await records_of(session, provider_id, ids)}
    suppliers: dict[UUID, list[ConcernedSupplier]] = {practice_id: [] for practice_id in ids}
    for link in await links_of(session, provider_id, ids):
        suppliers[link.practice_id].append(ConcernedSupplier(link.supplier_id, questionnaires_for(link.services)))
    return {
        practice_id: SupplierList(
            confirmed[practice_id].suppliers_confirmed_at if practice_id in confirmed else None, tuple(found)
        )
        for practice_id, found in suppliers.items()
    }
