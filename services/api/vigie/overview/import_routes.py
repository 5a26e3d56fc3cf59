"""The REST route that creates many practices at once, each as `POST /v1/practices` would."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Protocol, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from vigie.auth.dependencies import Call, IdempotencyKey, attempt_of, writes
from vigie.auth.errors import InsufficientScopeError, LimitedToPracticesError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.checklist.settling import settle_new
from vigie.core import idempotency
from vigie.core.errors import BodyTooLargeError, InvalidRequestError, problems
from vigie.core.sentences import Sentence
from vigie.posture import queries as postures
from vigie.posture.assessment import Assessor
from vigie.practices.errors import ImportRefusedError
from vigie.practices.importing import FORMATS, Fault, Format, Listed, Sheet, read_sheet
from vigie.practices.queries import named_alike, refuse_limited, taken_references
from vigie.practices.schemas import ImportedOut, ImportOut, ImportQuery
from vigie.practices.service import ReferenceTakenError, open_practices

router = APIRouter(
    prefix="/v1/practices", tags=["practices"], responses=problems(UnauthenticatedError, InsufficientScopeError)
)
Writes = Annotated[Call, writes(Permission.PRACTICES_WRITE)]
_MOST_TOLD = 100
_TAKEN = Sentence("another practice has this reference", "un autre cabinet porte cette référence")
_FORMAT = Sentence("send text/csv or application/x-ndjson", "envoyez text/csv ou application/x-ndjson")
_FILES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {
                "schema": {
                    "type": "string",
                    "description": "`name` and `profession`, and any other field of a practice.",
                }
            }
            for kind in FORMATS
        },
    }
}


class Kit(Protocol):
    """What the application puts on `app.state.parts` for this route."""

    assessor: Assessor


class _Asked(BaseModel):
    """What decides whether two imports are the same."""

    content_type: str
    sha256: str


async def _content(request: Request) -> bytes:
    """Return the body, read before the unit of work begins; how long it may be is the same for every route."""
    return await request.body()


@router.post(
    "/import",
    status_code=201,
    responses={
        200: {"model": ImportOut, "description": "A dry run: every row is right."},
        **problems(
            LimitedToPracticesError,
            InvalidRequestError,
            ImportRefusedError,
            ReferenceTakenError,
            BodyTooLargeError,
            idempotency.IdempotencyConflictError,
        ),
    },
    openapi_extra=_FILES,
    summary="Create many practices",
)
async def import_practices(
    request: Request,
    response: Response,
    call: Writes,
    content: Annotated[bytes, Depends(_content)],
    query: Annotated[ImportQuery, Query()],
    idempotency_key: IdempotencyKey = None,
) -> ImportOut:
    """Create the practices of a list, all of them or none: up to 1,000 rows of CSV (with a head) or JSON lines, in UTF-8.

    Columns are the fields of a practice, `name` and `profession` at least; their French names and those of professions are
    understood, and commas, semicolons or tabs part them. Try it with `dry_run` first: it tells which names are there already.
    """
    refuse_limited(call)
    kind = _format(request)
    asked = _Asked(content_type=kind, sha256=hashlib.sha256(content).hexdigest())
    attempt = None if query.dry_run else attempt_of(call, request, idempotency_key, asked)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(details={"repeated": True})
        return ImportOut(**kept)
    sheet = read_sheet(content, kind)
    await _check(call, sheet)
    call.audit(details={"practices": len(sheet.practices), "dry_run": query.dry_run})
    known = await named_alike(call, [each.new.name for each in sheet.practices])
    if query.dry_run:
        response.status_code = 200
        return ImportOut(dry_run=True, practices=_rows(sheet.practices, known))
    made = await _create(request, call, sheet.practices)
    told = ImportOut(dry_run=False, practices=_rows(sheet.practices, known, made))
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, told.model_dump(mode="json"))
    return told


def _format(request: Request) -> Format:
    told = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    for kind in FORMATS:
        if told == kind:
            return kind
    raise InvalidRequestError(errors=[{"pointer": "/header/content-type", "reason": _FORMAT}])


async def _check(call: Call, sheet: Sheet) -> None:
    """Raise `ImportRefusedError` with what is wrong, row by row, references that are taken among it."""
    referring = {each.new.external_ref: each.row for each in sheet.practices if each.new.external_ref is not None}
    taken = await taken_references(call, list(referring))
    faults = sheet.faults + [Fault(referring[each], "external_ref", _TAKEN) for each in taken]
    if faults:
        faults.sort(key=lambda each: each.row)
        told = [{"row": each.row, "column": each.column, "reason": each.reason} for each in faults[:_MOST_TOLD]]
        raise ImportRefusedError(errors=told, more=len(faults) - len(told))


async def _create(request: Request, call: Call, listed: Sequence[Listed]) -> list[UUID]:
    provider_id = call.principal.provider_id
    made = await open_practices(call, [each.new for each in listed])
    ids = [practice.id for practice, _ in made]
    await postures.open_postures(call.session, provider_id, ids, call.now)
    assessor = cast("Kit", request.app.state.parts).assessor
    await settle_new(call.session, assessor, provider_id, ids, call.now, events=[event for _, event in made])
    return ids


def _rows(listed: Sequence[Listed], known: set[str], made: Sequence[UUID] = ()) -> list[ImportedOut]:
    return [
        ImportedOut(
            row=each.row,
            name=each.new.name,
            city=each.new.city,
            id=made[place] if made else None,
            known=each.new.name.lower() in known,
        )
        for place, each in enumerate(listed)
    ]
