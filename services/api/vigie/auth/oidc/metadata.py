"""What an identity provider publishes about itself: discovery document and keys, remembered for a while."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vigie.auth.oidc.profiles import IdentityProvider
from vigie.core.outbound import Outbound


@dataclass(frozen=True, slots=True)
class Metadata:
    """The endpoints of an issuer, each checked against the profile's hosts."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    names_issuer: bool


class Directory:
    """Fetches and remembers discovery documents and keys of all providers, one per process."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def metadata(self, idp: IdentityProvider, now: datetime) -> Metadata:
        """Return the endpoints of a provider; raises `ProviderAwayError` or `ProviderMetadataError`."""
        raise NotImplementedError
