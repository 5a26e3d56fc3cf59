"""A sign-in from departure to arrival against an identity provider that may be bent: no application, no browser, no network."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.bad_idp import BadIdp, psc
from vigie.auth.oidc.authorization import Departure, begin
from vigie.auth.oidc.callback import Arrival, finish
from vigie.auth.oidc.metadata import Directory
from vigie.auth.oidc.party import RelyingParty
from vigie.auth.oidc.profiles import IdentityProvider
from vigie.core.sealing import Sealer

NOW = datetime(2026, 11, 17, 9, 30, tzinfo=UTC)
REDIRECT = "https://vigie.test/auth/callback/"


class Memory:
    """Claims in this process; the service's own keeps them in the database."""

    def __init__(self) -> None:
        self.claimed: dict[tuple[str, str], datetime] = {}

    async def claim(self, kind: str, key: str, until: datetime) -> bool:
        """Return whether this kind and key come for the first time."""
        first = (kind, key) not in self.claimed
        self.claimed.setdefault((kind, key), until)
        return first


class Scene:
    """One relying party, one provider, one browser with its cookies, one clock for all three."""

    def __init__(self, idp: IdentityProvider | None = None, **bent: Any) -> None:
        self.idp = idp or psc()
        self.far = BadIdp(self.idp, NOW)
        self.once = Memory()
        self.outbound = self.far.outbound()
        self.party = RelyingParty(self.outbound, Directory(self.outbound), Sealer(bytes(32)), self.once)
        self.cookies: dict[str, str] = {}
        self.now = NOW
        self.bend(**bent)

    def bend(self, **bent: Any) -> None:
        """Change what is named about the provider."""
        for name, value in bent.items():
            assert hasattr(self.far, name), name
            setattr(self.far, name, value)

    def pass_time(self, **amount: float) -> None:
        """Move the clock of the service and of the provider."""
        self.now += timedelta(**amount)
        self.far.now += timedelta(**amount)

    @property
    def redirect_uri(self) -> str:
        """The callback address of the provider."""
        return REDIRECT + self.idp.id

    async def depart(self, **options: Any) -> Departure:
        """Begin a sign-in and let the browser keep the cookie."""
        departure = await begin(self.party, self.idp, redirect_uri=self.redirect_uri, now=self.now, **options)
        self.cookies[departure.cookie.name] = departure.cookie.value
        return departure

    async def arrive(self, query: list[tuple[str, str]], **changed: Any) -> Arrival:
        """Come back with a query."""
        options: dict[str, Any] = {"cookies": self.cookies, "redirect_uri": self.redirect_uri, "now": self.now}
        return await finish(self.party, self.idp, query=query, **{**options, **changed})

    async def sign_in(self, **options: Any) -> Arrival:
        """Go there and back."""
        departure = await self.depart(**options)
        return await self.arrive(self.far.authorize(departure.url))
