"""What an ID token must say before anybody is believed (OpenID Connect Core §3.1.3.7, and what that leaves open)."""

import hashlib
import logging
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from vigie.auth.oidc.authorization import Attempt
from vigie.auth.oidc.errors import (
    AssuranceRefusedError,
    AuthenticationTooOldError,
    DirectoryRefusedError,
    TokenAccessHashError,
    TokenNonceError,
    TokenSubjectError,
    TokenTooOldError,
)
from vigie.auth.oidc.metadata import Directory
from vigie.auth.oidc.professional import text
from vigie.auth.oidc.profiles import IdentityProvider
from vigie.auth.oidc.signed import (
    SignedToken,
    check_audience,
    check_expiry,
    check_issuer,
    check_not_from_the_future,
    check_party,
    instant,
    verified,
)
from vigie.core.crypto import b64url

_log = logging.getLogger(__name__)
TYPES: Final = frozenset({"jwt"})
_LONGEST_SUBJECT: Final = 255
_HASHES: Final = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


async def verified_id_token(
    directory: Directory,
    idp: IdentityProvider,
    raw: str,
    *,
    attempt: Attempt,
    access_token: str,
    now: datetime,
) -> SignedToken:
    """Return an ID token that passed every check; raises a `SignInError`."""
    token = await verified(directory, idp, raw, now, TYPES)
    claims = token.claims
    check_issuer(claims, idp)
    check_audience(claims, idp)
    check_party(claims, idp)
    check_expiry(claims, idp, now)
    check_not_from_the_future(claims, idp, now)
    check_not_older_than_attempt(claims, idp, attempt)
    check_nonce(claims, attempt)
    check_access_hash(token, access_token)
    check_subject(claims)
    check_directory(claims, idp)
    check_assurance(claims, idp)
    check_freshness(claims, idp, attempt)
    return token


def check_not_older_than_attempt(claims: Mapping[str, Any], idp: IdentityProvider, attempt: Attempt) -> None:
    """The token was issued for this attempt and not before it; `exp` alone would let an old one live for as long as it says."""
    if instant(claims, "iat") < attempt.started_at.timestamp() - idp.leeway_s:
        raise TokenTooOldError


def check_nonce(claims: Mapping[str, Any], attempt: Attempt) -> None:
    """The token answers the question that this browser asked (OpenID Connect Core §3.1.3.7, 11)."""
    if claims.get("nonce") != attempt.nonce:
        raise TokenNonceError


def check_access_hash(token: SignedToken, access_token: str) -> None:
    """The access token was issued with this ID token, where it says so (`at_hash`, OpenID Connect Core §3.1.3.6)."""
    said = token.claims.get("at_hash")
    if said is None:
        return
    digest = _HASHES[str(token.header["alg"])[-3:]](access_token.encode()).digest()
    if said != b64url(digest[: len(digest) // 2]):
        raise TokenAccessHashError


def check_subject(claims: Mapping[str, Any]) -> None:
    """The token names somebody, in a way that can be remembered: 1 to 255 characters, none of them invisible."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise TokenSubjectError
    if any(unicodedata.category(character).startswith("C") for character in subject):
        raise TokenSubjectError


def check_directory(claims: Mapping[str, Any], idp: IdentityProvider) -> None:
    """The person belongs to the directory that is let in: `tid` of Microsoft, `hd` of Google; an address says nothing."""
    if not all(_is_one_of(claims.get(claim), admitted) for claim, admitted in idp.required_claims.items()):
        raise DirectoryRefusedError


def check_assurance(claims: Mapping[str, Any], idp: IdentityProvider) -> None:
    """The person was authenticated in one of the accepted ways (`acr`); without a list of them any way is accepted."""
    if idp.accepted_acr and not _is_one_of(claims.get("acr"), idp.accepted_acr):
        _log.warning("assurance refused", extra={"idp": idp.id, "acr": text(claims.get("acr"))})
        raise AssuranceRefusedError


def check_freshness(claims: Mapping[str, Any], idp: IdentityProvider, attempt: Attempt) -> None:
    """The person was authenticated lately enough, counted back from the attempt, when that was asked for (`max_age`)."""
    if attempt.max_age_s is None:
        return
    if claims.get("auth_time") is None:
        raise AuthenticationTooOldError
    if instant(claims, "auth_time") < attempt.started_at.timestamp() - attempt.max_age_s - idp.leeway_s:
        raise AuthenticationTooOldError


def _is_one_of(value: object, admitted: frozenset[str]) -> bool:
    return isinstance(value, str) and value in admitted
