"""The way back: from the query of the callback to an `Identity`, or to the one error that says why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from vigie.auth.oidc.identity import Identity
from vigie.auth.oidc.party import RelyingParty
from vigie.auth.oidc.profiles import IdentityProvider


@dataclass(frozen=True, slots=True)
class Arrival:
    """A completed sign-in. `return_to` is a path of ours, `invitation` what `begin` was given."""

    identity: Identity
    return_to: str
    invitation: str | None = field(repr=False)


async def finish(  # noqa: PLR0913 - what a callback request consists of
    party: RelyingParty,
    idp: IdentityProvider,
    *,
    query: Sequence[tuple[str, str]],
    cookies: Mapping[str, str],
    redirect_uri: str,
    now: datetime,
) -> Arrival:
    """Complete a sign-in; raises a subclass of `SignInError`. `query`: every parameter of the request, doubles included.

    Whatever happens, remove the cookie `spent_cookie` names: an attempt has one answer.
    """
    raise NotImplementedError


def spent_cookie(party: RelyingParty, query: Sequence[tuple[str, str]]) -> str | None:
    """Return the name of the cookie of the attempt that a callback answers, to be removed; None when it names none."""
    raise NotImplementedError
