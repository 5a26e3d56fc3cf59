"""Reading suppliers, contracts, contacts and restore tests for people; who sees which supplier is decided here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, bindparam, column, func, or_, select, table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.dependencies import Call
from vigie.auth.errors import InsufficientScopeError
from vigie.auth.principal import PRACTICE_ROLES, PROVIDER_ROLES, Principal
from vigie.checklist.record_models import (
    Contract,
    IncidentContact,
    PracticeRecord,
    PracticeSupplier,
    RestoreTest,
    Supplier,
    SupplierCertificate,
)
from vigie.checklist.record_schemas import ContractQuery, SupplierQuery
from vigie.core.db import PROVIDER
from vigie.core.errors import NotFoundError
from vigie.core.pagination import PageQuery, keyset, page_of
from vigie.core.sentences import Sentence
from vigie.practices.models import Practice, Provider, practice_of

_DEVICE = table(
    "device", column("provider_id"), column("practice_id"), column("id")
)  # another slice's: read by key only


def refuse_staff(call: Call) -> None:
    """Raise `InsufficientScopeError` for practice staff: of the records they write the contacts only."""
    if call.principal.role == "practice_staff":
        raise InsufficientScopeError(
            Sentence(
                "practice staff write the contacts of the incident card only",
                "Le personnel du cabinet n'écrit que les contacts de la fiche réflexe.",
            )
        )


def refuse_practice_side(call: Call) -> None:
    """Raise `InsufficientScopeError` for people of a practice: this is the provider's to record."""
    if call.principal.role in PRACTICE_ROLES:
        raise InsufficientScopeError(Sentence("the provider records this", "C'est le prestataire qui le note."))


def sees_the_providers(principal: Principal) -> bool:
    """Whether a caller sees the suppliers of the provider as a whole: its staff, and clients limited to no practice."""
    return not principal.limited or principal.role in PROVIDER_ROLES


def visible_suppliers(principal: Principal) -> list[ColumnElement[bool]]:
    """Return the conditions under which a supplier is visible: the first lock on tenancy for suppliers.

    A supplier that one practice added for itself is seen by those who see that practice, and by nobody else of the provider.
    Whoever stands on the side of a practice sees of the provider's suppliers only those their practice uses.
    """
    conditions: list[ColumnElement[bool]] = [Supplier.provider_id == principal.provider_id]
    if not principal.limited:
        return conditions
    own = Supplier.practice_id.in_(principal.practices)
    if sees_the_providers(principal):
        return [*conditions, or_(Supplier.practice_id.is_(None), own)]
    used = select(PracticeSupplier.supplier_id).where(
        PracticeSupplier.provider_id == principal.provider_id, PracticeSupplier.practice_id.in_(principal.practices)
    )
    return [*conditions, or_(own, Supplier.id.in_(used))]


async def own_supplier(session: AsyncSession, provider_id: UUID) -> Supplier:
    """Return the provider as the supplier it is, without storing it: until something is recorded of it, it has no row."""
    name = await session.scalar(select(Provider.name).where(Provider.id == provider_id))
    return Supplier(provider_id=provider_id, id=provider_id, name=name, kind="it_maintenance")


async def store_own_supplier(session: AsyncSession, provider_id: UUID, now: datetime) -> None:
    """Give the provider its row among suppliers, unless it has one."""
    own = await own_supplier(session, provider_id)
    values = {"provider_id": provider_id, "id": provider_id, "name": own.name, "kind": own.kind}
    await session.execute(
        insert(Supplier)
        .values(**values, created_at=now, updated_at=now)
        .on_conflict_do_nothing(index_elements=["provider_id", "id"])
    )


async def get_supplier(call: Call, supplier_id: UUID) -> Supplier:
    """Return a visible supplier; raises `NotFoundError`."""
    statement = select(Supplier).where(*visible_suppliers(call.principal), Supplier.id == supplier_id)
    found = (await call.session.scalars(statement)).first()
    own = call.principal.provider_id
    if found is None and supplier_id == own and sees_the_providers(call.principal):
        found = await own_supplier(call.session, own)
    if found is None:
        raise NotFoundError
    return found


async def locked_supplier(call: Call, supplier_id: UUID, *, shared: bool = False) -> Supplier:
    """Return a visible supplier, locked; the provider itself gets its row. Raises `NotFoundError`.

    `shared`: by whoever lists it for a practice. Who changes what is judged of all its practices locks it alone, so that
    neither misses the other. After practices and before postures in the order of locks.
    """
    own = call.principal.provider_id
    if supplier_id == own and sees_the_providers(call.principal):
        await store_own_supplier(call.session, own, call.now)
    statement = select(Supplier).where(*visible_suppliers(call.principal), Supplier.id == supplier_id)
    # `key_share`: not the strongest lock, for rows that refer to the supplier are being inserted meanwhile.
    locked = statement.with_for_update(read=shared, key_share=not shared).execution_options(populate_existing=True)
    found = (await call.session.scalars(locked)).first()
    if found is None:
        raise NotFoundError
    return found


async def list_suppliers(call: Call, query: SupplierQuery) -> tuple[Sequence[Supplier], str | None]:
    """Return a page of the suppliers a caller sees, in the order in which they came; the provider itself is the first."""
    chosen = select(Supplier).where(*visible_suppliers(call.principal))
    if query.kind is not None:
        chosen = chosen.where(Supplier.kind == query.kind)
    rows = list((await call.session.scalars(keyset(chosen, query, [Supplier.id], [UUID]))).all())
    if query.cursor is None and sees_the_providers(call.principal):
        own = await get_supplier(call, call.principal.provider_id)
        if query.kind in {None, own.kind}:
            rows = [own, *(row for row in rows if row.id != own.id)]
    return page_of(rows, query, lambda row: (row.id,))


async def uses_of(session: AsyncSession, practice: Practice) -> list[tuple[PracticeSupplier, Supplier]]:
    """Return the suppliers of a practice, by name."""
    rows = await session.execute(
        select(PracticeSupplier, Supplier)
        .join(
            Supplier,
            (Supplier.provider_id == PracticeSupplier.provider_id) & (Supplier.id == PracticeSupplier.supplier_id),
        )
        .where(PracticeSupplier.provider_id == practice.provider_id, PracticeSupplier.practice_id == practice.id)
        .order_by(func.lower(Supplier.name), Supplier.id)
    )
    return [(row[0], row[1]) for row in rows]


async def use_of(session: AsyncSession, practice: Practice, supplier_id: UUID) -> PracticeSupplier | None:
    """Return how a practice uses a supplier; None when it does not list it."""
    return await session.get(PracticeSupplier, (practice.provider_id, practice.id, supplier_id))


async def practices_hosted_by(session: AsyncSession, supplier: Supplier) -> list[UUID]:
    """Return the practices whose health data a supplier holds, archived ones apart."""
    rows = await session.scalars(
        select(PracticeSupplier.practice_id)
        .join(Practice, practice_of(PracticeSupplier))
        .where(PracticeSupplier.provider_id == supplier.provider_id, PracticeSupplier.supplier_id == supplier.id)
        .where(PracticeSupplier.hosts_health_data, Practice.archived_at.is_(None))
        .order_by(PracticeSupplier.practice_id)
    )
    return list(rows.all())


async def list_certificates(
    session: AsyncSession, supplier: Supplier, query: PageQuery
) -> tuple[Sequence[SupplierCertificate], str | None]:
    """Return a page of the certificates of a supplier, latest first."""
    chosen = select(SupplierCertificate).where(
        SupplierCertificate.provider_id == supplier.provider_id, SupplierCertificate.supplier_id == supplier.id
    )
    rows = (await session.scalars(keyset(chosen, query, [SupplierCertificate.id], [UUID], descending=True))).all()
    return page_of(rows, query, lambda row: (row.id,))


async def certificate_of(session: AsyncSession, supplier: Supplier, certificate_id: UUID) -> SupplierCertificate:
    """Return a certificate of a supplier; raises `NotFoundError`."""
    found = await session.get(SupplierCertificate, (supplier.provider_id, certificate_id))
    if found is None or found.supplier_id != supplier.id:
        raise NotFoundError
    return found


async def list_contracts(
    session: AsyncSession, practice: Practice, query: ContractQuery
) -> tuple[Sequence[Contract], str | None]:
    """Return a page of the contracts of a practice, latest first."""
    chosen = select(Contract).where(Contract.provider_id == practice.provider_id, Contract.practice_id == practice.id)
    if query.status is not None:
        chosen = chosen.where(
            Contract.closed_at.is_(None) if query.status == "open" else Contract.closed_at.is_not(None)
        )
    rows = (await session.scalars(keyset(chosen, query, [Contract.id], [UUID], descending=True))).all()
    return page_of(rows, query, lambda row: (row.id,))


async def contract_of(session: AsyncSession, practice: Practice, contract_id: UUID) -> Contract:
    """Return a contract of a practice; raises `NotFoundError`."""
    found = await session.get(Contract, (practice.provider_id, contract_id))
    if found is None or found.practice_id != practice.id:
        raise NotFoundError
    return found


_CONTACTS: Final = (
    select(IncidentContact)
    .where(IncidentContact.provider_id == PROVIDER, IncidentContact.practice_id == bindparam("practice", type_=Uuid))
    .order_by(IncidentContact.position)
)


async def contacts_of(session: AsyncSession, practice: Practice) -> Sequence[IncidentContact]:
    """Return the contacts of a practice's incident card, in its order."""
    return (await session.scalars(_CONTACTS, {"provider": practice.provider_id, "practice": practice.id})).all()


async def record_of(session: AsyncSession, practice: Practice) -> PracticeRecord | None:
    """Return what was confirmed of the records of a practice; None: nothing yet."""
    return await session.get(PracticeRecord, (practice.provider_id, practice.id))


async def list_restore_tests(
    session: AsyncSession, practice: Practice, query: PageQuery
) -> tuple[Sequence[RestoreTest], str | None]:
    """Return a page of the restore tests of a practice, in the order of their recording, latest first."""
    chosen = select(RestoreTest).where(
        RestoreTest.provider_id == practice.provider_id, RestoreTest.practice_id == practice.id
    )
    rows = (await session.scalars(keyset(chosen, query, [RestoreTest.id], [UUID], descending=True))).all()
    return page_of(rows, query, lambda row: (row.id,))


async def is_device_of(session: AsyncSession, practice: Practice, device_id: UUID) -> bool:
    """Whether a device belongs to a practice."""
    found = await session.scalar(
        select(_DEVICE.c.id).where(
            _DEVICE.c.provider_id == practice.provider_id,
            _DEVICE.c.practice_id == practice.id,
            _DEVICE.c.id == device_id,
        )
    )
    return found is not None


async def count_of(session: AsyncSession, model: type[Any], *conditions: ColumnElement[bool]) -> int:
    """Return how many rows of a table satisfy conditions, the provider among them."""
    return await session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0
