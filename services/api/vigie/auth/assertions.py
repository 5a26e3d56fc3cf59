"""Assertions with which partner clients authenticate (`private_key_jwt`, RFC 7523): the signature first, then what they say.

The algorithms are ours, the keys are those registered for the client, and an assertion chooses neither. Nothing of it is
explained to whoever did not sign it; who did is told which claim is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import jwt
from jwt.types import Options

from vigie.auth.partner_keys import ALGORITHMS as BY_KIND
from vigie.auth.partner_keys import verifying_key

TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Final = tuple(algorithm for kind in BY_KIND.values() for algorithm in kind)
LONGEST: Final = timedelta(minutes=5)
LEEWAY: Final = timedelta(seconds=30)
_TYPES: Final = (None, "jwt", "client-authentication+jwt")
_JTI: Final = 256
_SIGNATURE_ONLY: Final[Options] = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
_LATEST: Final = 1e11  # the year 5138: what is later is no instant


class BadAssertionError(Exception):
    """The assertion does not hold."""


class UnprovenError(BadAssertionError):
    """Nobody known signed this: no key, another key, another algorithm, or no assertion at all."""


class ClaimError(BadAssertionError):
    """The client signed this, but a claim is wrong; the message says which, in the characters of RFC 6749 §5.2."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """A verified assertion: the key that signed it, and what makes it usable once."""

    kid: str
    jti: str
    until: datetime


def claimed_client(raw: str) -> str:
    """Return the client an assertion says it is from, before anything is verified; raises `UnprovenError`."""
    try:
        client_id = jwt.decode(raw, options={"verify_signature": False})["sub"]
    except (jwt.PyJWTError, KeyError, ValueError, RecursionError) as error:
        raise UnprovenError from error
    if not isinstance(client_id, str):
        raise UnprovenError
    return client_id


def verified(
    raw: str, client_id: str, keys: Mapping[str, Mapping[str, Any]], audiences: frozenset[str], now: datetime
) -> Assertion:
    """Return an assertion that holds for a client with these registered keys (JWK by `kid`).

    Raises `UnprovenError` when the signature does not, `ClaimError` when a claim does not. Whether it was used before is the
    caller's to ask (`jti`, until `until`).
    """
    header, claims = _signed(raw, keys)
    _check_parties(claims, client_id)
    _check_audience(claims, audiences)
    until = _check_times(claims, now)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _JTI:
        raise ClaimError(f"jti is missing, or no text of at most {_JTI} characters")
    return Assertion(header["kid"], jti, until)


def _signed(raw: str, keys: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of an assertion that one of the keys signed, the one that its header names."""
    try:
        header = jwt.get_unverified_header(raw)
        typ, algorithm = header.get("typ"), header["alg"]
        if (typ.lower() if isinstance(typ, str) else typ) not in _TYPES:
            raise UnprovenError
        key = verifying_key(keys[header["kid"]], algorithm)
        if key is None:
            raise UnprovenError
        return header, jwt.decode(raw, key, algorithms=[algorithm], options=_SIGNATURE_ONLY)
    except (jwt.PyJWTError, KeyError, ValueError, TypeError) as error:
        raise UnprovenError from error


def _check_parties(claims: Mapping[str, Any], client_id: str) -> None:
    """Issuer and subject are the client itself (RFC 7523 §3)."""
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise ClaimError("iss and sub must both be the client id")


def _check_audience(claims: Mapping[str, Any], audiences: frozenset[str]) -> None:
    """It is meant for us and nobody else: another server that was sent it could otherwise use it here."""
    aud = claims.get("aud")
    named = aud if isinstance(aud, list) else [aud]
    if not named or any(not isinstance(one, str) or one not in audiences for one in named):
        raise ClaimError("aud must be the issuer or the token endpoint, and nothing else")


def _check_times(claims: Mapping[str, Any], now: datetime) -> datetime:
    """It was made just now and for a moment only; return the instant after which it is refused for its age alone."""
    at, leeway = now.timestamp(), LEEWAY.total_seconds()
    issued, expires = _instant(claims, "iat"), _instant(claims, "exp")
    if issued > at + leeway or ("nbf" in claims and _instant(claims, "nbf") > at + leeway):
        raise ClaimError("iat or nbf lies in the future: set the clock")
    if expires <= at - leeway:
        raise ClaimError("exp has passed: set the clock, and make an assertion for each request")
    if expires - issued > LONGEST.total_seconds():
        raise ClaimError(f"exp must be at most {LONGEST.total_seconds():.0f} seconds after iat")
    return datetime.fromtimestamp(expires, tz=now.tzinfo) + LEEWAY


def _instant(claims: Mapping[str, Any], name: str) -> float:
    """Return a NumericDate (RFC 7519 §2)."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LATEST:
        raise ClaimError(f"{name} is missing or no number of seconds")
    return float(value)
