"""Who signed in, as the identity provider asserts it. Whether they may come in is decided by those who use it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from vigie.auth.oidc.professional import Professional, parse_professional, text
from vigie.auth.oidc.profiles import IdentityProvider
from vigie.auth.oidc.signed import SignedToken, instant

_LONGEST_NAME: Final = 160
_LONGEST_EMAIL: Final = 254


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person whose sign-in passed every check.

    The key of an account is (`issuer`, `subject`), never the e-mail address. `repr` shows no person: it may be logged.

    `email` is present only when the provider says that it verified it; `acr` is one of the accepted ones where the profile
    accepts only some; `sid` names the provider's session for back-channel logout; `id_token` is the raw token, the hint of
    an RP-initiated logout: to be stored sealed, and shown to nobody. `professional` is there for Pro Santé Connect only.
    """

    idp: str
    issuer: str
    subject: str = field(repr=False)
    acr: str | None = None
    amr: tuple[str, ...] = ()
    auth_time: datetime | None = None
    sid: str | None = field(default=None, repr=False)
    id_token: str = field(repr=False)
    given_name: str | None = field(default=None, repr=False)
    family_name: str | None = field(default=None, repr=False)
    name: str = field(default="", repr=False)
    email: str | None = field(default=None, repr=False)
    professional: Professional | None = field(default=None, repr=False)


def identify(idp: IdentityProvider, id_token: SignedToken, user_info: Mapping[str, Any]) -> Identity:
    """Put together what a verified ID token says of the authentication and the user info of the person.

    The person is read from the user info, and from the token only where that is silent.
    """
    claims, about = id_token.claims, {**id_token.claims, **user_info}
    is_psc = idp.profile == "pro_sante_connect"
    given, family = text(about.get("given_name"), _LONGEST_NAME), text(about.get("family_name"), _LONGEST_NAME)
    methods = claims.get("amr")
    return Identity(
        idp=idp.id,
        issuer=idp.issuer,
        subject=str(claims["sub"]),
        acr=text(claims.get("acr")),
        amr=tuple(filter(None, map(text, methods))) if isinstance(methods, list) else (),
        auth_time=_when(claims, "auth_time"),
        # Keycloak, and so Pro Santé Connect, gives its session id under either name
        sid=text(claims.get("sid")) or (text(claims.get("session_state")) if is_psc else None),
        id_token=id_token.raw,
        given_name=given,
        family_name=family,
        name=_name(about, given, family, is_psc=is_psc),
        email=_verified_email(about),
        professional=parse_professional(user_info) if is_psc else None,
    )


def _when(claims: Mapping[str, Any], name: str) -> datetime | None:
    return datetime.fromtimestamp(instant(claims, name), tz=UTC) if claims.get(name) is not None else None


def _name(about: Mapping[str, Any], given: str | None, family: str | None, *, is_psc: bool) -> str:
    """Return a name to show. Pro Santé Connect's `preferred_username` is the national number, which is none."""
    whole = " ".join(filter(None, (given, family)))
    if is_psc:
        return whole[:_LONGEST_NAME]
    said = text(about.get("name"), _LONGEST_NAME) or whole or text(about.get("preferred_username"), _LONGEST_NAME)
    return (said or "")[:_LONGEST_NAME]


def _verified_email(about: Mapping[str, Any]) -> str | None:
    """Return the address if the provider says it verified it, in a JSON boolean and not in words."""
    address = text(about.get("email"), _LONGEST_EMAIL)
    return address if address and "@" in address and about.get("email_verified") is True else None
