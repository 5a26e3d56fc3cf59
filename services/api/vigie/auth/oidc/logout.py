"""Ending a session on both sides: RP-initiated logout, and back-channel logout tokens.

The local session ends first, always: what the provider does about its own is asked for, not waited for.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from vigie.auth.oidc.errors import (
    LogoutEventError,
    LogoutNonceError,
    LogoutReplayedError,
    LogoutReturnError,
    LogoutTargetError,
    SignInError,
    TokenTooOldError,
)
from vigie.auth.oidc.party import RelyingParty
from vigie.auth.oidc.professional import text
from vigie.auth.oidc.profiles import IdentityProvider
from vigie.auth.oidc.signed import (
    check_audience,
    check_expiry,
    check_issuer,
    check_not_from_the_future,
    instant,
    verified,
)

LOGOUT_TOKEN: Final = "logout_token"  # noqa: S105 - a kind, no secret
"""The kind under which used logout tokens are claimed."""

TYPES: Final = frozenset({"logout+jwt", "jwt"})
_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_OLDEST: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """What a verified logout token says: end the sessions of (`issuer`, `sid`) when there is a sid, else of the subject."""

    issuer: str
    subject: str | None = field(repr=False)
    sid: str | None = field(repr=False)


async def logout_url(
    party: RelyingParty,
    idp: IdentityProvider,
    *,
    id_token: str | None,
    return_uri: str,
    state: str,
    now: datetime,
) -> str | None:
    """Return where to send the browser after the local session ended (OpenID Connect RP-Initiated Logout 1.0 §2).

    None when the provider offers no logout, or is away: the person is signed out of here all the same.
    """
    try:
        endpoint = (await party.directory.metadata(idp, now)).end_session_endpoint
    except SignInError:
        return None
    if endpoint is None:
        return None
    asked = {"client_id": idp.client_id, "post_logout_redirect_uri": return_uri, "state": state}
    if id_token is not None:
        asked["id_token_hint"] = id_token
    parts = urlsplit(endpoint)
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), *asked.items()])))


def check_logout_return(query: Sequence[tuple[str, str]], expected_state: str) -> None:
    """Check the state a logout comes back with; none at all is accepted (Pro Santé Connect was seen to drop it).

    Raises `LogoutReturnError`.
    """
    states = [value for name, value in query if name == "state"]
    expected = expected_state.encode()
    if states and not (len(states) == 1 and hmac.compare_digest(states[0].encode(errors="replace"), expected)):
        raise LogoutReturnError


async def receive_logout(party: RelyingParty, idp: IdentityProvider, logout_token: str, now: datetime) -> LogoutNotice:
    """Verify a back-channel logout token (OpenID Connect Back-Channel Logout 1.0 §2.6); raises a `SignInError`.

    Answer 200 once the sessions are ended, 400 on an error, always `Cache-Control: no-store`.
    """
    claims = (await verified(party.directory, idp, logout_token, now, TYPES)).claims
    check_issuer(claims, idp)
    check_audience(claims, idp)
    check_expiry(claims, idp, now)
    check_not_from_the_future(claims, idp, now)
    check_logout_age(claims, now)
    check_event(claims)
    check_no_nonce(claims)
    check_target(claims)
    await check_first_notice(party, idp, claims, now)
    return LogoutNotice(idp.issuer, text(claims.get("sub")), text(claims.get("sid")))


def check_logout_age(claims: Mapping[str, Any], now: datetime) -> None:
    """The token was issued lately: one that was kept back must not end the sessions of a later day."""
    if instant(claims, "iat") < (now - _OLDEST).timestamp():
        raise TokenTooOldError


def check_event(claims: Mapping[str, Any]) -> None:
    """The token says that it is about a logout, so that no other token of the provider's passes for one."""
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(_EVENT), dict):
        raise LogoutEventError


def check_no_nonce(claims: Mapping[str, Any]) -> None:
    """A logout token has no nonce, so that it never passes for an ID token nor the other way round."""
    if "nonce" in claims:
        raise LogoutNonceError


def check_target(claims: Mapping[str, Any]) -> None:
    """The token says who or which session; what is there is text."""
    named = [text(claims[name]) for name in ("sub", "sid") if name in claims]
    if not named or None in named:
        raise LogoutTargetError


async def check_first_notice(
    party: RelyingParty, idp: IdentityProvider, claims: Mapping[str, Any], now: datetime
) -> None:
    """The token has an id that did not come before. Remembered for as long as it would be taken."""
    token_id = text(claims.get("jti"))
    if token_id is None:
        raise LogoutReplayedError
    key = hashlib.sha256(f"{idp.id} {token_id}".encode()).hexdigest()
    if not await party.used_once.claim(LOGOUT_TOKEN, key, now + _OLDEST + timedelta(seconds=2 * idp.leeway_s)):
        raise LogoutReplayedError
