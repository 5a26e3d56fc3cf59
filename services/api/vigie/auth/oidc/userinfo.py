"""The user info endpoint, read at once: Pro Santé Connect's access token lives for two minutes and is not kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from vigie.auth.oidc.calls import FORBIDDEN, OK, UNAUTHORIZED, call
from vigie.auth.oidc.errors import (
    UserInfoRefusedError,
    UserInfoSubjectError,
    UserInfoUnreadableError,
)
from vigie.auth.oidc.party import RelyingParty
from vigie.auth.oidc.profiles import IdentityProvider
from vigie.auth.oidc.signed import check_audience, check_issuer, verified
from vigie.core.outbound import Reply

TYPES: Final = frozenset({"jwt"})


async def read_user_info(
    party: RelyingParty, idp: IdentityProvider, endpoint: str, *, access_token: str, subject: object, now: datetime
) -> Mapping[str, Any]:
    """Return the claims about `subject`; raises a `SignInError`. The content type says whether they are signed."""
    headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json, application/jwt"}
    reply = await call(party.outbound, idp, "GET", endpoint, headers)
    if reply.status in {UNAUTHORIZED, FORBIDDEN}:
        raise UserInfoRefusedError
    if reply.status != OK:
        raise UserInfoUnreadableError
    claims = await _claims(party, idp, reply, now)
    check_same_subject(claims, subject)
    return claims


async def _claims(party: RelyingParty, idp: IdentityProvider, reply: Reply, now: datetime) -> Mapping[str, Any]:
    """Read the answer in the form that it says it has."""
    if reply.media_type == "application/jwt":
        try:
            raw = reply.body.decode("ascii").strip()
        except UnicodeDecodeError as error:
            raise UserInfoUnreadableError from error
        claims = (await verified(party.directory, idp, raw, now, TYPES)).claims
        check_addressee(claims, idp)
        return claims
    if reply.media_type != "application/json":
        raise UserInfoUnreadableError
    try:
        document = orjson.loads(reply.body)
    except orjson.JSONDecodeError as error:
        raise UserInfoUnreadableError from error
    if not isinstance(document, dict):
        raise UserInfoUnreadableError
    return document


def check_addressee(claims: Mapping[str, Any], idp: IdentityProvider) -> None:
    """Signed user info names issuer and audience; where it does, they are the right ones (OpenID Connect Core §5.3.2)."""
    if "iss" in claims:
        check_issuer(claims, idp)
    if "aud" in claims:
        check_audience(claims, idp)


def check_same_subject(claims: Mapping[str, Any], subject: object) -> None:
    """The user info speaks of whom the ID token names, or it is not used (OpenID Connect Core §5.3.2)."""
    if claims.get("sub") != subject:
        raise UserInfoSubjectError
