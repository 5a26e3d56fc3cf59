"""REST routes of the caller's own: who am I, where else may I go, my sessions, my saved lists."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from vigie.auth.dependencies import Call, IdempotencyKey, address_of, attempt_of, reads, writes
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.models import Session
from vigie.auth.principal import ALL_PRACTICES, PRACTICE_ROLES, Permission
from vigie.auth.sessions import end_session
from vigie.core import idempotency
from vigie.core.errors import NotFoundError, problems
from vigie.core.pagination import Page
from vigie.people import errors, schemas, sign_out, views
from vigie.people.cookies import session_cookie_header
from vigie.people.kit import people_of
from vigie.people.models import SavedView
from vigie.people.queries import names_of, own_sessions
from vigie.people.switching import switch, whereabouts

router = APIRouter(prefix="/v1", responses=problems(UnauthenticatedError, InsufficientScopeError))
Own = Annotated[Call, reads(Permission.SELF)]
OwnWrite = Annotated[Call, writes(Permission.SELF)]


@router.get("/me", tags=["me"], summary="Who am I?")
async def me(request: Request, call: Own, query: Annotated[schemas.MeQuery, Query()]) -> schemas.Me:
    """Tell the caller who they are, what they may do, and for a person where else they may go."""
    caller = call.principal
    places: list[schemas.MembershipOut] = []
    if caller.session_id is not None and query.memberships:
        at = await whereabouts(people_of(request), call.session, caller)
        places = [
            schemas.MembershipOut(
                member_id=cast("UUID", place.member_id),
                provider_name=place.provider_name,
                role=place.role,
                practice_id=place.practice_id,
                practice_name=place.practice_name,
                current=place.member_id == at.here,
            )
            for place in at.places
        ]
    practice_id = cast("UUID", next(iter(caller.practices))) if caller.role in PRACTICE_ROLES else None
    named = await names_of(call.session, caller.provider_id, practice_id)
    return schemas.Me(
        kind=caller.kind,
        subject=caller.subject,
        name=caller.name,
        provider_id=str(caller.provider_id),
        provider_name=named.provider if named is not None else "",
        practice_id=practice_id,
        role=caller.role,
        scopes=sorted(caller.permissions - {Permission.SELF}),
        practices=ALL_PRACTICES if caller.practices == ALL_PRACTICES else sorted(caller.practices),
        memberships=places,
    )


@router.post(
    "/me/membership",
    tags=["me"],
    status_code=204,
    responses=problems(errors.PeopleOnlyError, NotFoundError),
    summary="Go to another place of mine",
)
async def switch_membership(request: Request, call: OwnWrite, choice: schemas.MembershipChoice) -> Response:
    """Change to another of the caller's memberships: the answer sets the cookie of a new session, the old one ends."""
    people = people_of(request)
    at = await whereabouts(people, call.session, call.principal)
    secret, place = await switch(people, at, choice.member_id, address_of(request), call.now)
    await end_session(call.session, call.principal.provider_id, at.session.id, "switched", now=call.now)
    call.audit(object_kind="session", object_id=at.session.id, details={"to_role": place.role})
    return Response(status_code=204, headers={"Set-Cookie": session_cookie_header(people, secret)})


def _session_out(row: Session, call: Call) -> schemas.SessionOut:
    named = {name: getattr(row, name) for name in schemas.SessionOut.model_fields if name != "current"}
    return schemas.SessionOut(**named, current=row.id == call.principal.session_id)


@router.get("/me/sessions", tags=["me"], responses=problems(errors.PeopleOnlyError), summary="List my sessions")
async def list_own_sessions(call: Own) -> Page[schemas.SessionOut]:
    """List the caller's open sessions at this place, the latest used first; there are few, and no further pages."""
    if call.principal.session_id is None:
        raise errors.PeopleOnlyError
    rows = await own_sessions(call.session, call.principal)
    open_ones = [_session_out(row, call) for row in rows if sign_out.is_open(row, call.now)]
    return Page(items=open_ones, next_cursor=None)


@router.delete(
    "/me/sessions/{session_id}",
    tags=["me"],
    status_code=204,
    responses=problems(errors.PeopleOnlyError, NotFoundError),
    summary="End one of my sessions",
)
async def end_own_session(call: OwnWrite, session_id: UUID) -> None:
    """End one of the caller's sessions, on every process within a second; this one too, if it is meant."""
    if call.principal.session_id is None:
        raise errors.PeopleOnlyError
    await sign_out.end_own_session(call.session, call.principal, session_id, now=call.now)


def _view_out(view: SavedView) -> schemas.ViewOut:
    return schemas.ViewOut(**{name: getattr(view, name) for name in schemas.ViewOut.model_fields})


@router.get("/me/views", tags=["me"], responses=problems(errors.PeopleOnlyError), summary="List my saved lists")
async def list_views(call: Own) -> Page[schemas.ViewOut]:
    """List what the caller has saved, by name; there are thirty at most, and no further pages."""
    return Page(items=[_view_out(view) for view in await views.views_of(call)], next_cursor=None)


@router.post(
    "/me/views",
    tags=["me"],
    status_code=201,
    responses=problems(errors.PeopleOnlyError, errors.TooManyViewsError, idempotency.IdempotencyConflictError),
    summary="Save a list",
)
async def keep_view(
    request: Request, call: OwnWrite, new: schemas.NewView, idempotency_key: IdempotencyKey = None
) -> schemas.ViewOut:
    """Save the filters of a list under a name; a list of the caller's that has this name takes the new filters."""
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(object_kind="saved_view", object_id=kept["id"], details={"repeated": True})
        return schemas.ViewOut(**kept)
    made = _view_out(await views.keep(call, new))
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, made.model_dump(mode="json"))
    return made


@router.delete(
    "/me/views/{view_id}",
    tags=["me"],
    status_code=204,
    responses=problems(errors.PeopleOnlyError, NotFoundError),
    summary="Remove one of my saved lists",
)
async def remove_view(call: OwnWrite, view_id: UUID) -> None:
    """Remove a list the caller has saved."""
    await views.remove(call, view_id)
