"""The way back: from the query of the callback to an `Identity`, or to the one error that says why not.

The order is the defence. First that this browser began this attempt, at this provider, and that it was not answered before:
also when the answer is an error, or else an error page could be made to appear in anybody's browser. Then that the answer is
this issuer's. Only then is anything of it used.
"""

import hashlib
import hmac
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson

from vigie.auth.oidc.authorization import ATTEMPT_LIFE, Attempt, cookie_name, open_attempt
from vigie.auth.oidc.calls import OK, UNAUTHORIZED, call
from vigie.auth.oidc.errors import (
    AttemptExpiredError,
    AttemptUnknownError,
    AttemptUsedError,
    CancelledError,
    ClientRefusedError,
    CodeRefusedError,
    ProviderAwayError,
    ProviderMismatchError,
    ProviderRefusedError,
    ResponseIssuerError,
    ResponseMalformedError,
    SignInError,
    TokenResponseError,
)
from vigie.auth.oidc.id_token import verified_id_token
from vigie.auth.oidc.identity import Identity, identify
from vigie.auth.oidc.metadata import Metadata
from vigie.auth.oidc.party import RelyingParty
from vigie.auth.oidc.profiles import IdentityProvider
from vigie.auth.oidc.userinfo import read_user_info
from vigie.auth.oidc.wire import code_exchange
from vigie.core.outbound import Reply

STATE: Final = "sign_in_state"
"""The kind under which used states are claimed."""

_LONGEST: Final = {"state": 128, "code": 4096, "iss": 512, "error": 128}
# RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6; what is not listed is a refusal like any other.
_MEANINGS: Final[Mapping[str, type[SignInError]]] = {
    "access_denied": CancelledError,
    "server_error": ProviderAwayError,
    "temporarily_unavailable": ProviderAwayError,
    "invalid_grant": CodeRefusedError,
    **dict.fromkeys(
        (
            *("invalid_client", "unauthorized_client", "invalid_request", "invalid_scope"),
            *("unsupported_response_type", "unsupported_grant_type", "request_not_supported"),
        ),
        ClientRefusedError,
    ),
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A completed sign-in. `return_to` is a path of ours, `invitation` what `begin` was given."""

    identity: Identity
    return_to: str
    invitation: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Tokens:
    access_token: str = field(repr=False)
    id_token: str = field(repr=False)


async def finish(
    party: RelyingParty,
    idp: IdentityProvider,
    *,
    query: Sequence[tuple[str, str]],
    cookies: Mapping[str, str],
    redirect_uri: str,
    now: datetime,
) -> Arrival:
    """Complete a sign-in; raises a subclass of `SignInError`. `query`: every parameter of the request, doubles included.

    Whatever happens, remove the cookie that `spent_cookie` names: an attempt has one answer.
    """
    response = _parameters(query)
    attempt = _attempt(party, response, cookies)
    check_state(attempt, response)
    check_same_provider(attempt, idp)
    check_attempt_age(attempt, now)
    await check_first_use(party, attempt)
    metadata = await party.directory.metadata(idp, now)
    check_response_issuer(response, idp, metadata)
    check_no_error(response, idp)
    tokens = await _exchange(party, idp, metadata, attempt, response.get("code", ""), redirect_uri)
    id_token = await verified_id_token(
        party.directory, idp, tokens.id_token, attempt=attempt, access_token=tokens.access_token, now=now
    )
    user_info: Mapping[str, Any] = {}
    if metadata.userinfo_endpoint is not None:
        user_info = await read_user_info(
            party,
            idp,
            metadata.userinfo_endpoint,
            access_token=tokens.access_token,
            subject=id_token.claims["sub"],
            now=now,
        )
    return Arrival(identify(idp, id_token, user_info), attempt.return_to, attempt.invitation)


def spent_cookie(party: RelyingParty, query: Sequence[tuple[str, str]]) -> str | None:
    """Return the name of the cookie of the attempt that a callback answers, to be removed; None when it names none."""
    states = [value for name, value in query if name == "state"]
    return cookie_name(states[0], secure=party.secure_cookies) if states else None


def _parameters(query: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the parameters that mean something to us, each given once and of a length that can be."""
    found: dict[str, str] = {}
    for name, value in query:
        if name not in _LONGEST:
            continue
        check_parameter(found, name, value)
        found[name] = value
    if "state" not in found or ("code" in found) == ("error" in found):
        raise ResponseMalformedError
    return found


def check_parameter(found: Mapping[str, str], name: str, value: str) -> None:
    """No parameter twice, none empty, none endless, all printable ASCII (RFC 6749 appendix A): nothing to be read two ways."""
    if name in found or not 0 < len(value) <= _LONGEST[name] or not (value.isascii() and value.isprintable()):
        raise ResponseMalformedError


def _attempt(party: RelyingParty, response: Mapping[str, str], cookies: Mapping[str, str]) -> Attempt:
    """Return the attempt that this browser holds for the state it came back with; raises `AttemptUnknownError`."""
    return open_attempt(party.sealer, cookies.get(cookie_name(response["state"], secure=party.secure_cookies), ""))


def check_state(attempt: Attempt, response: Mapping[str, str]) -> None:
    """The state is the one this browser was sent away with (RFC 6749 §10.12: login CSRF)."""
    if not hmac.compare_digest(attempt.state.encode(), response["state"].encode()):
        raise AttemptUnknownError


def check_same_provider(attempt: Attempt, idp: IdentityProvider) -> None:
    """The answer came to the redirect address of the provider that was asked (RFC 9700 §4.4: mix-up)."""
    if attempt.idp != idp.id:
        raise ProviderMismatchError


def check_attempt_age(attempt: Attempt, now: datetime) -> None:
    """The attempt is not older than ten minutes; the cookie's own end is the browser's word only."""
    if now - attempt.started_at >= ATTEMPT_LIFE:
        raise AttemptExpiredError


async def check_first_use(party: RelyingParty, attempt: Attempt) -> None:
    """The attempt was not answered before, on this process or another."""
    key = hashlib.sha256(attempt.state.encode()).hexdigest()
    if not await party.used_once.claim(STATE, key, attempt.started_at + ATTEMPT_LIFE):
        raise AttemptUsedError


def check_response_issuer(response: Mapping[str, str], idp: IdentityProvider, metadata: Metadata) -> None:
    """The answer names its issuer where the issuer announced to do so, and names the right one (RFC 9207 §2.4)."""
    if "iss" not in response and not metadata.names_issuer:
        return
    if response.get("iss") != idp.issuer:
        raise ResponseIssuerError


def check_no_error(response: Mapping[str, str], idp: IdentityProvider) -> None:
    """The provider did not answer with an error. Its own words for it are neither shown nor logged."""
    error = response.get("error")
    if error is None:
        return
    _log.warning("sign-in refused by the provider", extra={"idp": idp.id, "error": _known(error)})
    raise _MEANINGS.get(error, ProviderRefusedError)


async def _exchange(
    party: RelyingParty, idp: IdentityProvider, metadata: Metadata, attempt: Attempt, code: str, redirect_uri: str
) -> _Tokens:
    """Exchange the code for tokens."""
    form = code_exchange(idp, redirect_uri, code=code, verifier=attempt.verifier)
    reply = await call(party.outbound, idp, "POST", metadata.token_endpoint, form.headers, form.body)
    return _read_tokens(idp, reply)


def _read_tokens(idp: IdentityProvider, reply: Reply) -> _Tokens:
    """Read a token response (RFC 6749 §5.1), or the error it is (§5.2)."""
    try:
        document = orjson.loads(reply.body)
    except orjson.JSONDecodeError as error:
        raise TokenResponseError from error
    if not isinstance(document, dict):
        raise TokenResponseError
    if reply.status != OK:
        reason = str(document.get("error"))
        _log.warning("code refused by the provider", extra={"idp": idp.id, "error": _known(reason)})
        refused = ClientRefusedError if reply.status == UNAUTHORIZED else TokenResponseError
        raise _MEANINGS.get(reason, refused)
    access_token, id_token = document.get("access_token"), document.get("id_token")
    if not (isinstance(access_token, str) and access_token.isascii() and access_token.isprintable() and access_token):
        raise TokenResponseError
    if not isinstance(id_token, str) or str(document.get("token_type")).lower() != "bearer":
        raise TokenResponseError
    return _Tokens(access_token, id_token)


def _known(error: str) -> str:
    """Return an error code that is one of the standards', for the log: the provider's own may hold anything."""
    return error if error in _MEANINGS else "other"
