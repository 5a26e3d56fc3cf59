"""REST routes of the fleet: the list of practices with why they stand where they stand, who looks after each, the numbers."""

from collections import Counter
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from vigie.auth.dependencies import Call, parts, reads, writes
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core.errors import InvalidRequestError, NotFoundError, language_of, problems
from vigie.core.etag import tagged, tagged_values
from vigie.core.pagination import InvalidCursorError, Page, PageQuery
from vigie.core.sentences import fault
from vigie.devices.queries import running_outage
from vigie.events.session import record
from vigie.overview import queries, schemas
from vigie.overview.cause_queries import count_practices
from vigie.overview.causes import gather_causes
from vigie.overview.exporting import MEDIA_TYPE, export_rows
from vigie.overview.listing import list_rows
from vigie.overview.tallies import tallies_of
from vigie.posture.catalogue import load_catalogue
from vigie.practices import queries as practices
from vigie.practices.errors import PracticeArchivedError, ResponsibleError
from vigie.practices.responsibles import give_practice
from vigie.practices.schemas import ResponsibleIn, ResponsibleOut

router = APIRouter(prefix="/v1", responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.PRACTICES_READ)]
Writes = Annotated[Call, writes(Permission.PRACTICES_WRITE)]
_LIGHTS: Final = ("overall", "patch", "backup", "checklist", "liveness")


def known_control(query: schemas.PracticeFilters) -> None:
    """Raise `InvalidRequestError` on a filter by a control that the catalogue does not have."""
    if query.control is not None and query.control not in load_catalogue().controls:
        wrong = fault("/query/control", "no control of the catalogue", "Ce point de contrôle n'existe pas.")
        raise InvalidRequestError(errors=[wrong])


@router.get(
    "/practices",
    tags=["practices"],
    response_model=Page[schemas.PracticeRow],
    responses=problems(InvalidCursorError, InvalidRequestError),
    summary="List practices, worst first",
)
async def list_practices(request: Request, call: Reads, query: Annotated[schemas.ListQuery, Query()]) -> Response:
    """List practices with their lights: critical, unknown, warning, ok; the one with most such lights first.

    With `control` (and `state`, `fail` unless said otherwise), only those that are in this state of that control. With
    `include=reasons` each row says why, in the language of `Accept-Language`.
    """
    known_control(query)
    language = language_of(request) if query.include is not None else None
    items, following = await list_rows(call, query, language)
    return tagged_values(request, {"items": items, "next_cursor": following}, language)


@router.get(
    "/practices.csv",
    tags=["practices"],
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "One practice a line"},
        **problems(InvalidRequestError),
    },
    summary="Export the list of practices",
)
async def export_practices(
    request: Request,
    call: Annotated[Call, reads(Permission.PRACTICES_READ, recorded=True)],
    query: Annotated[schemas.ExportQuery, Query()],
) -> Response:
    """Export every practice of a filtered list with why its lights are what they are, for a spreadsheet.

    In French (columns parted by semicolons) or English (by commas): `language`, else that of `Accept-Language`.
    """
    known_control(query)
    language = query.language or language_of(request)
    call.audit(details={"filters": sorted(query.model_fields_set - {"language"})})
    lines = export_rows(parts(request).database, call, query, language)
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="vigie-{call.now:%Y-%m-%d}.csv"',
    }
    return StreamingResponse(lines, media_type=MEDIA_TYPE, headers=headers)


@router.get(
    "/responsibles",
    tags=["practices"],
    responses=problems(InvalidCursorError),
    summary="List who may look after practices",
)
async def list_responsibles(call: Reads, query: Annotated[PageQuery, Query()]) -> Page[ResponsibleOut]:
    """List the owners and technicians who see at least one practice that the caller sees, in the order in which they joined."""
    rows, following = await practices.list_responsibles(call, query)
    return Page(items=[ResponsibleOut(id=row.id, name=row.name) for row in rows], next_cursor=following)


@router.put(
    "/practices/{practice_id}/responsible",
    tags=["practices"],
    responses=problems(NotFoundError, InvalidRequestError, ResponsibleError, PracticeArchivedError),
    summary="Say who looks after a practice",
)
async def give_responsible(call: Writes, practice_id: UUID, asked: ResponsibleIn) -> ResponsibleOut | None:
    """Give a practice to an owner or a technician who sees it, or (null) to nobody; the answer says who has it now."""
    given, changed = await give_practice(call, practice_id, asked.member_id)
    if changed is not None:
        await record(call.session, [changed], call.now)
    return given


@router.get(
    "/alerts/causes", tags=["alerts"], response_model=schemas.CausesOut, summary="Read what asks for somebody, by cause"
)
async def list_causes(request: Request, call: Annotated[Call, reads(Permission.ALERTS_READ)]) -> Response:
    """Read the causes of the alerts that ask for somebody, the worst first: how many practices each concerns, and the first ones.

    Alerts that are snoozed, resolved or for information only are left out. In the language of `Accept-Language`.
    """
    language = language_of(request)
    items = await gather_causes(call, language)
    practices = await count_practices(call) if items else 0
    return tagged(request, schemas.CausesOut(practices=practices, items=items), language)


@router.get("/summary", tags=["overview"], summary="Read the fleet in numbers")
async def read_summary(request: Request, call: Reads) -> schemas.Summary:
    """Read how many practices show which light, how many somebody looks after, and how many devices are heard."""
    counted: dict[str, Counter[str]] = {name: Counter() for name in _LIGHTS}
    devices: Counter[str] = Counter()
    total = 0
    for *found, active, silent, never, pending in await tallies_of(request).of(call, queries.count_lights):
        *lights, number = found
        total += number
        devices.update(reporting=active - silent - never, silent=silent, never=never, pending=pending)
        for name, light in zip(_LIGHTS, lights, strict=True):
            counted[name][light] += number
    counters = {
        name: schemas.Counters(**{light: counts[light] for light in schemas.Counters.model_fields})
        for name, counts in counted.items()
    }
    given, mine = await queries.count_responsibles(call)
    return schemas.Summary(
        as_of=call.now,
        unheard_since=await running_outage(call),
        practices=total,
        mine=mine,
        unassigned=total - given,
        **counters,
        devices={name: devices[name] for name in ("reporting", "silent", "never", "pending")},
    )
