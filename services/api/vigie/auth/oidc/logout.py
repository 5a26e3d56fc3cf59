"""Ending a session on both sides: RP-initiated logout, and back-channel logout tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from vigie.auth.oidc.party import RelyingParty
from vigie.auth.oidc.profiles import IdentityProvider


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """What a verified logout token says: end the sessions of (`issuer`, `sid`) when there is a sid, else of (`issuer`, `subject`)."""

    issuer: str
    subject: str | None = field(repr=False)
    sid: str | None = field(repr=False)


async def logout_url(  # noqa: PLR0913 - each is a parameter of the request
    party: RelyingParty,
    idp: IdentityProvider,
    *,
    id_token: str | None,
    return_uri: str,
    state: str,
    now: datetime,
) -> str | None:
    """Return where to send the browser after the local session ended, or None when the provider offers no logout.

    Raises nothing on a provider that is away: then None, too.
    """
    raise NotImplementedError


def check_logout_return(query: Sequence[tuple[str, str]], expected_state: str) -> None:
    """Check the state a logout comes back with; none at all is accepted (Pro Santé Connect was seen to drop it).

    Raises `LogoutReturnError`.
    """
    raise NotImplementedError


async def receive_logout(party: RelyingParty, idp: IdentityProvider, logout_token: str, now: datetime) -> LogoutNotice:
    """Verify a back-channel logout token (OpenID Connect Back-Channel Logout 1.0 §2.6); raises a `SignInError`.

    Answer 200 once the sessions are ended, 400 on an error, always `Cache-Control: no-store`.
    """
    raise NotImplementedError
