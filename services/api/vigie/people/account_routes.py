"""The pages of somebody who is signed in: who am I, my sessions, going elsewhere, signing out; and the issuer's own sign-out."""

import hmac
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from vigie.audit.actions import Action
from vigie.audit.log import NewEntry, append
from vigie.auth.dependencies import address_of, comes_from_us, identify, parts, session_cookie
from vigie.auth.errors import ForgedRequestError, UnauthenticatedError
from vigie.auth.oidc.errors import SignInError
from vigie.auth.oidc.logout import check_logout_return
from vigie.auth.principal import Principal
from vigie.auth.recording import actor_of
from vigie.auth.sessions import end_session, form_token
from vigie.core.errors import NotFoundError
from vigie.people import texts
from vigie.people.cookies import cookie_header, session_cookie_header
from vigie.people.kit import people_of
from vigie.people.pages import HEADERS, language_of, page, render, wants_page
from vigie.people.queries import own_sessions
from vigie.people.sign_out import (
    LOGGED_OUT_PATH,
    FarewellTo,
    end_by_notice,
    end_own_session,
    is_open,
    sign_out,
)
from vigie.people.switching import switch, whereabouts

ACCOUNT: Final = "/auth/account"
_FAREWELL: Final = "farewell"
_FAREWELL_S: Final = 600


async def _person(request: Request) -> Principal | None:
    """Return the person whose session came along, if it holds."""
    try:
        return await identify(request, None)
    except UnauthenticatedError:
        return None


def _redirect(address: str, *cookies: str) -> Response:
    answer = RedirectResponse(address, 303, dict(HEADERS))
    for cookie in cookies:
        answer.headers.append("Set-Cookie", cookie)
    return answer


def _form_token(request: Request) -> str:
    return form_token(request.cookies.get(session_cookie(parts(request).public_url), ""))


async def _own_form(request: Request) -> Mapping[str, str]:
    """Return the form of one of our own pages; raises `ForgedRequestError` for anybody else's.

    Two signs: where the browser says it comes from, and a word that only a page written for this session knows. A script of
    ours sends the header `X-Vigie-Request: 1` instead of the word.
    """
    if not comes_from_us(request):
        raise ForgedRequestError
    form = {name: str(value) for name, value in (await request.form()).items()}
    if request.headers.get("x-vigie-request") == "1":
        return form
    if not hmac.compare_digest(form.get("form_token", "").encode(), _form_token(request).encode()):
        raise ForgedRequestError
    return form


@page("shows the person of the session, and nobody else; without one it leads to the sign-in")
async def show_account(request: Request) -> Response:
    """Show who is signed in, where else they may go, and their sessions: what a person sees until they open the console."""
    person, people = await _person(request), people_of(request)
    if person is None:
        return _redirect(f"/auth/login?return_to={ACCOUNT}")
    language, now = language_of(request), parts(request).clock.now()
    async with people.database.session(person.provider_id, write=False) as session:
        at = await whereabouts(people, session, person)
        sessions = [row for row in await own_sessions(session, person) if is_open(row, now)]
    labels = {row.identity_provider: await people.providers.find(row.identity_provider) for row in sessions}
    return render(
        request,
        "account.html",
        person=person,
        here=next((place for place in at.places if place.member_id == at.here), None),
        elsewhere=[place for place in at.places if place.member_id != at.here],
        sessions=sessions,
        role=lambda name: texts.role(name, language),
        browser=lambda user_agent: texts.browser_name(user_agent, language),
        label=lambda idp: found.label if (found := labels[idp]) else idp,
        form_token=_form_token(request),
    )


@page("changes the session of the person it came with, by a form of our own")
async def go_elsewhere(request: Request) -> Response:
    """Go to another place of the person's."""
    person, people, now = await _person(request), people_of(request), parts(request).clock.now()
    form = await _own_form(request)
    if person is None:
        raise UnauthenticatedError
    async with people.database.session(person.provider_id, write=True) as session:
        at = await whereabouts(people, session, person)
        secret, place = await switch(people, at, _uuid(form.get("member_id", "")), address_of(request), now)
        await end_session(session, person.provider_id, at.session.id, "switched", now=now)
        entry = NewEntry(
            person.provider_id,
            actor_of(person),
            Action.SESSION_SWITCH,
            object_id=str(at.session.id),
            address=address_of(request),
            details={"to_role": place.role},
        )
        await append(session, entry, now)
    return _redirect(ACCOUNT, session_cookie_header(people, secret))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFoundError from error


@page("ends a session of the person it came with, by a form of our own")
async def end_elsewhere(request: Request) -> Response:
    """End one of the person's sessions."""
    person, people, now = await _person(request), people_of(request), parts(request).clock.now()
    await _own_form(request)
    if person is None:
        raise UnauthenticatedError
    session_id = _uuid(request.path_params["session_id"])
    async with people.database.session(person.provider_id, write=True) as session:
        await end_own_session(session, person, session_id, now=now)
        entry = NewEntry(
            person.provider_id,
            actor_of(person),
            Action.SESSION_END,
            object_id=str(session_id),
            address=address_of(request),
        )
        await append(session, entry, now)
    return _redirect(ACCOUNT)


@page("ends the session it came with, by a form of our own; without one there is nothing to end")
async def log_out(request: Request) -> Response:
    """End the session here, then lead to where the identity provider ends its own.

    The way there is a page that goes on by itself and not a redirection: browsers hold the redirections of a form to the policy
    of the page it stands on, and an identity provider may redirect anywhere.
    """
    person, people = await _person(request), people_of(request)
    if person is None:
        return _redirect(LOGGED_OUT_PATH, session_cookie_header(people, ""))
    await _own_form(request)
    farewell = await sign_out(people, person, address_of(request), parts(request).clock.now())
    answer = _farewell(request, farewell)
    answer.headers.append("Set-Cookie", session_cookie_header(people, ""))
    if farewell is not None:
        name = people.cookie(_FAREWELL)
        answer.headers.append("Set-Cookie", cookie_header(people, name, farewell.state, _FAREWELL_S))
    return answer


def _farewell(request: Request, farewell: FarewellTo | None) -> Response:
    if not wants_page(request):
        return JSONResponse({"continue_at": farewell.url if farewell else None}, headers={"Cache-Control": "no-store"})
    if farewell is None:
        return _redirect(LOGGED_OUT_PATH)
    answer = render(request, "farewell.html", farewell=farewell)
    answer.headers["Refresh"] = f"0; url={farewell.url}"
    return answer


@page("says that one is signed out")
async def show_logged_out(request: Request) -> Response:
    """Say that the session has ended; here the identity provider comes back to, with the state we gave it or without."""
    people = people_of(request)
    name = people.cookie(_FAREWELL)
    check_logout_return(request.query_params.multi_items(), request.cookies.get(name, ""))
    answer = render(request, "logged_out.html")
    if name in request.cookies:
        answer.headers.append("Set-Cookie", cookie_header(people, name, "", 0))
    return answer


@page("identity providers tell here that a session of theirs ended, by a token they signed")
async def hear_logout(request: Request) -> Response:
    """End the sessions a logout token is about (OpenID Connect Back-Channel Logout 1.0): 200 once they are, else 400."""
    people, no_store = people_of(request), {"Cache-Control": "no-store"}
    form = await request.form()
    try:
        idp = await people.identity_provider(request.path_params["idp"])
        token = str(form.get("logout_token", ""))
        await end_by_notice(people, idp, token, address_of(request), parts(request).clock.now())
    except SignInError as error:
        refused = {"error": "invalid_request", "error_description": error.code}
        return JSONResponse(refused, 400, no_store)
    return Response(status_code=200, headers=no_store)


ACCOUNT_PAGES: Final = (
    (ACCOUNT, show_account, "GET"),
    ("/auth/account/membership", go_elsewhere, "POST"),
    ("/auth/account/sessions/{session_id}", end_elsewhere, "POST"),
    ("/auth/logout", log_out, "POST"),
    (LOGGED_OUT_PATH, show_logged_out, "GET"),
    ("/auth/backchannel-logout/{idp}", hear_logout, "POST"),
)
"""Path, handler, method."""
