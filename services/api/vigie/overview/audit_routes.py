"""REST routes of the audit. They stand here because the audit itself knows no callers (docs/adr/0016)."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from vigie.audit import queries, reading
from vigie.audit.export import MEDIA_TYPE, Header
from vigie.audit.models import AuditEntry
from vigie.audit.schemas import ActorOut, AuditEntryOut, AuditQuery, ExportQuery, ObjectOut
from vigie.auth.dependencies import Call, parts, reads
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core.errors import InvalidRequestError, problems
from vigie.core.etag import tagged
from vigie.core.pagination import InvalidCursorError, Page
from vigie.core.sentences import Sentence, fault

router = APIRouter(prefix="/v1", tags=["people"], responses=problems(UnauthenticatedError, InsufficientScopeError))
_SAME = ("number", "at", "action", "practice_id", "address", "outcome", "code", "details")


def _entry_out(entry: AuditEntry) -> AuditEntryOut:
    return AuditEntryOut(
        **{name: getattr(entry, name) for name in _SAME},
        actor=ActorOut(kind=entry.actor_kind, id=entry.actor_id, name=entry.actor_name, role=entry.role),
        object=ObjectOut(kind=entry.object_kind, id=entry.object_id),
        hash=entry.hash.hex(),
    )


@router.get(
    "/audit",
    response_model=Page[AuditEntryOut],
    responses=problems(InvalidCursorError),
    summary="List who did what, latest first",
)
async def list_audit(
    request: Request,
    call: Annotated[Call, reads(Permission.AUDIT_READ)],
    query: Annotated[AuditQuery, Query()],
) -> Response:
    """List what members, partner clients, devices and the operator changed, and what they were refused."""
    caller = call.principal
    practices = caller.practices if isinstance(caller.practices, frozenset) else None
    entries, following = await queries.page_of_entries(call.session, caller.provider_id, query, practices)
    return tagged(request, Page[AuditEntryOut](items=[_entry_out(entry) for entry in entries], next_cursor=following))


@router.get(
    "/audit/export",
    response_class=StreamingResponse,
    responses={
        200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}, "description": "One JSON object a line"},
        **problems(InvalidRequestError),
    },
    summary="Export the audit with its hash chain",
)
async def export_audit(
    request: Request,
    call: Annotated[Call, reads(Permission.AUDIT_READ, recorded=True)],
    query: Annotated[ExportQuery, Query()],
) -> Any:
    """Export the chain in its order, whole or from a number on; `vigie audit verify FILE` checks the file without us.

    The first line says how far the chain went when the export began; its own entry in the audit follows after that.
    """
    caller = call.principal
    if caller.limited:
        raise InsufficientScopeError(
            Sentence(
                "a chain with entries left out cannot be verified",
                "Une chaîne dont il manque des entrées ne se vérifie pas.",
            )
        )
    head = await queries.head_of(call.session, caller.provider_id)
    start = await queries.start_at(call.session, caller.provider_id, query.first, head)
    if start is None:
        said = (f"the audit goes up to number {head.number}", f"Le journal va jusqu'au numéro {head.number}.")
        raise InvalidRequestError(errors=[fault("/query/from", *said)])
    call.audit(details={"first": start.number, "last": head.number})
    lines = reading.export_lines(parts(request).database, Header(start, head), call.now)
    name = f"audit-{caller.provider_id}-{start.number}.ndjson"
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines, media_type=MEDIA_TYPE, headers=headers)
