"""REST routes of the records of one practice: contracts, contacts of the incident card, restore tests."""

from typing import Annotated, Protocol, cast
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from vigie.auth.dependencies import Call, IdempotencyKey, attempt_of, reads, writes
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.checklist import contacts, contracts, restore_tests
from vigie.checklist import record_errors as errors
from vigie.checklist import record_queries as queries
from vigie.checklist import record_schemas as schemas
from vigie.checklist.record_models import Contract, RestoreTest
from vigie.core import idempotency
from vigie.core.errors import InvalidRequestError, NotFoundError, problems
from vigie.core.etag import tagged
from vigie.core.pagination import InvalidCursorError, Page, PageQuery
from vigie.posture.assessment import Assessor
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.queries import get_practice

router = APIRouter(prefix="/v1", tags=["records"], responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.RECORDS_READ)]
Writes = Annotated[Call, writes(Permission.RECORDS_WRITE)]
IfMatch = Annotated[str | None, Header(max_length=200, description="The `ETag` of the list that was read.")]
_CHANGES = (NotFoundError, PracticeArchivedError, InvalidRequestError)


class Kit(Protocol):
    """What the application puts on `app.state.parts` for these routes."""

    assessor: Assessor


def _assessor(request: Request) -> Assessor:
    return cast("Kit", request.app.state.parts).assessor


def _contract_out(contract: Contract) -> schemas.ContractOut:
    return schemas.ContractOut.model_validate(contract, from_attributes=True)


def _test_out(test: RestoreTest) -> schemas.RestoreTestOut:
    return schemas.RestoreTestOut.model_validate(test, from_attributes=True)


@router.get(
    "/practices/{practice_id}/contracts",
    response_model=Page[schemas.ContractOut],
    responses=problems(NotFoundError, InvalidCursorError),
    summary="List the contracts of a practice",
)
async def list_contracts(
    request: Request, call: Reads, practice_id: UUID, query: Annotated[schemas.ContractQuery, Query()]
) -> Response:
    """List the contracts of a practice with its suppliers, latest first, closed ones included."""
    practice = await get_practice(call, practice_id)
    found, following = await queries.list_contracts(call.session, practice, query)
    items = [_contract_out(each) for each in found]
    return tagged(request, Page[schemas.ContractOut](items=items, next_cursor=following))


@router.post(
    "/practices/{practice_id}/contracts",
    status_code=201,
    responses=problems(
        *_CHANGES, errors.SupplierNotListedError, errors.RecordsFullError, idempotency.IdempotencyConflictError
    ),
    summary="Record a contract",
)
async def add_contract(
    request: Request,
    call: Writes,
    practice_id: UUID,
    new: schemas.NewContract,
    idempotency_key: IdempotencyKey = None,
) -> schemas.ContractOut:
    """Record a contract with a supplier that the practice lists; its dates decide about ANS-8.1."""
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(object_id=kept["id"], details={"repeated": True})
        return schemas.ContractOut(**kept)
    created = _contract_out(await contracts.add_contract(call, _assessor(request), practice_id, new))
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, created.model_dump(mode="json"))
    return created


@router.patch(
    "/practices/{practice_id}/contracts/{contract_id}",
    responses=problems(*_CHANGES, errors.ContractClosedError),
    summary="Change a contract",
)
async def change_contract(
    request: Request, call: Writes, practice_id: UUID, contract_id: UUID, patch: schemas.ContractPatch
) -> schemas.ContractOut:
    """Change the fields that are present, such as the new last day of one that was renewed."""
    return _contract_out(await contracts.change_contract(call, _assessor(request), practice_id, contract_id, patch))


@router.delete(
    "/practices/{practice_id}/contracts/{contract_id}",
    status_code=204,
    responses=problems(*_CHANGES),
    summary="Close a contract",
)
async def close_contract(request: Request, call: Writes, practice_id: UUID, contract_id: UUID) -> None:
    """Close a contract: it stays on record and counts no longer. Twice is as good as once."""
    await contracts.close_contract(call, _assessor(request), practice_id, contract_id)


@router.get(
    "/practices/{practice_id}/contacts",
    response_model=schemas.ContactsOut,
    responses=problems(NotFoundError),
    summary="Read the contacts of the incident card",
)
async def read_contacts(request: Request, call: Reads, practice_id: UUID) -> Response:
    """Read whom to call, who is missing, and when somebody last confirmed the list."""
    return tagged(request, await contacts.card_of(call, await get_practice(call, practice_id)))


@router.put(
    "/practices/{practice_id}/contacts",
    response_model=schemas.ContactsOut,
    responses=problems(*_CHANGES, errors.ContactsChangedError),
    summary="Replace the contacts of the incident card",
)
async def replace_contacts(
    request: Request, call: Writes, practice_id: UUID, new: schemas.NewContacts, if_match: IfMatch = None
) -> Response:
    """Replace the whole list. With `If-Match`, only if it still is the one that was read.

    Business contacts only: a name or a function, a telephone number, an address. Confirming is a step of its own.
    """
    card = await contacts.replace_contacts(call, _assessor(request), practice_id, new.contacts, if_match)
    return tagged(request, card)


@router.post(
    "/practices/{practice_id}/contacts/confirm",
    response_model=schemas.ContactsOut,
    responses=problems(*_CHANGES, errors.ContactsIncompleteError),
    summary="Confirm the contacts of the incident card",
)
async def confirm_contacts(request: Request, call: Writes, practice_id: UUID) -> Response:
    """Say that the list is right today (ANS-10.2); refused while somebody who has to stand on it is missing."""
    return tagged(request, await contacts.confirm_contacts(call, _assessor(request), practice_id))


@router.get(
    "/practices/{practice_id}/restore-tests",
    response_model=Page[schemas.RestoreTestOut],
    responses=problems(NotFoundError, InvalidCursorError),
    summary="List the restore tests of a practice",
)
async def list_restore_tests(
    request: Request, call: Reads, practice_id: UUID, query: Annotated[PageQuery, Query()]
) -> Response:
    """List the restores that were tried, the latest record first."""
    practice = await get_practice(call, practice_id)
    found, following = await queries.list_restore_tests(call.session, practice, query)
    items = [_test_out(each) for each in found]
    return tagged(request, Page[schemas.RestoreTestOut](items=items, next_cursor=following))


@router.post(
    "/practices/{practice_id}/restore-tests",
    status_code=201,
    responses=problems(*_CHANGES, errors.RestoreTestToComeError, idempotency.IdempotencyConflictError),
    summary="Record a restore test",
)
async def record_restore_test(
    request: Request,
    call: Writes,
    practice_id: UUID,
    new: schemas.NewRestoreTest,
    idempotency_key: IdempotencyKey = None,
) -> schemas.RestoreTestOut:
    """Record a restore that was tried (ANS-5.7). The provider does; what is on record is never changed."""
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(object_id=kept["id"], details={"repeated": True})
        return schemas.RestoreTestOut(**kept)
    created = _test_out(await restore_tests.record_test(call, _assessor(request), practice_id, new))
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, created.model_dump(mode="json"))
    return created
