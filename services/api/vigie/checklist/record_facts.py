"""Reading the records of practices as the facts that rules judge: a handful of statements for any number of practices."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.checklist.record_models import (
    Contract,
    IncidentContact,
    PracticeRecord,
    PracticeSupplier,
    Referential,
    RestoreTest,
    SupplierCertificate,
)
from vigie.posture.rules.contracts import Certificate, Contracted, ContractTerm, OutsideHost
from vigie.posture.rules.records import IncidentContacts
from vigie.posture.rules.restore import RestoreTest as TriedRestore

REQUIRED_CONTACTS = ("it_provider", "insurer", "referent", "backup_custodian")
"""Who has to stand on the incident card, each with a telephone number: it is read when the network is down."""


@dataclass(slots=True)
class RecordFacts:
    """What is on record of one practice. `contacts` None: nobody began a card; `restores` empty: none was recorded."""

    suppliers: list[PracticeSupplier] = field(default_factory=list)
    contracted: list[Contracted] = field(default_factory=list)
    hosts: list[OutsideHost] = field(default_factory=list)
    suppliers_confirmed_at: datetime | None = None
    contacts: IncidentContacts | None = None
    restores: list[TriedRestore] = field(default_factory=list)


async def facts_of(session: AsyncSession, provider_id: UUID, practice_ids: Iterable[UUID]) -> dict[UUID, RecordFacts]:
    """Return what is on record of each practice asked for, known or not."""
    ids = sorted(set(practice_ids))
    facts = {practice_id: RecordFacts() for practice_id in ids}
    links = await links_of(session, provider_id, ids)
    contracts = await _contracts(session, provider_id, ids)
    certificates = await _certificates(session, provider_id, {link.supplier_id for link in links})
    for link in links:
        known, supplier = facts[link.practice_id], str(link.supplier_id)
        known.suppliers.append(link)
        known.contracted.append(Contracted(supplier, contracts[link.practice_id, link.supplier_id]))
        if link.hosts_health_data:
            known.hosts.append(OutsideHost(supplier, frozenset(link.hds_activities), certificates[link.supplier_id]))
    confirmed = await records_of(session, provider_id, ids)
    for record in confirmed:
        facts[record.practice_id].suppliers_confirmed_at = record.suppliers_confirmed_at
    contacts_confirmed_at = {record.practice_id: record.contacts_confirmed_at for record in confirmed}
    for practice_id, contacts in (await _contacts(session, provider_id, ids)).items():
        facts[practice_id].contacts = IncidentContacts(
            len(missing_contacts(contacts)), contacts_confirmed_at.get(practice_id)
        )
    for practice_id, tried in await _restores(session, provider_id, ids):
        facts[practice_id].restores.append(tried)
    return facts


def missing_contacts(contacts: Iterable[IncidentContact]) -> list[str]:
    """Return the kinds of contact that a card still lacks: nobody of that kind can be telephoned."""
    reachable = {contact.kind for contact in contacts if contact.phone is not None}
    return [kind for kind in REQUIRED_CONTACTS if kind not in reachable]


async def links_of(
    session: AsyncSession, provider_id: UUID, practice_ids: Sequence[UUID]
) -> Sequence[PracticeSupplier]:
    """Return which suppliers practices use, by practice and supplier."""
    rows = await session.scalars(
        select(PracticeSupplier)
        .where(PracticeSupplier.provider_id == provider_id, PracticeSupplier.practice_id.in_(practice_ids))
        .order_by(PracticeSupplier.practice_id, PracticeSupplier.supplier_id)
    )
    return rows.all()


async def records_of(
    session: AsyncSession, provider_id: UUID, practice_ids: Sequence[UUID]
) -> Sequence[PracticeRecord]:
    """Return what was confirmed of the records of practices."""
    rows = await session.scalars(
        select(PracticeRecord).where(
            PracticeRecord.provider_id == provider_id, PracticeRecord.practice_id.in_(practice_ids)
        )
    )
    return rows.all()


async def _contracts(
    session: AsyncSession, provider_id: UUID, practice_ids: Sequence[UUID]
) -> dict[tuple[UUID, UUID], list[ContractTerm]]:
    rows = await session.execute(
        select(Contract.practice_id, Contract.supplier_id, Contract.starts_on, Contract.ends_on, Contract.auto_renewal)
        .where(
            Contract.provider_id == provider_id, Contract.practice_id.in_(practice_ids), Contract.closed_at.is_(None)
        )
        .order_by(Contract.practice_id, Contract.id)
    )
    found: dict[tuple[UUID, UUID], list[ContractTerm]] = defaultdict(list)
    for row in rows:
        found[row.practice_id, row.supplier_id].append(ContractTerm(row.starts_on, row.ends_on, row.auto_renewal))
    return found


async def _certificates(
    session: AsyncSession, provider_id: UUID, supplier_ids: Iterable[UUID]
) -> dict[UUID, list[Certificate]]:
    rows = await session.scalars(
        select(SupplierCertificate)
        .where(SupplierCertificate.provider_id == provider_id, SupplierCertificate.withdrawn_at.is_(None))
        .where(SupplierCertificate.supplier_id.in_(sorted(supplier_ids)))
        .order_by(SupplierCertificate.supplier_id, SupplierCertificate.id)
    )
    found: dict[UUID, list[Certificate]] = defaultdict(list)
    for row in rows:
        referential = cast("Referential", row.referential)
        found[row.supplier_id].append(Certificate(frozenset(row.activities), referential, row.expires_on))
    return found


async def _contacts(
    session: AsyncSession, provider_id: UUID, practice_ids: Sequence[UUID]
) -> dict[UUID, list[IncidentContact]]:
    rows = await session.scalars(
        select(IncidentContact)
        .where(IncidentContact.provider_id == provider_id, IncidentContact.practice_id.in_(practice_ids))
        .order_by(IncidentContact.practice_id, IncidentContact.position)
    )
    found: dict[UUID, list[IncidentContact]] = defaultdict(list)
    for row in rows:
        found[row.practice_id].append(row)
    return found


async def _restores(
    session: AsyncSession, provider_id: UUID, practice_ids: Sequence[UUID]
) -> list[tuple[UUID, TriedRestore]]:
    rows = await session.execute(
        select(RestoreTest.practice_id, RestoreTest.tested_on, RestoreTest.result, RestoreTest.recorded_at)
        .where(RestoreTest.provider_id == provider_id, RestoreTest.practice_id.in_(practice_ids))
        .order_by(RestoreTest.practice_id, RestoreTest.tested_on, RestoreTest.id)
    )
    return [
        (row.practice_id, TriedRestore(_moment(row.tested_on, row.recorded_at), row.result == "success"))
        for row in rows
    ]


def _moment(tested_on: date, recorded_at: datetime) -> datetime:
    """Return the instant a test counts from: its day begins earlier overseas than in UTC, but nobody records what is to come."""
    return min(datetime.combine(tested_on, time.min, UTC), recorded_at)
