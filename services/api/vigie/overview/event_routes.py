"""The change feed: read page by page from a number on, or as a live stream. It stands here because callers see practices."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Query, Request
from starlette.responses import StreamingResponse

from vigie.auth.dependencies import Call, admitted_still, parts, reads
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.principal import Permission, Principal
from vigie.core.db import Database
from vigie.core.errors import InvalidRequestError, problems
from vigie.core.sentences import Sentence
from vigie.events.models import Event
from vigie.events.queries import events_after, first_kept, last_number
from vigie.events.schemas import EventOut
from vigie.events.tail import Tail
from vigie.overview.event_schemas import EventPage, EventQuery, EventsExpiredError, NotAStreamError

router = APIRouter(
    prefix="/v1/events", tags=["events"], responses=problems(UnauthenticatedError, InsufficientScopeError)
)
Reads = Annotated[Call, reads(Permission.EVENTS_READ)]
_MEDIA_TYPE = "text/event-stream"
_BATCH = 200
_QUIET_S = 15.0
"""A comment is sent after so long without an event, so that nothing on the way takes the line for dead."""
_LIFE_S = 3600.0
"""A stream ends after so long; clients resume with the number they saw last."""


def _event_out(event: Event) -> EventOut:
    return EventOut(**{name: getattr(event, name) for name in EventOut.model_fields})


def _practices(principal: Principal) -> frozenset[UUID] | None:
    return principal.practices if isinstance(principal.practices, frozenset) else None


@router.get("", responses=problems(EventsExpiredError), summary="Read what changed, in order")
async def list_events(call: Reads, query: Annotated[EventQuery, Query()]) -> EventPage:
    """Read the events after a number, oldest first. Ask again with `next_after`, at once while `more` is true.

    Numbers rise in the order of commits, so no event appears later before one that was read already. A caller who sees only
    some practices reads what concerns them; their numbers have gaps.
    """
    provider_id = call.principal.provider_id
    await _refuse_expired(call, query.after)
    last = await last_number(call.session, provider_id)
    found = await events_after(
        call.session, provider_id, (query.after, last), query.limit + 1, _practices(call.principal)
    )
    items = found[: query.limit]
    more = len(found) > query.limit
    return EventPage(
        items=[_event_out(event) for event in items],
        next_after=items[-1].number if more else max(last, query.after),
        more=more,
    )


async def _refuse_expired(call: Call, after: int) -> None:
    """Raise `EventsExpiredError` when events between `after` and the oldest that is kept are gone, or all of them are."""
    provider_id = call.principal.provider_id
    oldest = await first_kept(call.session, provider_id)
    if oldest is None:
        oldest = await last_number(call.session, provider_id) + 1
    if after and after + 1 < oldest:
        said = Sentence(
            f"events before number {oldest} are no longer kept",
            f"Les évènements d'avant le numéro {oldest} ne sont plus gardés.",
        )
        raise EventsExpiredError(said, oldest=oldest)


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={
        200: {"content": {_MEDIA_TYPE: {"schema": {"type": "string"}}}, "description": "Server-sent events"},
        **problems(NotAStreamError, EventsExpiredError, InvalidRequestError),
    },
    summary="Follow what changes",
)
async def stream_events(
    request: Request,
    call: Reads,
    after: Annotated[
        int | None, Query(ge=0, le=2**62, description="Begin after this number; now, when absent.")
    ] = None,
    last_event_id: Annotated[str | None, Header(pattern=r"^[0-9]{1,18}$")] = None,
) -> StreamingResponse:
    """Follow the events as they are committed (server-sent events). Browsers resume by themselves with `Last-Event-ID`.

    Each event has its number as `id`, its kind as `event` and the object of the list as `data`. The stream ends within
    seconds when the session, token or client it was opened with ends, and after an hour at the latest; a service that is
    being replaced ends it at once. Only who asks for `text/event-stream` gets it: whoever expected a document would wait
    for its end.
    """
    if _MEDIA_TYPE not in request.headers.get("accept", ""):
        raise NotAStreamError
    begin = int(last_event_id) if last_event_id is not None else after
    if begin is None:
        begin = await last_number(call.session, call.principal.provider_id)
    else:
        await _refuse_expired(call, begin)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        _lines(request, call.principal, begin), headers=headers, media_type=f"{_MEDIA_TYPE}; charset=utf-8"
    )


async def _lines(request: Request, principal: Principal, after: int) -> AsyncIterator[bytes]:
    """Yield the lines of a stream; between two questions no connection is held."""
    kit = parts(request)
    tail: Tail = request.app.state.parts.tail
    ends_at = asyncio.get_running_loop().time() + _LIFE_S
    yield b"retry: 3000\n\n"
    async with tail.follow(principal.provider_id):
        while not tail.ended and asyncio.get_running_loop().time() < ends_at:
            events, after = await _next(kit.database, principal, after)
            for event in events:
                yield _line(event)
            if events:
                continue
            if not await tail.grown(principal.provider_id, after, _QUIET_S):
                yield b": still here\n\n"
            if not await admitted_still(request, principal):
                return


async def _next(database: Database, principal: Principal, after: int) -> tuple[list[Event], int]:
    """Return the next events a caller sees, and the number up to which they have seen everything."""
    async with database.session(principal.provider_id, write=False) as session:
        last = await last_number(session, principal.provider_id)
        found = await events_after(session, principal.provider_id, (after, last), _BATCH, _practices(principal))
    return list(found), found[-1].number if len(found) == _BATCH else max(last, after)


def _line(event: Event) -> bytes:
    body = orjson.dumps(_event_out(event).model_dump(mode="json"))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.number, event.kind.encode(), body)
