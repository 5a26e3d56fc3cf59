"""The way out: where the browser is sent, and the sealed record of the attempt that it takes along."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from vigie.auth.oidc.party import RelyingParty
from vigie.auth.oidc.profiles import IdentityProvider


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie to set: HttpOnly, SameSite=Lax, Path=/, no Domain; Secure when the party's cookies are. Empty value: remove it."""

    name: str
    value: str = field(repr=False)
    max_age_s: int


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser (302, no-store), and what it must bring back."""

    url: str = field(repr=False)
    cookie: Cookie
    surplus: tuple[str, ...] = ()


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

    `redirect_uri` is the callback address of this provider; `return_to` a path of ours; `invitation` an opaque string that
    comes back sealed; `reauthenticate` asks for a fresh authentication and has it checked; `cookies` are the request's:
    of attempts that are too many, `surplus` names those to remove.
    Raises `ReturnToRefusedError`, `ProviderAwayError`, `ProviderMetadataError`.
    """
    raise NotImplementedError
