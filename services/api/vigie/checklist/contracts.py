"""Contracts of a practice with its suppliers: recording, changing and closing them."""

from uuid import UUID

from sqlalchemy import update

from vigie.auth.dependencies import Call
from vigie.checklist import record_queries as queries
from vigie.checklist.record_errors import ContractClosedError, RecordsFullError, SupplierNotListedError
from vigie.checklist.record_models import Contract
from vigie.checklist.record_schemas import ContractPatch, NewContract, fault_of_terms
from vigie.checklist.reopening import settle_told
from vigie.core.errors import InvalidRequestError
from vigie.core.ids import uuid7
from vigie.core.sentences import fault
from vigie.events.log import NewEvent
from vigie.posture.assessment import Assessor
from vigie.practices.models import Practice
from vigie.practices.queries import changeable_practice

MOST_CONTRACTS = 500


async def add_contract(call: Call, assessor: Assessor, practice_id: UUID, new: NewContract) -> Contract:
    """Record a contract with a supplier that the practice lists.

    Raises `NotFoundError`, `InsufficientScopeError`, `PracticeArchivedError`, `SupplierNotListedError`, `RecordsFullError`.
    """
    queries.refuse_staff(call)
    practice = await changeable_practice(call, practice_id, lock=True)
    supplier = await queries.get_supplier(call, new.supplier_id)
    if await queries.use_of(call.session, practice, supplier.id) is None:
        raise SupplierNotListedError
    of_practice = (Contract.provider_id == practice.provider_id, Contract.practice_id == practice.id)
    if await queries.count_of(call.session, Contract, *of_practice) >= MOST_CONTRACTS:
        raise RecordsFullError
    contract = Contract(
        provider_id=practice.provider_id,
        id=uuid7(),
        practice_id=practice.id,
        **new.model_dump(),
        created_at=call.now,
        updated_at=call.now,
    )
    call.session.add(contract)
    await call.session.flush()
    call.audit(object_id=contract.id, details={"supplier": str(supplier.id)})
    await _settle(call, assessor, contract, {"change": "added"})
    return contract


async def change_contract(
    call: Call, assessor: Assessor, practice_id: UUID, contract_id: UUID, patch: ContractPatch
) -> Contract:
    """Change the fields that are present, such as the new end of one that was renewed.

    Raises `NotFoundError`, `InsufficientScopeError`, `PracticeArchivedError`, `ContractClosedError`, `InvalidRequestError`.
    """
    queries.refuse_staff(call)
    practice = await changeable_practice(call, practice_id, lock=True)
    contract = await queries.contract_of(call.session, practice, contract_id)
    if contract.closed_at is not None:
        raise ContractClosedError
    asked = patch.model_dump(include=patch.model_fields_set)
    changed = {name: value for name, value in asked.items() if getattr(contract, name) != value}
    call.audit(details={"fields": sorted(changed)})
    if not changed:
        return contract
    for name, value in changed.items():
        setattr(contract, name, value)
    wrong = fault_of_terms(contract.starts_on, contract.ends_on, auto_renewal=contract.auto_renewal)
    if wrong is not None:
        raise InvalidRequestError(errors=[fault(f"/body/{wrong[0]}", *wrong[1:])])
    contract.updated_at = call.now
    await call.session.flush()
    await _settle(call, assessor, contract, {"change": "changed", "fields": sorted(changed)})
    return contract


async def close_contract(call: Call, assessor: Assessor, practice_id: UUID, contract_id: UUID) -> None:
    """Close a contract: it stays on record and decides nothing any more. Twice is as good as once. Raises as above."""
    queries.refuse_staff(call)
    practice = await changeable_practice(call, practice_id, lock=True)
    contract = await queries.contract_of(call.session, practice, contract_id)
    if contract.closed_at is not None:
        call.audit(details={"repeated": True})
        return
    contract.closed_at = contract.updated_at = call.now
    await call.session.flush()
    await _settle(call, assessor, contract, {"change": "closed"})


async def close_contracts_with(call: Call, practice: Practice, supplier_id: UUID) -> int:
    """Close what is open between a practice and a supplier that leaves its list; return how many. The caller settles."""
    closed = await call.session.execute(
        update(Contract)
        .where(Contract.provider_id == practice.provider_id, Contract.practice_id == practice.id)
        .where(Contract.supplier_id == supplier_id, Contract.closed_at.is_(None))
        .values(closed_at=call.now, updated_at=call.now)
        .returning(Contract.id)
        .execution_options(synchronize_session=False)
    )
    return len(closed.all())


async def _settle(call: Call, assessor: Assessor, contract: Contract, told: dict[str, object]) -> None:
    payload = {
        **told,
        "contract": str(contract.id),
        "supplier": str(contract.supplier_id),
        "ends_on": contract.ends_on.isoformat() if contract.ends_on else None,
        "by": call.principal.subject,
    }
    event = NewEvent(contract.provider_id, "contract.changed", contract.practice_id, None, call.now, payload)
    await settle_told(call, assessor, contract.provider_id, [contract.practice_id], [event])
