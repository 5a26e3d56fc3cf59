"""REST routes of suppliers, which practice uses which, and the certificates of those that host health data."""

from typing import Annotated, Protocol, cast
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from vigie.auth.dependencies import Call, IdempotencyKey, attempt_of, reads, writes
from vigie.auth.errors import InsufficientScopeError, LimitedToPracticesError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.checklist import record_queries as queries
from vigie.checklist import record_schemas as schemas
from vigie.checklist import suppliers
from vigie.checklist.record_errors import RecordsFullError
from vigie.checklist.record_models import PracticeSupplier, Supplier, SupplierCertificate
from vigie.checklist.records import questionnaires_for
from vigie.core import idempotency
from vigie.core.errors import InvalidRequestError, NotFoundError, problems
from vigie.core.etag import tagged
from vigie.core.pagination import InvalidCursorError, Page, PageQuery
from vigie.posture.assessment import Assessor
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.models import Practice
from vigie.practices.queries import get_practice

router = APIRouter(prefix="/v1", tags=["suppliers"], responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.RECORDS_READ)]
Writes = Annotated[Call, writes(Permission.RECORDS_WRITE)]
_CHANGES = (NotFoundError, InsufficientScopeError, LimitedToPracticesError, PracticeArchivedError, InvalidRequestError)
_LISTS = (NotFoundError, PracticeArchivedError, InvalidRequestError)
_CREATES = (RecordsFullError, idempotency.IdempotencyConflictError)


class Kit(Protocol):
    """What the application puts on `app.state.parts` for these routes."""

    assessor: Assessor


def _assessor(request: Request) -> Assessor:
    return cast("Kit", request.app.state.parts).assessor


def _supplier_out(supplier: Supplier) -> schemas.SupplierOut:
    return schemas.SupplierOut.model_validate(supplier, from_attributes=True)


def _use_out(use: PracticeSupplier, supplier: Supplier) -> schemas.PracticeSupplierOut:
    return schemas.PracticeSupplierOut(
        **_supplier_out(supplier).model_dump(),
        services=use.services,
        hosts_health_data=use.hosts_health_data,
        hds_activities=use.hds_activities,
        questionnaires=sorted(questionnaires_for(use.services)),
        listed_at=use.created_at,
        use_changed_at=use.updated_at,
    )


def _certificate_out(certificate: SupplierCertificate) -> schemas.CertificateOut:
    return schemas.CertificateOut.model_validate(certificate, from_attributes=True)


async def _list_out(call: Call, practice: Practice) -> schemas.SupplierListOut:
    found = await queries.record_of(call.session, practice)
    return schemas.SupplierListOut(
        confirmed_at=found.suppliers_confirmed_at if found else None,
        confirmed_by=found.suppliers_confirmed_by if found else None,
        items=[_use_out(*row) for row in await queries.uses_of(call.session, practice)],
    )


@router.get(
    "/suppliers",
    response_model=Page[schemas.SupplierOut],
    responses=problems(InvalidCursorError),
    summary="List suppliers",
)
async def list_suppliers(request: Request, call: Reads, query: Annotated[schemas.SupplierQuery, Query()]) -> Response:
    """List the suppliers of the provider, itself first, and those that practices the caller sees added for themselves.

    Whoever stands on the side of a practice sees those that their practice uses, and no others.
    """
    found, following = await queries.list_suppliers(call, query)
    items = [_supplier_out(each) for each in found]
    return tagged(request, Page[schemas.SupplierOut](items=items, next_cursor=following))


@router.post(
    "/suppliers",
    status_code=201,
    responses=problems(InsufficientScopeError, LimitedToPracticesError, InvalidRequestError, *_CREATES),
    summary="Add a supplier",
)
async def add_supplier(
    request: Request, call: Writes, new: schemas.NewSupplier, idempotency_key: IdempotencyKey = None
) -> schemas.SupplierOut:
    """Add a supplier that every practice of the provider may then list. Nobody who sees some practices only may."""
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(object_id=kept["id"], details={"repeated": True})
        return schemas.SupplierOut(**kept)
    created = _supplier_out(await suppliers.create_supplier(call, new))
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, created.model_dump(mode="json"))
    return created


@router.get(
    "/suppliers/{supplier_id}",
    response_model=schemas.SupplierOut,
    responses=problems(NotFoundError),
    summary="Read a supplier",
)
async def read_supplier(request: Request, call: Reads, supplier_id: UUID) -> Response:
    """Read one supplier; the provider itself has its own id as a supplier, too."""
    return tagged(request, _supplier_out(await queries.get_supplier(call, supplier_id)))


@router.patch("/suppliers/{supplier_id}", responses=problems(*_CHANGES), summary="Change a supplier")
async def change_supplier(call: Writes, supplier_id: UUID, patch: schemas.SupplierPatch) -> schemas.SupplierOut:
    """Change the fields that are present. A supplier of every practice is changed by those who see every practice."""
    return _supplier_out(await suppliers.change_supplier(call, supplier_id, patch))


@router.get(
    "/suppliers/{supplier_id}/certificates",
    response_model=Page[schemas.CertificateOut],
    responses=problems(NotFoundError, InvalidCursorError),
    summary="List the certificates of a supplier",
)
async def list_certificates(
    request: Request, call: Reads, supplier_id: UUID, query: Annotated[PageQuery, Query()]
) -> Response:
    """List the HDS certificates of a supplier, latest first, withdrawn ones included."""
    supplier = await queries.get_supplier(call, supplier_id)
    found, following = await queries.list_certificates(call.session, supplier, query)
    items = [_certificate_out(each) for each in found]
    return tagged(request, Page[schemas.CertificateOut](items=items, next_cursor=following))


@router.post(
    "/suppliers/{supplier_id}/certificates",
    status_code=201,
    responses=problems(*_CHANGES, *_CREATES),
    summary="Record a certificate",
)
async def add_certificate(
    request: Request,
    call: Writes,
    supplier_id: UUID,
    new: schemas.NewCertificate,
    idempotency_key: IdempotencyKey = None,
) -> schemas.CertificateOut:
    """Record an HDS certificate of a supplier; every practice whose health data it holds is judged anew (ANS-8.5)."""
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(object_id=kept["id"], details={"repeated": True})
        return schemas.CertificateOut(**kept)
    created = _certificate_out(await suppliers.add_certificate(call, _assessor(request), supplier_id, new))
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, created.model_dump(mode="json"))
    return created


@router.delete(
    "/suppliers/{supplier_id}/certificates/{certificate_id}",
    status_code=204,
    responses=problems(*_CHANGES),
    summary="Withdraw a certificate",
)
async def withdraw_certificate(request: Request, call: Writes, supplier_id: UUID, certificate_id: UUID) -> None:
    """Let a certificate count no longer; it stays on record. Twice is as good as once."""
    await suppliers.withdraw_certificate(call, _assessor(request), supplier_id, certificate_id)


@router.get(
    "/practices/{practice_id}/suppliers",
    response_model=schemas.SupplierListOut,
    responses=problems(NotFoundError),
    summary="List the suppliers of a practice",
)
async def list_practice_suppliers(request: Request, call: Reads, practice_id: UUID) -> Response:
    """List which suppliers a practice uses and for what, by name (a hundred at most), and who confirmed the list when."""
    practice = await get_practice(call, practice_id)
    return tagged(request, await _list_out(call, practice))


@router.post(
    "/practices/{practice_id}/suppliers",
    status_code=201,
    responses=problems(*_LISTS, *_CREATES),
    summary="Add a supplier of one practice",
)
async def add_practice_supplier(
    request: Request,
    call: Writes,
    practice_id: UUID,
    new: schemas.NewPracticeSupplier,
    idempotency_key: IdempotencyKey = None,
) -> schemas.PracticeSupplierOut:
    """Add a supplier that this practice and the provider see, and nobody else, and put it on the practice's list."""
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(object_id=kept["id"], details={"repeated": True})
        return schemas.PracticeSupplierOut(**kept)
    row = await suppliers.add_supplier_of_practice(call, _assessor(request), practice_id, new)
    created = _use_out(*row)
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, created.model_dump(mode="json"))
    return created


@router.post(
    "/practices/{practice_id}/suppliers/confirm",
    responses=problems(*_LISTS),
    summary="Confirm the suppliers of a practice",
)
async def confirm_practice_suppliers(request: Request, call: Writes, practice_id: UUID) -> schemas.SupplierListOut:
    """Say that the list names all suppliers of the practice, so that what is not on it does not apply (ANS-8.5, 9.3 to 9.5)."""
    await suppliers.confirm_suppliers(call, _assessor(request), practice_id)
    return await _list_out(call, await get_practice(call, practice_id))


@router.put(
    "/practices/{practice_id}/suppliers/{supplier_id}",
    responses=problems(*_LISTS, RecordsFullError),
    summary="List a supplier for a practice",
)
async def set_practice_supplier(
    request: Request, call: Writes, practice_id: UUID, supplier_id: UUID, use: schemas.SupplierUse
) -> schemas.PracticeSupplierOut:
    """Put a supplier on the list of a practice, or say anew what it is used for.

    The provider lists itself under its own id. When the use shrinks, the list has to be confirmed anew.
    """
    return _use_out(*await suppliers.list_supplier(call, _assessor(request), practice_id, supplier_id, use))


@router.delete(
    "/practices/{practice_id}/suppliers/{supplier_id}",
    status_code=204,
    responses=problems(*_LISTS),
    summary="Take a supplier off the list of a practice",
)
async def remove_practice_supplier(request: Request, call: Writes, practice_id: UUID, supplier_id: UUID) -> None:
    """Take a supplier off the list: its contracts are closed with it, and the list has to be confirmed anew."""
    await suppliers.unlist_supplier(call, _assessor(request), practice_id, supplier_id)
