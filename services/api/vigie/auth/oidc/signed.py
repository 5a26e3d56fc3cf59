"""Signed tokens of a provider: ID tokens, signed user info, logout tokens. The signature first, then what they say.

Algorithms are the profile's, keys are those the provider publishes, and a token chooses neither. PyJWT verifies the
signature; every check of a claim is ours, because each is one that libraries were found to leave out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import jwt
from jwt.types import Options

from vigie.auth.oidc.errors import (
    TokenAlgorithmError,
    TokenAudienceError,
    TokenExpiredError,
    TokenIssuerError,
    TokenKeyAmbiguousError,
    TokenKeyUnknownError,
    TokenPartyError,
    TokenSignatureError,
    TokenTooNewError,
    TokenTypeError,
    TokenUnreadableError,
)
from vigie.auth.oidc.metadata import Directory, Key
from vigie.auth.oidc.profiles import IdentityProvider

_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
_LATEST: Final = 1e11  # the year 5138: what is later is no instant
_SIGNATURE_ONLY: Final[Options] = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
    "enforce_minimum_key_length": True,
}


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A token taken apart; nothing of it is true before `verified` returned it."""

    raw: str = field(repr=False)
    header: Mapping[str, Any] = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)


async def verified(
    directory: Directory, idp: IdentityProvider, raw: str, now: datetime, types: frozenset[str]
) -> SignedToken:
    """Return a token whose signature holds for this provider; raises a `SignInError`.

    `types`: what its `typ` may say, in lower case; a token without one is taken. A key that is not known, or a signature
    that does not hold, may mean that the provider changed its keys: they are fetched again once, if that was not done lately.
    """
    token = read_token(raw)
    check_type(token, types)
    check_algorithm(token, idp)
    keys = await directory.keys(idp, now)
    try:
        check_signature(token, choose_key(token, keys))
    except (TokenKeyUnknownError, TokenSignatureError):
        fresh = await directory.renewed_keys(idp, now)
        if fresh is None or fresh == keys:
            raise
        check_signature(token, choose_key(token, fresh))
    return token


def read_token(raw: str) -> SignedToken:
    """Take a token apart without believing it; raises `TokenUnreadableError`."""
    try:
        found = jwt.decode_complete(raw, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise TokenUnreadableError from error
    return SignedToken(raw, found["header"], found["payload"])


def check_type(token: SignedToken, types: frozenset[str]) -> None:
    """A token made for one thing is not taken for another (RFC 8725 §3.11)."""
    said = token.header.get("typ")
    if said is not None and (not isinstance(said, str) or said.lower().removeprefix("application/") not in types):
        raise TokenTypeError


def check_algorithm(token: SignedToken, idp: IdentityProvider) -> None:
    """The algorithm is one that was configured: never `none`, never one of a shared secret (RFC 8725 §3.1)."""
    if token.header.get("alg") not in idp.algorithms:
        raise TokenAlgorithmError


def choose_key(token: SignedToken, keys: Sequence[Key]) -> Key:
    """Return the one key that can have signed a token; raises `TokenKeyUnknownError` or `TokenKeyAmbiguousError`.

    With a `kid` it is the key of that name; without one there must be a single key that fits the algorithm.
    """
    algorithm, kid = str(token.header.get("alg")), token.header.get("kid")
    fitting = [key for key in keys if _fits(key, algorithm) and (kid is None or key.kid == kid)]
    if not fitting:
        raise TokenKeyUnknownError
    check_one_key(fitting)
    return fitting[0]


def check_one_key(fitting: Sequence[Key]) -> None:
    """No guessing among keys: a key that was withdrawn for one use must not sign for another."""
    if len(fitting) > 1:
        raise TokenKeyAmbiguousError


def _fits(key: Key, algorithm: str) -> bool:
    """Whether a published key is one for signatures with this algorithm (RFC 7517 §4.1 to §4.4)."""
    kind = "EC" if algorithm.startswith("ES") else "RSA"
    curve_fits = kind == "RSA" or key.document.get("crv") == _CURVES[algorithm]
    return key.kind == kind and curve_fits and key.algorithm in {None, algorithm}


def check_signature(token: SignedToken, key: Key) -> None:
    """The signature holds, with a key that is long enough (RSA of 2048 bits)."""
    algorithm = str(token.header["alg"])
    try:
        jwt.decode_complete(
            token.raw,
            jwt.PyJWK(dict(key.document), algorithm).key,
            algorithms=[algorithm],
            options=_SIGNATURE_ONLY,
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise TokenSignatureError from error


def check_issuer(claims: Mapping[str, Any], idp: IdentityProvider) -> None:
    """The token is this issuer's, character by character (OpenID Connect Core §3.1.3.7, 2)."""
    if claims.get("iss") != idp.issuer:
        raise TokenIssuerError


def check_audience(claims: Mapping[str, Any], idp: IdentityProvider) -> None:
    """The token is for us and for nobody else: we trust no other audience (OpenID Connect Core §3.1.3.7, 3)."""
    if claims.get("aud") not in (idp.client_id, [idp.client_id]):
        raise TokenAudienceError


def check_party(claims: Mapping[str, Any], idp: IdentityProvider) -> None:
    """Whoever the token was issued to, if it says so, is us (OpenID Connect Core §3.1.3.7, 5)."""
    if claims.get("azp") not in (None, idp.client_id):
        raise TokenPartyError


def check_expiry(claims: Mapping[str, Any], idp: IdentityProvider, now: datetime) -> None:
    """The token has not expired, clocks that differ by the leeway allowed for (OpenID Connect Core §3.1.3.7, 9)."""
    if now.timestamp() - idp.leeway_s >= instant(claims, "exp"):
        raise TokenExpiredError


def check_not_from_the_future(claims: Mapping[str, Any], idp: IdentityProvider, now: datetime) -> None:
    """The token was issued before now, and is valid already, clocks that differ by the leeway allowed for (RFC 7519 §4.1)."""
    latest = now.timestamp() + idp.leeway_s
    if instant(claims, "iat") > latest or (claims.get("nbf") is not None and instant(claims, "nbf") > latest):
        raise TokenTooNewError


def instant(claims: Mapping[str, Any], name: str) -> float:
    """Return a NumericDate claim (RFC 7519 §2), which may have a fraction; raises `TokenUnreadableError`."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenUnreadableError
    if not math.isfinite(value) or not 0 <= value < _LATEST:
        raise TokenUnreadableError
    return float(value)
