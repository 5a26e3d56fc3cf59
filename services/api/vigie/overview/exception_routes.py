"""REST routes of exceptions: deviations that somebody accepted, for a reason and for a time."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from vigie.auth.dependencies import Call, IdempotencyKey, attempt_of, reads, writes
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core import idempotency
from vigie.core.errors import InvalidRequestError, NotFoundError, problems
from vigie.core.etag import tagged
from vigie.core.pagination import InvalidCursorError, Page
from vigie.devices.fleet import get_device
from vigie.posture import exceptions
from vigie.posture.errors import ExceptionControlError, ExceptionPeriodError
from vigie.posture.models import ControlException
from vigie.posture.policy_schemas import AuthorOut, ExceptionOut, ExceptionQuery, NewException
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.queries import changeable_practice

router = APIRouter(prefix="/v1", tags=["exceptions"], responses=problems(UnauthenticatedError, InsufficientScopeError))
Writes = Annotated[Call, writes(Permission.EXCEPTIONS_WRITE)]
_OWN = {"standing", "author"}


def _out(call: Call, row: ControlException) -> ExceptionOut:
    return ExceptionOut(
        **{name: getattr(row, name) for name in ExceptionOut.model_fields if name not in _OWN},
        standing=exceptions.standing_of(row, call.now),
        author=AuthorOut(kind=row.author_kind, id=row.author_id, name=row.author_name),
    )


@router.get(
    "/exceptions",
    response_model=Page[ExceptionOut],
    responses=problems(InvalidCursorError),
    summary="List accepted deviations",
)
async def list_exceptions(
    request: Request,
    call: Annotated[Call, reads(Permission.CHECKLIST_READ)],
    query: Annotated[ExceptionQuery, Query()],
) -> Response:
    """List exceptions, latest first: those that hold now, unless `standing` asks for others."""
    rows, following = await exceptions.list_exceptions(call, query)
    return tagged(request, Page[ExceptionOut](items=[_out(call, row) for row in rows], next_cursor=following))


@router.post(
    "/exceptions",
    status_code=201,
    responses=problems(
        NotFoundError,
        PracticeArchivedError,
        InvalidRequestError,
        ExceptionControlError,
        ExceptionPeriodError,
        idempotency.IdempotencyConflictError,
    ),
    summary="Accept a deviation",
)
async def grant_exception(
    request: Request, call: Writes, new: NewException, idempotency_key: IdempotencyKey = None
) -> ExceptionOut:
    """Accept that a practice, or one of its devices, deviates from a control until a date.

    Where the control fails it shows a warning with the reason `accepted` until then, and counts half. What is unknown stays
    unknown. With an `Idempotency-Key`, the same request again within 24 hours is answered as the first time.
    """
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(object_id=kept["id"], practice_id=UUID(kept["practice_id"]), details={"repeated": True})
        return ExceptionOut(**kept)
    practice = await changeable_practice(call, new.practice_id)
    if new.device_id is not None and (await get_device(call, new.device_id)).practice_id != practice.id:
        raise NotFoundError
    granted = _out(call, await exceptions.grant_exception(call, new))
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, granted.model_dump(mode="json"))
    return granted


@router.delete(
    "/exceptions/{exception_id}", status_code=204, responses=problems(NotFoundError), summary="End an exception"
)
async def end_exception(call: Writes, exception_id: UUID) -> None:
    """End an exception now: what it excused fails again. It stays in the list. Twice is as good as once."""
    await exceptions.end_exception(call, exception_id)
