"""What a route must declare: who may call it. A route that declares nothing stops the program at start.

| situation | answer |
|---|---|
| no token and no session, or one that does not hold | 401 `auth.unauthenticated` |
| session whose unsafe request did not come from our own pages | 403 `auth.forged_request` |
| caller, or whole provider, that asks too often | 429 `rate_limit.exceeded` |
| caller without the permission of the route | 403 `auth.insufficient_scope` |
| query parameter that the route does not document | 422 `request.invalid` |
| object of another provider, or no such object | 404 `not_found` |

The guard also records: what a caller changed goes into the audit in the transaction of the change, what a known caller was
refused in one of its own. Reads are not recorded, except by `reads(…, recorded=True)`.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol, TypeVar
from uuid import UUID

from fastapi import Depends, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.routing import BaseRoute

from vigie.audit.actions import ROUTE_ACTIONS, Action
from vigie.audit.log import append
from vigie.auth.clients import Clients
from vigie.auth.errors import ForgedRequestError, InsufficientScopeError, UnauthenticatedError, needs
from vigie.auth.principal import Permission, Principal
from vigie.auth.questions import Known, known_of, let_go, questions_of, unit_of_work
from vigie.auth.recording import Note, done, is_recorded, record_refusal
from vigie.auth.sessions import Sessions
from vigie.auth.tokens import InvalidTokenError, Tokens
from vigie.core.client_address import Network, client_address
from vigie.core.clock import Clock
from vigie.core.db import Database
from vigie.core.errors import AppError, InvalidRequestError
from vigie.core.idempotency import Attempt
from vigie.core.rate_limit import RateLimits
from vigie.core.sentences import fault

_GUARD = "vigie_guard"
_RECORDED = "vigie_recorded"
_bearer = HTTPBearer(auto_error=False, scheme_name="partner", description="Access token from POST /oauth/token")
F = TypeVar("F", bound=Callable[..., Any])
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,128}$",
        description="Any text of the caller's making, at best a UUID. The same request again under the same key within "
        "24 hours creates nothing; another request under it is refused.",
    ),
]
"""The header of a creating route (`vigie.core.idempotency`)."""


class Parts(Protocol):
    """What the application puts on `app.state.parts` for the routes."""

    clock: Clock
    database: Database
    tokens: Tokens
    clients: Clients
    sessions: Sessions
    public_url: str
    trusted_proxies: Sequence[Network]
    limits: RateLimits


def parts(request: Request) -> Parts:
    """Return the parts the application was built from."""
    found: Parts = request.app.state.parts
    return found


def address_of(request: Request) -> str | None:
    """Return the address a request came from, looking past our own proxies (`VIGIE_TRUSTED_PROXIES`)."""
    peer = request.client.host if request.client else None
    return client_address(peer, request.headers.getlist("x-forwarded-for"), parts(request).trusted_proxies)


@dataclass(frozen=True, slots=True)
class Call:
    """One authorized request: the caller, a unit of work bound to the caller's provider, and its instant."""

    principal: Principal
    session: AsyncSession
    now: datetime
    note: Note | None = None  # what the audit will say; None where nothing is recorded
    known: Known | None = None  # what the questions of one page have found; None for a request of its own

    def audit(
        self,
        *,
        object_kind: str | None = None,
        object_id: object = None,
        practice_id: UUID | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Tell the audit more about what this call does; the path's last parameter is its object until somebody says so.

        For use cases: the id of what was created, the practice it belongs to once that is known to be the caller's, and
        few plain details (never a secret, never a person's number). Said again, the later word counts; details add up.
        """
        if self.note is None:
            return
        self.note.object_kind = object_kind or self.note.object_kind
        self.note.object_id = self.note.object_id if object_id is None else str(object_id)
        self.note.practice_id = practice_id or self.note.practice_id
        self.note.details.update(details or {})

    def recall(self, kind: str, id_: UUID) -> Any:
        """Return what an earlier question of the page found (`keep`); None otherwise, and always for a request of its own."""
        return None if self.known is None else self.known.get((kind, id_))

    def keep(self, kind: str, id_: UUID, found: object) -> None:
        """Let the questions of a page that come after this one `recall` what it found: to be read, never to be changed."""
        if self.known is not None:
            self.known[kind, id_] = found


def attempt_of(call: Call, request: Request, key: str | None, body: BaseModel) -> Attempt | None:
    """Return the keyed attempt a creating request is; None when it came without an `Idempotency-Key`."""
    if key is None:
        return None
    caller = call.principal
    return Attempt.of(caller.provider_id, key, caller.subject, request.url.path, body, call.now)


def session_cookie(public_url: str) -> str:
    """Return the name of the session cookie: with the `__Host-` prefix wherever the service is reached by https."""
    return "__Host-vigie" if public_url.startswith("https://") else "vigie"


async def authenticate(request: Request, token: str | None) -> Principal:
    """Return the principal of an access token or of a session; raises `UnauthenticatedError` and `ForgedRequestError`."""
    principal = await identify(request, token)
    _refuse_forged(request, principal)
    return principal


async def identify(request: Request, token: str | None, *, used: bool = True) -> Principal:
    """Return whose credential came with a request, be the request what it may; raises `UnauthenticatedError`.

    A request with a token is the token's, whatever cookies came along. `used` as in `Sessions.principal_of`.
    """
    return await (_of_session(request, used=used) if token is None else _of_token(request, token))


async def admitted_still(request: Request, principal: Principal) -> bool:
    """Whether who sent a request would be let in now with the rights they had then: for answers that take their time."""
    credentials = await _bearer(request)
    try:
        now = await identify(request, credentials.credentials if credentials else None, used=False)
    except UnauthenticatedError:
        return False
    return now == principal


async def _of_session(request: Request, *, used: bool) -> Principal:
    kit = parts(request)
    cookie = request.cookies.get(session_cookie(kit.public_url))
    principal = await kit.sessions.principal_of(cookie, kit.clock.now(), used=used) if cookie else None
    if principal is None:
        raise UnauthenticatedError
    return principal


def _refuse_forged(request: Request, principal: Principal) -> None:
    """Raise `ForgedRequestError` unless our own pages sent this: browsers add the cookie to anybody's request.

    Two signs are asked for: the origin, which a page cannot choose, and a header that only a script of the same origin
    can add without being asked for permission first. Tokens are not sent by themselves, so they need neither.
    """
    if principal.session_id is None or request.method in {"GET", "HEAD"}:
        return
    if not comes_from_us(request) or request.headers.get("x-vigie-request") != "1":
        raise ForgedRequestError


def comes_from_us(request: Request) -> bool:
    """Whether a browser says that a page of ours sent this: by `Origin`, or without one by `Sec-Fetch-Site`.

    A request that says neither came from no browser that would have added a cookie by itself, and is refused all the same.
    """
    origin = request.headers.get("origin")
    if origin is not None:
        return origin == parts(request).public_url
    return request.headers.get("sec-fetch-site") == "same-origin"


async def known_caller(
    request: Request,
    credentials: HTTPAuthorizationCredentials | None = Depends(_bearer),  # noqa: B008 - shared by all guards
) -> Principal | None:
    """Return who is calling, for what a route must find out before its guard opens a transaction; None for nobody.

    A dependency beside the guard, never instead of it: the guard refuses, and records the refusal.
    """
    try:
        return await authenticate(request, credentials.credentials if credentials else None)
    except AppError:
        return None


async def _of_token(request: Request, token: str) -> Principal:
    kit = parts(request)
    now = kit.clock.now()
    try:
        verified = kit.tokens.verify(token, now)
    except InvalidTokenError as error:
        raise UnauthenticatedError from error
    principal = await kit.clients.principal_of(verified, now)
    if principal is None:
        raise UnauthenticatedError
    return principal


def _query_parameters(route: APIRoute) -> frozenset[str]:
    """Return the names of the query parameters a route documents."""
    found: set[str] = set()
    waiting = [route.dependant]
    while waiting:
        dependant = waiting.pop()
        waiting.extend(dependant.dependencies)
        for field in dependant.query_params:
            kind = field.field_info.annotation
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found.update(field.alias or name for name, field in kind.model_fields.items())
            else:
                found.add(field.alias)
    return frozenset(found)


def _refuse_unknown_parameters(request: Request) -> None:
    """Raise `InvalidRequestError` for a query parameter the route does not have: a misspelt filter must not be ignored."""
    if not request.query_params:
        return
    route = request.scope.get("route")
    known = _query_parameters(route) if isinstance(route, APIRoute) else frozenset()
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        said = ("unknown parameter", "Ce paramètre n'existe pas.")
        raise InvalidRequestError(errors=[fault(f"/query/{name}", *said) for name in unknown[:20]])


def _guarded(permission: Permission, *, write: bool, recorded: bool) -> Any:
    async def call(
        request: Request,
        credentials: HTTPAuthorizationCredentials | None = Depends(_bearer),  # noqa: B008 - shared by all guards
    ) -> AsyncIterator[Call]:
        principal = await _caller(request, credentials.credentials if credentials else None)
        _count(request, principal, "write" if write else "read")
        kit = parts(request)
        now = kit.clock.now()
        note = Note.of(_action_of(request), address_of(request), request.path_params) if recorded else None
        try:
            _admit(request, principal, permission)
            async with unit_of_work(request.scope, kit.database, principal, write=write) as session:
                yield Call(principal, session, now, note, None if write else known_of(request.scope))
                if note is not None and write:
                    await append(session, done(principal, note), now)
        except (AppError, RequestValidationError) as error:
            status, code = _refusal(error)
            if note is not None and is_recorded(status):
                await let_go(request.scope)
                await record_refusal(kit.database, principal, note, code, now)
            raise
        if note is not None and not write:
            await let_go(request.scope)
            async with kit.database.session(principal.provider_id, write=True) as session:
                await append(session, done(principal, note), now)

    setattr(call, _GUARD, permission)
    setattr(call, _RECORDED, recorded)
    # scope="function": the unit of work is committed before the answer leaves, and a failed commit is a failed request.
    return Depends(call, scope="function")


async def _caller(request: Request, token: str | None) -> Principal:
    """Return who is calling; the questions of one page are of one person, who is looked up once."""
    questions = questions_of(request.scope)
    if questions is None or token is not None:
        return await identify(request, token)
    return await questions.asked_by(lambda: identify(request, None))


def _count(request: Request, principal: Principal, kind: Literal["read", "write"]) -> None:
    """Count a request against the quota of its caller, then that of the provider; raises `RateLimitExceededError`."""
    caller = principal.subject if principal.session_id is None else str(principal.session_id)
    parts(request).limits.admit(request.scope, (kind, caller), (f"{kind}-provider", str(principal.provider_id)))


def _admit(request: Request, principal: Principal, permission: Permission) -> None:
    """Raise what keeps a known caller out of a route."""
    _refuse_forged(request, principal)
    if permission not in principal.permissions:
        raise InsufficientScopeError(needs(permission))
    _refuse_unknown_parameters(request)


def _action_of(request: Request) -> Action:
    """Return what calling this route does; `refuse_unguarded` has seen to it that there is a word for it."""
    return ROUTE_ACTIONS[request.scope["route"].endpoint.__name__]


def _refusal(error: AppError | RequestValidationError) -> tuple[int, str]:
    if isinstance(error, AppError):
        return error.status, error.code
    return InvalidRequestError.status, InvalidRequestError.code  # as `install_error_handlers` answers it


def reads(permission: Permission, *, recorded: bool = False) -> Any:
    """Guard of a route that only reads: needs the permission, gives a read-only transaction.

    `recorded`: the audit notes the call, because who read this matters later. The entry is committed before the answer.
    """
    return _guarded(permission, write=False, recorded=recorded)


def writes(permission: Permission) -> Any:
    """Guard of a route that changes something: needs the permission, gives one unit of work committed before the answer.

    The audit's entry is part of that unit of work. A route refuses by raising: what it returns counts as done.
    """
    return _guarded(permission, write=True, recorded=True)


def public(why: str) -> Callable[[F], F]:
    """Mark a route as open to anybody; the reason is required, and shown by the guard check."""

    def mark(endpoint: F) -> F:
        setattr(endpoint, _GUARD, f"public: {why}")
        return endpoint

    return mark


def signed_by_device(endpoint: F) -> F:
    """Mark a route whose handler verifies the device's own signature (the hot agent routes)."""
    setattr(endpoint, _GUARD, "device signature")
    return endpoint


class UnguardedRouteError(RuntimeError):
    """A route says nothing, or two things, about who may call it, or the audit has no word for what it does."""


def guards_of(route: BaseRoute) -> list[str]:
    """Return what a route declares about its callers."""
    endpoint = getattr(route, "endpoint", None)
    found = [str(getattr(endpoint, _GUARD))] if hasattr(endpoint, _GUARD) else []
    if isinstance(route, APIRoute):
        waiting = list(route.dependant.dependencies)
        while waiting:
            dependant = waiting.pop()
            if hasattr(dependant.call, _GUARD):
                found.append(str(getattr(dependant.call, _GUARD)))
            waiting.extend(dependant.dependencies)
    return found


def flatten(routes: list[BaseRoute]) -> list[BaseRoute]:
    """Return every route, those of included and mounted routers too."""
    found: list[BaseRoute] = []
    for route in routes:
        inner = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None)
        found.extend(flatten(list(inner)) if inner else [route])
    return found


def is_recorded_route(route: BaseRoute) -> bool:
    """Whether the guard of a route writes into the audit."""
    waiting = list(route.dependant.dependencies) if isinstance(route, APIRoute) else []
    while waiting:
        dependant = waiting.pop()
        if getattr(dependant.call, _RECORDED, False):
            return True
        waiting.extend(dependant.dependencies)
    return False


def refuse_unguarded(routes: list[BaseRoute]) -> None:
    """Raise `UnguardedRouteError` unless each route has exactly one guard, and the audit a word for what it records."""
    for route in flatten(routes):
        declared = guards_of(route)
        path = getattr(route, "path", route)
        if len(declared) != 1:
            raise UnguardedRouteError(
                f"{path} declares {declared or 'no guard'}: exactly one of reads, writes, public is needed"
            )
        name = getattr(getattr(route, "endpoint", None), "__name__", "")
        if is_recorded_route(route) and name not in ROUTE_ACTIONS:
            raise UnguardedRouteError(f"{path}: the audit has no word for {name} (vigie/audit/actions.py)")
