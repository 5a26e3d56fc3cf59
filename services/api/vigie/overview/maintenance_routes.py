"""REST routes of maintenance windows. They stand here because a window may name a device, which `alerts` knows nothing of."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from vigie.alerts import maintenance
from vigie.alerts.errors import WindowPeriodError
from vigie.alerts.models import MaintenanceWindow
from vigie.alerts.queries import list_windows
from vigie.alerts.schemas import NewWindow, WindowAuthor, WindowOut, WindowQuery
from vigie.alerts.terms import window_of
from vigie.auth.dependencies import Call, IdempotencyKey, attempt_of, reads, writes
from vigie.auth.errors import InsufficientScopeError, LimitedToPracticesError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core import idempotency
from vigie.core.errors import InvalidRequestError, NotFoundError, problems
from vigie.core.etag import tagged
from vigie.core.pagination import InvalidCursorError, Page
from vigie.devices.fleet import get_device
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.queries import changeable_practice

router = APIRouter(prefix="/v1", tags=["alerts"], responses=problems(UnauthenticatedError, InsufficientScopeError))
Writes = Annotated[Call, writes(Permission.ALERTS_WRITE)]
_OWN = {"author", "holds_until"}


def _out(row: MaintenanceWindow, now: datetime) -> WindowOut:
    return WindowOut(
        **{name: getattr(row, name) for name in WindowOut.model_fields if name not in _OWN},
        author=WindowAuthor(kind=row.author_kind, id=row.author_id, name=row.author_name),
        holds_until=window_of(row).end_at(now),
    )


@router.get(
    "/maintenance-windows",
    response_model=Page[WindowOut],
    responses=problems(InvalidCursorError),
    summary="List maintenance windows",
)
async def list_maintenance_windows(
    request: Request, call: Annotated[Call, reads(Permission.ALERTS_READ)], query: Annotated[WindowQuery, Query()]
) -> Response:
    """List announced work, the latest announced first; what is over only when `standing` asks for it."""
    rows, following = await list_windows(call, query)
    return tagged(request, Page[WindowOut](items=[_out(row, call.now) for row in rows], next_cursor=following))


@router.post(
    "/maintenance-windows",
    status_code=201,
    responses=problems(
        NotFoundError,
        LimitedToPracticesError,
        PracticeArchivedError,
        InvalidRequestError,
        WindowPeriodError,
        idempotency.IdempotencyConflictError,
    ),
    summary="Announce work",
)
async def announce_maintenance(
    request: Request, call: Writes, new: NewWindow, idempotency_key: IdempotencyKey = None
) -> WindowOut:
    """Announce work on a device, a practice or the whole provider. Alerts open meanwhile, and nobody is told of them.

    When the window ends, what is still wrong is told. A window covers an alert when it covers everything the alert is about.
    With an `Idempotency-Key`, the same request again within 24 hours is answered as the first time.
    """
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(object_id=kept["id"], details={"repeated": True})
        return WindowOut(**kept)
    if new.practice_id is not None:
        practice = await changeable_practice(call, new.practice_id)
        if new.device_id is not None and (await get_device(call, new.device_id)).practice_id != practice.id:
            raise NotFoundError
    made = _out(await maintenance.announce(call, new), call.now)
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, made.model_dump(mode="json"))
    return made


@router.delete(
    "/maintenance-windows/{window_id}",
    status_code=204,
    responses=problems(NotFoundError, LimitedToPracticesError),
    summary="Call work off",
)
async def end_maintenance(call: Writes, window_id: UUID) -> None:
    """End a window now, before its time or because it came back often enough. It stays in the list. Twice is as good as once."""
    await maintenance.call_off(call, window_id)
