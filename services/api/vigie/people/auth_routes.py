"""The pages by which a person comes in: choosing how, going to the identity provider and back, invitations, choices."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vigie.auth.dependencies import address_of, comes_from_us, parts, session_cookie
from vigie.auth.errors import ForgedRequestError
from vigie.auth.oidc.authorization import begin
from vigie.auth.oidc.callback import Arrival, finish, spent_cookie
from vigie.auth.oidc.profiles import IdentityProvider
from vigie.auth.principal import PROVIDER_ROLES
from vigie.core.crypto import b64url, b64url_decode
from vigie.core.errors import AppError
from vigie.core.metrics import SIGN_INS
from vigie.core.rate_limit import key_of_address
from vigie.core.sealing import SealBrokenError
from vigie.people import choice, texts
from vigie.people.cookies import cookie_header, session_cookie_header
from vigie.people.doors import opens
from vigie.people.errors import (
    AlreadyMemberError,
    ChoiceExpiredError,
    InvitationExpiredError,
    InvitationRevokedError,
    InvitationUnknownError,
    InvitationUsedError,
)
from vigie.people.invitations import invitation_of, provider_of_token, refuse_spent
from vigie.people.kit import People, people_of
from vigie.people.pages import HEADERS, language_of, page, refusal, render, static_file
from vigie.people.queries import names_of
from vigie.people.sign_in import Browser, Entered, Visit, enter, enter_by_link, places_of, recognise, record_refusal

HOME: Final = "/"
_INVITATION: Final = "invitation"
_INVITED: Final = "invited"
_OF_INVITATION: Final = (
    AlreadyMemberError,
    InvitationExpiredError,
    InvitationRevokedError,
    InvitationUnknownError,
    InvitationUsedError,
)
_INVITATION_LIFE: Final = timedelta(minutes=15)
_REMEMBERED: Final = "door"
_REMEMBERED_S: Final = 180 * 86_400


def _now(request: Request) -> datetime:
    return parts(request).clock.now()


def _limit(request: Request) -> None:
    """Count a step of a sign-in against the quota of the address; raises `RateLimitExceededError`."""
    parts(request).limits.admit(request.scope, ("sign-in-address", key_of_address(address_of(request))))


def browser_of(request: Request) -> Browser:
    """Return where a request came from and the session cookie it carries."""
    cookie = request.cookies.get(session_cookie(parts(request).public_url))
    return Browser(address_of(request), request.headers.get("user-agent"), cookie)


def _redirect(address: str, cookies: Sequence[str] = (), status: int = 303) -> Response:
    answer = RedirectResponse(address, status, dict(HEADERS))
    for cookie in cookies:
        answer.headers.append("Set-Cookie", cookie)
    return answer


@page("where a person chooses how to sign in")
async def choose_door(request: Request) -> Response:
    """Show the ways of signing in: Pro Santé Connect, the operator's issuers, and the one this browser used last."""
    people = people_of(request)
    operators = people.providers.operators.values()
    remembered = request.cookies.get(people.cookie(_REMEMBERED))
    own = await people.providers.find(remembered) if remembered else None
    return render(
        request,
        "login.html",
        professional=[idp for idp in operators if idp.profile == "pro_sante_connect"],
        staff=[idp for idp in operators if idp.profile == "generic"],
        own=own if own is not None and own.provider_id is not None else None,
        query=_passed_on(request),
    )


def _passed_on(request: Request) -> str:
    """Return what the page passes on to the identity provider's link: where to come back to, and whether one is invited."""
    return (
        f"?{request.url.query}" if request.query_params and set(request.query_params) <= {"return_to", _INVITED} else ""
    )


@page("the way to the identity provider")
async def begin_sign_in(request: Request) -> Response:
    """Send the browser to an identity provider.

    `?again=1` asks it to identify the person anew. `?invited=1` accepts the invitation this browser is following: somebody
    else who signs in here meanwhile does not.
    """
    _limit(request)
    people = people_of(request)
    party = people.relying_party()
    idp = await people.identity_provider(request.path_params["idp"])
    departure = await begin(
        party,
        idp,
        redirect_uri=people.redirect_uri(idp.id),
        now=_now(request),
        return_to=request.query_params.get("return_to", HOME),
        invitation=_carried_invitation(request, people),
        reauthenticate=request.query_params.get("again") == "1",
        cookies=request.cookies,
    )
    cookies = [
        cookie_header(people, departure.cookie.name, departure.cookie.value, departure.cookie.max_age_s),
        *(cookie_header(people, name, "", 0) for name in departure.surplus),
    ]
    return _redirect(departure.url, cookies, status=302)


def _carried_invitation(request: Request, people: People) -> str | None:
    """Return the token of the invitation this browser is following, if it is meant."""
    sealed = request.cookies.get(people.cookie(_INVITATION))
    if not sealed or request.query_params.get(_INVITED) != "1":
        return None
    try:
        document = orjson.loads(people.relying_party().sealer.open(_INVITATION, b64url_decode(sealed)))
    except (SealBrokenError, ValueError):
        return None
    return str(document["token"]) if _now(request).timestamp() < document["until"] else None


@page("the way back from the identity provider")
async def finish_sign_in(request: Request) -> Response:
    """Complete a sign-in: a session, a choice, or why not. The cookie of the attempt goes, whatever becomes of it."""
    _limit(request)
    people = people_of(request)
    party = people.relying_party()
    idp = await people.identity_provider(request.path_params["idp"])
    query = request.query_params.multi_items()
    redirect_uri, now = people.redirect_uri(idp.id), _now(request)
    arrival: Arrival | None = None
    try:
        arrival = await finish(party, idp, query=query, cookies=request.cookies, redirect_uri=redirect_uri, now=now)
        answer = await _admit(request, people, idp, arrival, now)
    except AppError as error:
        SIGN_INS.labels(error.code).inc()
        await record_refusal(people, idp, error, arrival.invitation if arrival else None, browser_of(request), now)
        answer = _refused(request, people, idp, arrival, error)
    if spent := spent_cookie(party, query):
        answer.headers.append("Set-Cookie", cookie_header(people, spent, "", 0))
    return answer


def _refused(
    request: Request, people: People, idp: IdentityProvider, arrival: Arrival | None, error: AppError
) -> Response:
    """Return the page that says why not, and leads on: by the same door as somebody else, or by another door.

    The invitation stays with the browser, except when it is the invitation that lets nobody in.
    """
    if arrival is None:
        return refusal(request, error)
    if arrival.invitation is None or isinstance(error, _OF_INVITATION):
        answer = refusal(request, error, again=f"/auth/login/{idp.id}?again=1")
        answer.headers.append("Set-Cookie", cookie_header(people, people.cookie(_INVITATION), "", 0))
        return answer
    again = f"/auth/login/{idp.id}?again=1&{_INVITED}=1"
    return refusal(request, error, again=again, other=f"/auth/login?{_INVITED}=1")


async def _admit(request: Request, people: People, idp: IdentityProvider, arrival: Arrival, now: datetime) -> Response:
    visitor = await recognise(people, arrival.identity, now)
    visit = Visit(idp, visitor, browser_of(request), now)
    if arrival.invitation is not None:
        return _in(people, idp, await enter_by_link(people, visit, arrival.invitation), arrival.return_to)
    places = await places_of(people, visit)
    if len(places) == 1:
        return _in(people, idp, await enter(people, visit, places[0]), arrival.return_to)
    offered = choice.offer(visitor, places, arrival.return_to, now)
    sealed = choice.write(people.relying_party().sealer, offered)
    roles = [texts.role(place.role, language_of(request)) for place in places]
    answer = render(request, "choose.html", places=list(zip(places, roles, strict=True)), sealed=sealed)
    life = int(choice.LIFE.total_seconds())
    answer.headers.append("Set-Cookie", cookie_header(people, people.cookie(choice.COOKIE), offered.key, life))
    return answer


def _in(people: People, idp: IdentityProvider, entered: Entered, return_to: str) -> Response:
    """Return the answer that carries the new session."""
    SIGN_INS.labels("opened").inc()
    cookies = [
        session_cookie_header(people, entered.secret),
        cookie_header(people, people.cookie(_REMEMBERED), idp.id, _REMEMBERED_S),
        cookie_header(people, people.cookie(_INVITATION), "", 0),
    ]
    return _redirect(return_to, cookies)


@page("the choice between several places of a person's")
async def choose_place(request: Request) -> Response:
    """Open the session at the place that was chosen."""
    people, now = people_of(request), _now(request)
    if not comes_from_us(request):
        raise ForgedRequestError
    form = await request.form()
    key = request.cookies.get(people.cookie(choice.COOKIE), "")
    chosen = choice.read(people.relying_party().sealer, str(form.get("choice", "")), key, now)
    number = str(form.get("place", ""))
    if not number.isdecimal() or int(number) >= len(chosen.places):
        raise ChoiceExpiredError
    if not await people.used_once.claim("choice", chosen.key, chosen.until):
        raise ChoiceExpiredError
    idp = await people.identity_provider(chosen.visitor.idp)
    visit = Visit(idp, chosen.visitor, browser_of(request), now)
    try:
        entered = await enter(people, visit, chosen.places[int(number)])
    except AppError as error:
        SIGN_INS.labels(error.code).inc()
        await record_refusal(people, idp, error, None, visit.browser, now)
        raise
    answer = _in(people, idp, entered, chosen.return_to)
    answer.headers.append("Set-Cookie", cookie_header(people, people.cookie(choice.COOKIE), "", 0))
    return answer


@page("where an invitation link leads; its token is in the fragment, which browsers send to nobody")
async def open_invitation(request: Request) -> Response:
    """Show the page whose script hands the token over, or where one can paste the link."""
    return render(request, "invitation.html")


@page("the token of an invitation link, handed over by our own page")
async def read_invitation(request: Request) -> Response:
    """Show whose invitation it is and the doors that open it; keep the token, sealed, for the way to the identity provider."""
    _limit(request)
    if not comes_from_us(request):
        raise ForgedRequestError
    people, now = people_of(request), _now(request)
    form = await request.form()
    token = str(form.get("token", "")).strip().rpartition("#")[2]
    provider_id = provider_of_token(token)
    async with people.database.session(provider_id, write=False) as session:
        invitation = await invitation_of(session, provider_id, token)
        refuse_spent(invitation, now)
        own = await people.providers.of_provider(session, provider_id)
        names = await names_of(session, provider_id, invitation.practice_id)
    if names is None:
        raise InvitationUnknownError
    doors = [idp for idp in (*people.providers.operators.values(), *own) if opens(idp, invitation.role, provider_id)]
    answer = render(
        request,
        "invited.html",
        provider=names.provider,
        practice=names.practice,
        role=texts.role(invitation.role, language_of(request)),
        staff=invitation.role in PROVIDER_ROLES,
        professional=[idp for idp in doors if idp.profile == "pro_sante_connect"],
        others=[idp for idp in doors if idp.profile == "generic"],
    )
    document = {"token": token, "until": (now + _INVITATION_LIFE).timestamp()}
    sealed = b64url(people.relying_party().sealer.seal(_INVITATION, orjson.dumps(document)))
    life = int(_INVITATION_LIFE.total_seconds())
    answer.headers.append("Set-Cookie", cookie_header(people, people.cookie(_INVITATION), sealed, life))
    return answer


SIGN_IN_PAGES: Final = (
    ("/auth/login", choose_door, "GET"),
    ("/auth/login/{idp}", begin_sign_in, "GET"),
    ("/auth/callback/{idp}", finish_sign_in, "GET"),
    ("/auth/choose", choose_place, "POST"),
    ("/auth/invitation", open_invitation, "GET"),
    ("/auth/invitation", read_invitation, "POST"),
    ("/auth/static/{name}", static_file, "GET"),
)
"""Path, handler, method."""
