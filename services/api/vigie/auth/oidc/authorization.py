"""The way out: where the browser is sent, and the sealed record of the attempt that it takes along.

Each attempt has a cookie of its own, named after its state, so that several tabs can sign in side by side. It comes back to
us with a top-level GET from another site: `SameSite=Lax` lets it pass, `Strict` would not.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from vigie.auth.oidc.errors import AttemptUnknownError, ReturnToRefusedError
from vigie.auth.oidc.party import RelyingParty
from vigie.auth.oidc.profiles import IdentityProvider
from vigie.auth.oidc.wire import authorization_address
from vigie.core.crypto import b64url, b64url_decode
from vigie.core.sealing import SealBrokenError, Sealer

ATTEMPT_LIFE: Final = timedelta(minutes=10)
_PURPOSE: Final = "sign-in attempt"
_SIDE_BY_SIDE: Final = 5
_LONGEST_RETURN: Final = 512
_LONGEST_INVITATION: Final = 256
_PATH: Final = re.compile(
    r"/[\x21-\x5b\x5d-\x7e]*"
)  # printable ASCII without the backslash, which browsers read as a slash


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie to set: HttpOnly, SameSite=Lax, Path=/, no Domain; Secure when the party's cookies are."""

    name: str
    value: str = field(repr=False)
    max_age_s: int


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser (302, no-store), what it must bring back, and the names of cookies to remove."""

    url: str = field(repr=False)
    cookie: Cookie
    surplus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in under way. Only the browser holds it, sealed. `max_age_s` is what was asked for and will be checked."""

    idp: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    return_to: str
    invitation: str | None = field(repr=False)
    started_at: datetime
    max_age_s: int | None


async def begin(  # noqa: PLR0913 - each is a choice of the caller
    party: RelyingParty,
    idp: IdentityProvider,
    *,
    redirect_uri: str,
    now: datetime,
    return_to: str = "/",
    invitation: str | None = None,
    reauthenticate: bool = False,
    cookies: Mapping[str, str] | None = None,
) -> Departure:
    """Begin a sign-in.

    `redirect_uri` is the callback address of this provider and of no other; `return_to` a path of ours; `invitation` an opaque
    string that comes back sealed; `reauthenticate` asks for a fresh authentication and has it checked; `cookies` are the
    request's: of attempts that are over or too many, `surplus` names those to remove.
    Raises `ReturnToRefusedError`, `ProviderAwayError`, `ProviderMetadataError`.
    """
    check_return_to(return_to)
    if invitation is not None and len(invitation) > _LONGEST_INVITATION:
        raise ValueError("an invitation is a short string")
    metadata = await party.directory.metadata(idp, now)
    attempt = Attempt(
        idp=idp.id,
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
        return_to=return_to,
        invitation=invitation,
        started_at=now,
        max_age_s=0 if reauthenticate else idp.max_age_s,
    )
    address = authorization_address(
        idp,
        metadata.authorization_endpoint,
        redirect_uri,
        verifier=attempt.verifier,
        state=attempt.state,
        nonce=attempt.nonce,
        further=_asked_further(idp, attempt, reauthenticate=reauthenticate),
    )
    cookie = Cookie(
        cookie_name(attempt.state, secure=party.secure_cookies),
        _sealed(party.sealer, attempt),
        int(ATTEMPT_LIFE.total_seconds()),
    )
    return Departure(address, cookie, _surplus(party, cookies or {}, now))


def check_return_to(return_to: str) -> None:
    """A sign-in leads back to a path of this service and nowhere else (open redirect); raises `ReturnToRefusedError`."""
    if not _PATH.fullmatch(return_to) or return_to.startswith("//") or len(return_to) > _LONGEST_RETURN:
        raise ReturnToRefusedError


def cookie_name(state: str, *, secure: bool) -> str:
    """Return the name of an attempt's cookie. `__Host-` (RFC 6265bis) keeps other hosts of the domain from setting it."""
    return _prefix(secure=secure) + hashlib.sha256(state.encode(errors="replace")).hexdigest()[:16]


def open_attempt(sealer: Sealer, value: str) -> Attempt:
    """Return the attempt a cookie holds; raises `AttemptUnknownError` when it was not sealed by us."""
    try:
        document = orjson.loads(sealer.open(_PURPOSE, b64url_decode(value)))
        started_at = datetime.fromtimestamp(document.pop("started_at"), tz=UTC)
        return Attempt(started_at=started_at, **document)
    except (SealBrokenError, ValueError, KeyError, TypeError) as error:
        raise AttemptUnknownError from error


def _prefix(*, secure: bool) -> str:
    return "__Host-vigie-signin-" if secure else "vigie-signin-"


def _sealed(sealer: Sealer, attempt: Attempt) -> str:
    document = {**asdict(attempt), "started_at": attempt.started_at.timestamp()}
    return b64url(sealer.seal(_PURPOSE, orjson.dumps(document)))


def _asked_further(idp: IdentityProvider, attempt: Attempt, *, reauthenticate: bool) -> dict[str, str]:
    """Return the optional parameters: assurance, and how fresh the authentication must be."""
    further = {}
    if idp.acr_values:
        further["acr_values"] = " ".join(idp.acr_values)
    if attempt.max_age_s is not None:
        further["max_age"] = str(attempt.max_age_s)
    if reauthenticate:
        further["prompt"] = "login"
    return further


def _surplus(party: RelyingParty, cookies: Mapping[str, str], now: datetime) -> tuple[str, ...]:
    """Return the names of cookies of attempts that are over, or older than the few that may be open side by side."""
    open_ones: list[tuple[datetime, str]] = []
    over: list[str] = []
    for name, value in cookies.items():
        if not name.startswith(_prefix(secure=party.secure_cookies)):
            continue
        try:
            started_at = open_attempt(party.sealer, value).started_at
        except AttemptUnknownError:
            over.append(name)
            continue
        if now - started_at < ATTEMPT_LIFE:
            open_ones.append((started_at, name))
        else:
            over.append(name)
    too_many = sorted(open_ones)[: max(0, len(open_ones) - (_SIDE_BY_SIDE - 1))]
    return (*over, *(name for _started_at, name in too_many))
