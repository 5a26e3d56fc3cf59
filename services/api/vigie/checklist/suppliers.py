"""Suppliers: adding and changing them, listing them for a practice, and the certificates of those that host health data."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from vigie.auth.dependencies import Call
from vigie.checklist import record_queries as queries
from vigie.checklist.contracts import close_contracts_with
from vigie.checklist.record_errors import RecordsFullError
from vigie.checklist.record_models import PracticeRecord, PracticeSupplier, Supplier, SupplierCertificate
from vigie.checklist.record_schemas import NewCertificate, NewPracticeSupplier, NewSupplier, SupplierPatch, SupplierUse
from vigie.checklist.reopening import settle_told
from vigie.core.errors import NotFoundError
from vigie.core.ids import uuid7
from vigie.events.log import NewEvent
from vigie.events.session import record
from vigie.posture.assessment import Assessor
from vigie.practices.models import Practice
from vigie.practices.queries import changeable_practice, refuse_limited

MOST_SUPPLIERS = 2000
MOST_SUPPLIERS_OF_A_PRACTICE = 100
MOST_CERTIFICATES = 50


async def create_supplier(call: Call, new: NewSupplier) -> Supplier:
    """Add a supplier for every practice of the provider to list. Nobody who sees some practices only may.

    Raises `InsufficientScopeError`, `LimitedToPracticesError`, `RecordsFullError`.
    """
    queries.refuse_staff(call)
    refuse_limited(call)
    supplier = await _add(call, new, None)
    await _tell(call, supplier, None, "added")
    return supplier


async def _add(call: Call, new: NewSupplier, practice_id: UUID | None) -> Supplier:
    provider_id = call.principal.provider_id
    if await queries.count_of(call.session, Supplier, Supplier.provider_id == provider_id) >= MOST_SUPPLIERS:
        raise RecordsFullError
    supplier = Supplier(
        provider_id=provider_id,
        id=uuid7(),
        practice_id=practice_id,
        **new.model_dump(include=set(NewSupplier.model_fields)),
        created_at=call.now,
        updated_at=call.now,
    )
    call.session.add(supplier)
    await call.session.flush()  # rows that refer to it follow
    call.audit(object_id=supplier.id, details={"kind": supplier.kind})
    return supplier


async def change_supplier(call: Call, supplier_id: UUID, patch: SupplierPatch) -> Supplier:
    """Change the fields that are present. One that a practice added for itself is changed by whoever sees that practice.

    Raises `NotFoundError`, `InsufficientScopeError`, `LimitedToPracticesError`, `PracticeArchivedError`.
    """
    supplier = await _changeable(call, supplier_id)
    asked = patch.model_dump(include=patch.model_fields_set)
    changed = {name: value for name, value in asked.items() if getattr(supplier, name) != value}
    call.audit(details={"fields": sorted(changed)})
    if not changed:
        return supplier
    for name, value in changed.items():
        setattr(supplier, name, value)
    supplier.updated_at = call.now
    await call.session.flush()
    await _tell(call, supplier, supplier.practice_id, "changed")
    return supplier


async def _changeable(call: Call, supplier_id: UUID) -> Supplier:
    """Return a supplier locked for a change that the caller may make of it."""
    queries.refuse_staff(call)
    seen = await queries.get_supplier(call, supplier_id)
    if seen.practice_id is None:
        refuse_limited(call)
    else:
        await changeable_practice(call, seen.practice_id, lock=True)
    return await queries.locked_supplier(call, supplier_id)


async def add_supplier_of_practice(
    call: Call, assessor: Assessor, practice_id: UUID, new: NewPracticeSupplier
) -> tuple[PracticeSupplier, Supplier]:
    """Add a supplier that only this practice and the provider see, and list it. Raises as `list_supplier` does."""
    queries.refuse_staff(call)
    practice = await changeable_practice(call, practice_id, lock=True)
    supplier = await _add(call, new, practice.id)
    use = SupplierUse(**new.model_dump(include=set(SupplierUse.model_fields)))
    return await _list(call, assessor, practice, supplier, use), supplier


async def list_supplier(
    call: Call, assessor: Assessor, practice_id: UUID, supplier_id: UUID, use: SupplierUse
) -> tuple[PracticeSupplier, Supplier]:
    """Put a supplier on the list of a practice, or say anew what the practice uses it for.

    Raises `NotFoundError` (for a supplier of another practice, too), `InsufficientScopeError`, `PracticeArchivedError`,
    `RecordsFullError`.
    """
    queries.refuse_staff(call)
    practice = await changeable_practice(call, practice_id, lock=True)
    supplier = await queries.locked_supplier(call, supplier_id, shared=True)
    if supplier.practice_id not in {None, practice.id}:
        raise NotFoundError
    call.audit(object_id=supplier.id)
    return await _list(call, assessor, practice, supplier, use), supplier


async def _list(
    call: Call, assessor: Assessor, practice: Practice, supplier: Supplier, use: SupplierUse
) -> PracticeSupplier:
    row = await queries.use_of(call.session, practice, supplier.id)
    call.audit(details={"services": list(use.services), "hosts_health_data": use.hosts_health_data})
    if row is None:
        of_practice = (
            PracticeSupplier.provider_id == practice.provider_id,
            PracticeSupplier.practice_id == practice.id,
        )
        if await queries.count_of(call.session, PracticeSupplier, *of_practice) >= MOST_SUPPLIERS_OF_A_PRACTICE:
            raise RecordsFullError
        key = {"provider_id": practice.provider_id, "practice_id": practice.id, "supplier_id": supplier.id}
        row = PracticeSupplier(**key, **use.model_dump(), created_at=call.now, updated_at=call.now)
        call.session.add(row)
        change = "listed"
    else:
        if all(getattr(row, name) == value for name, value in use.model_dump().items()):
            return row
        if set(row.services) - set(use.services) or (row.hosts_health_data and not use.hosts_health_data):
            await _doubt_list(call, practice)
        for name, value in use.model_dump().items():
            setattr(row, name, value)
        row.updated_at = call.now
        change = "used_otherwise"
    await call.session.flush()
    await _settle(call, assessor, practice, supplier, change)
    return row


async def unlist_supplier(call: Call, assessor: Assessor, practice_id: UUID, supplier_id: UUID) -> None:
    """Take a supplier off the list of a practice, and close its contracts with it; the list has to be confirmed anew.

    Raises `NotFoundError` for one that is not listed, `InsufficientScopeError`, `PracticeArchivedError`.
    """
    queries.refuse_staff(call)
    practice = await changeable_practice(call, practice_id, lock=True)
    supplier = await queries.locked_supplier(call, supplier_id, shared=True)
    gone = await call.session.execute(
        delete(PracticeSupplier)
        .where(PracticeSupplier.provider_id == practice.provider_id, PracticeSupplier.practice_id == practice.id)
        .where(PracticeSupplier.supplier_id == supplier.id)
        .returning(PracticeSupplier.supplier_id)
    )
    if gone.first() is None:
        raise NotFoundError
    closed = await close_contracts_with(call, practice, supplier.id)
    call.audit(object_id=supplier.id, details={"contracts_closed": closed})
    await _doubt_list(call, practice)
    await _settle(call, assessor, practice, supplier, "unlisted")


async def _doubt_list(call: Call, practice: Practice) -> None:
    """Forget that the list was confirmed: a list that says less than the one that was confirmed proves nothing."""
    found = await queries.record_of(call.session, practice)
    if found is not None:
        found.suppliers_confirmed_at = found.suppliers_confirmed_by = None
        await call.session.flush()


async def confirm_suppliers(call: Call, assessor: Assessor, practice_id: UUID) -> None:
    """Say that the list of a practice names all of its suppliers. Raises `NotFoundError` and `PracticeArchivedError`."""
    queries.refuse_staff(call)
    practice = await changeable_practice(call, practice_id, lock=True)
    await confirm(call, practice, "suppliers")
    call.audit(object_id=practice.id)
    event = _event(call, practice.id, {"change": "list_confirmed"})
    await settle_told(call, assessor, practice.provider_id, [practice.id], [event])


async def confirm(call: Call, practice: Practice, what: str) -> None:
    """Write that the caller confirmed a list of a practice (`suppliers` or `contacts`) at this instant."""
    said: dict[str, Any] = {
        f"{what}_confirmed_at": call.now,
        f"{what}_confirmed_by": call.principal.name or call.principal.subject,
    }
    await call.session.execute(
        insert(PracticeRecord)
        .values(provider_id=practice.provider_id, practice_id=practice.id, **said)
        .on_conflict_do_update(index_elements=["provider_id", "practice_id"], set_=said)
    )


async def add_certificate(
    call: Call, assessor: Assessor, supplier_id: UUID, new: NewCertificate
) -> SupplierCertificate:
    """Record a certificate of a supplier, and judge every practice whose health data it holds. Raises as `change_supplier`."""
    supplier = await _changeable(call, supplier_id)
    of_supplier = (
        SupplierCertificate.provider_id == supplier.provider_id,
        SupplierCertificate.supplier_id == supplier.id,
    )
    if await queries.count_of(call.session, SupplierCertificate, *of_supplier) >= MOST_CERTIFICATES:
        raise RecordsFullError
    row = SupplierCertificate(
        provider_id=supplier.provider_id,
        id=uuid7(),
        supplier_id=supplier.id,
        **new.model_dump(),
        created_at=call.now,
    )
    call.session.add(row)
    await call.session.flush()
    call.audit(object_id=row.id, practice_id=supplier.practice_id, details={"supplier": str(supplier.id)})
    await _settle_hosted(call, assessor, supplier, "certificate_added")
    return row


async def withdraw_certificate(call: Call, assessor: Assessor, supplier_id: UUID, certificate_id: UUID) -> None:
    """Let a certificate decide nothing any more; it stays on record. Twice is as good as once. Raises as `change_supplier`."""
    supplier = await _changeable(call, supplier_id)
    row = await queries.certificate_of(call.session, supplier, certificate_id)
    call.audit(practice_id=supplier.practice_id, details={"supplier": str(supplier.id)})
    if row.withdrawn_at is not None:
        call.audit(details={"repeated": True})
        return
    row.withdrawn_at = call.now
    await call.session.flush()
    await _settle_hosted(call, assessor, supplier, "certificate_withdrawn")


async def _settle_hosted(call: Call, assessor: Assessor, supplier: Supplier, change: str) -> None:
    practices = await queries.practices_hosted_by(call.session, supplier)
    event = _event(call, supplier.practice_id, {"supplier": str(supplier.id), "change": change})
    await settle_told(call, assessor, supplier.provider_id, practices, [event])


async def _settle(call: Call, assessor: Assessor, practice: Practice, supplier: Supplier, change: str) -> None:
    event = _event(call, practice.id, {"supplier": str(supplier.id), "change": change})
    await settle_told(call, assessor, practice.provider_id, [practice.id], [event])


async def _tell(call: Call, supplier: Supplier, practice_id: UUID | None, change: str) -> None:
    event = _event(call, practice_id, {"supplier": str(supplier.id), "change": change})
    await record(call.session, [event], call.now)


def _event(call: Call, practice_id: UUID | None, payload: dict[str, Any]) -> NewEvent:
    told = {**payload, "by": call.principal.subject}
    return NewEvent(call.principal.provider_id, "supplier.changed", practice_id, None, call.now, told)
