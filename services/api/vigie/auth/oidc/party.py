"""What every sign-in needs, whichever the identity provider."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vigie.auth.oidc.metadata import Directory
from vigie.core.outbound import Outbound
from vigie.core.sealing import Sealer


class UsedOnce(Protocol):
    """Remembers what may be used once, across all processes."""

    async def claim(self, kind: str, key: str, until: datetime) -> bool:
        """Return True for the first caller with this kind and key, False for everybody after; may forget after `until`."""
        ...


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """The parts of the protocol that outlive one sign-in.

    `secure_cookies` is False only where the service itself is plain http on loopback.
    """

    outbound: Outbound
    directory: Directory
    sealer: Sealer
    used_once: UsedOnce
    secure_cookies: bool = True
