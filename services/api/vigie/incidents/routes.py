"""REST routes of incidents. Freezing the evidence reads what is others', and stands in `vigie.overview.incident_routes`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from vigie.auth.dependencies import Call, IdempotencyKey, attempt_of, reads, writes
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError, needs
from vigie.auth.principal import Permission
from vigie.core import idempotency
from vigie.core.errors import InvalidRequestError, NotFoundError, language_of, problems
from vigie.core.pagination import InvalidCursorError, Page
from vigie.incidents import errors, queries, service
from vigie.incidents.catalogue import load_steps
from vigie.incidents.drafting import drafts_of
from vigie.incidents.schemas import (
    Closing,
    DraftsOut,
    EntryOut,
    IncidentDetail,
    IncidentOut,
    IncidentQuery,
    NewIncident,
    NewNote,
    NewNotice,
    StepMark,
)
from vigie.incidents.showing import detail_of, entry_out, incident_out
from vigie.practices.errors import PracticeArchivedError

router = APIRouter(prefix="/v1", tags=["incidents"], responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.INCIDENTS_READ)]
Writes = Annotated[Call, writes(Permission.INCIDENTS_WRITE)]
Step = Annotated[str, Path(max_length=40, description="Id of a step of the incident's edition.")]
_CHANGES = (NotFoundError, PracticeArchivedError, errors.IncidentClosedError, InvalidRequestError)
_ZIP: dict[str, Any] = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
_READ_FOR_EVIDENCE = (Permission.DEVICES_READ, Permission.EVENTS_READ, Permission.ALERTS_READ)


def _needs(call: Call, *permissions: Permission) -> None:
    """Raise `InsufficientScopeError` unless the caller may read what is others', too."""
    for permission in permissions:
        if permission not in call.principal.permissions:
            raise InsufficientScopeError(needs(permission))


@router.get("/incidents", responses=problems(InvalidCursorError), summary="List incidents")
async def list_incidents(request: Request, call: Reads, query: Annotated[IncidentQuery, Query()]) -> Page[IncidentOut]:
    """List the incidents of the practices one sees, the latest declared first, each with its two clocks."""
    found, following = await queries.list_incidents(call, query)
    ids = [seen.incident.id for seen in found]
    courses = await queries.courses_of(call.session, call.principal.provider_id, ids)
    language = language_of(request)
    items = [incident_out(seen, courses[seen.incident.id], call.now, language) for seen in found]
    return Page(items=items, next_cursor=following)


@router.post(
    "/incidents",
    status_code=201,
    responses=problems(
        NotFoundError,
        PracticeArchivedError,
        InvalidRequestError,
        errors.IncidentInstantError,
        errors.PersonalDataError,
        idempotency.IdempotencyConflictError,
    ),
    summary="Declare an incident",
)
async def declare_incident(
    request: Request, call: Writes, new: NewIncident, idempotency_key: IdempotencyKey = None
) -> IncidentDetail:
    """Declare an attack or a breach: from `known_at` on, 72 hours run for the complaint and 72 for the CNIL.

    Never write about a patient. With an `Idempotency-Key`, declaring twice is declaring once.
    """
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(details={"repeated": True})
        return await detail_of(call, await queries.get_incident(call, UUID(kept["id"])), language_of(request))
    seen = await service.declare_incident(call, new)
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, {"id": str(seen.incident.id)})
    return await detail_of(call, seen, language_of(request))


@router.get("/incidents/{incident_id}", responses=problems(NotFoundError), summary="Read an incident")
async def read_incident(request: Request, call: Reads, incident_id: UUID) -> IncidentDetail:
    """Read an incident: its two clocks, the steps in the language asked for, the log, whom to call, the sealed evidence."""
    return await detail_of(call, await queries.get_incident(call, incident_id), language_of(request))


@router.post(
    "/incidents/{incident_id}/steps/{step}",
    responses=problems(*_CHANGES, errors.StepOfClockError),
    summary="Tick or untick a step",
)
async def mark_incident_step(
    request: Request, call: Writes, incident_id: UUID, step: Step, mark: StepMark
) -> IncidentDetail:
    """Say that a step is done, or is not after all. The steps of the two clocks are done by `POST …/notified`."""
    seen = await service.mark_step(call, incident_id, step, done=mark.done)
    return await detail_of(call, seen, language_of(request))


@router.post(
    "/incidents/{incident_id}/log",
    status_code=201,
    responses=problems(
        *_CHANGES,
        errors.IncidentInstantError,
        errors.PersonalDataError,
        errors.LogFullError,
        idempotency.IdempotencyConflictError,
    ),
    summary="Write into the log",
)
async def log_incident(
    request: Request, call: Writes, incident_id: UUID, new: NewNote, idempotency_key: IdempotencyKey = None
) -> EntryOut:
    """Write what you see, do or decide. Lines are never changed: a mistake is followed by another line."""
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(object_id=incident_id, details={"repeated": True})
        return EntryOut(**kept)
    entry = await service.write_note(call, incident_id, new)
    written = entry_out(entry, load_steps().get(), language_of(request))
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, written.model_dump(mode="json"))
    return written


@router.post(
    "/incidents/{incident_id}/notified",
    responses=problems(*_CHANGES, errors.IncidentInstantError, errors.PersonalDataError),
    summary="Note the complaint, or the notification to the CNIL",
)
async def note_incident_notice(request: Request, call: Writes, incident_id: UUID, new: NewNotice) -> IncidentDetail:
    """Stop a clock: it was done at an instant, under a reference; or nothing is due, for a reason that is kept."""
    return await detail_of(call, await service.note_notice(call, incident_id, new), language_of(request))


@router.post(
    "/incidents/{incident_id}/close",
    responses=problems(*_CHANGES, errors.IncidentUndecidedError, errors.PersonalDataError),
    summary="Close an incident",
)
async def close_incident(request: Request, call: Writes, incident_id: UUID, closing: Closing) -> IncidentDetail:
    """Close an incident with its lessons, once both clocks have their word. It stays on record and takes no more."""
    return await detail_of(call, await service.close_incident(call, incident_id, closing), language_of(request))


@router.get(
    "/incidents/{incident_id}/evidence",
    response_class=Response,
    responses={
        **problems(NotFoundError, errors.NothingFrozenError),
        200: {"description": "The sealed archive.", "content": _ZIP},
    },
    summary="Download the sealed evidence",
)
async def read_incident_evidence(
    call: Annotated[Call, reads(Permission.INCIDENTS_READ, recorded=True)], incident_id: UUID
) -> Response:
    """Download the archive that `POST …/freeze` made, byte for byte. Needs `devices:read`, `events:read` and `alerts:read`, too."""
    _needs(call, *_READ_FOR_EVIDENCE)
    seen = await queries.get_incident(call, incident_id)
    archive = await queries.archive_of(call.session, seen.incident)
    headers = {
        "Content-Disposition": f'attachment; filename="vigie-incident-{incident_id}.zip"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return Response(archive.content, headers=headers, media_type="application/zip")


@router.get(
    "/incidents/{incident_id}/drafts", responses=problems(NotFoundError), summary="Read drafts of the declarations"
)
async def read_incident_drafts(call: Reads, incident_id: UUID) -> DraftsOut:
    """Read the complaint, the declaration to the insurer and the notification to the CNIL, filled in as far as is known.

    Needs `records:read`, too: the contract with the insurer is in it.
    """
    _needs(call, Permission.RECORDS_READ)
    return await drafts_of(call, await queries.get_incident(call, incident_id))
