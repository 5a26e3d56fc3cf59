"""What the sign-in is made of, built once per process."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from starlette.requests import Request

from vigie.auth.oidc.metadata import Directory
from vigie.auth.oidc.party import RelyingParty
from vigie.auth.oidc.profiles import IdentityProvider
from vigie.auth.used_once import UsedOnceTable
from vigie.core.clock import Clock
from vigie.core.db import Database
from vigie.core.outbound import Outbound
from vigie.core.sealing import Sealer
from vigie.people.doorstep import Doorstep
from vigie.people.errors import SignInOffError, UnknownIdentityProviderError
from vigie.people.identity_providers import IdentityProviders


@dataclass(frozen=True, slots=True)
class People:
    """The parts of people's sign-in. `party` is None where the operator has set up no sealing key: nobody signs in then."""

    database: Database
    doorstep: Doorstep
    used_once: UsedOnceTable
    providers: IdentityProviders
    outbound: Outbound
    party: RelyingParty | None
    public_url: str

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by https, and cookies are for https only."""
        return self.public_url.startswith("https://")

    def relying_party(self) -> RelyingParty:
        """Return the relying party; raises `SignInOffError` where there is none."""
        if self.party is None:
            raise SignInOffError
        return self.party

    async def identity_provider(self, idp_id: str) -> IdentityProvider:
        """Return an identity provider by its id; raises `UnknownIdentityProviderError`."""
        found = await self.providers.find(idp_id)
        if found is None:
            raise UnknownIdentityProviderError
        return found

    def redirect_uri(self, idp_id: str) -> str:
        """Return the address an identity provider sends browsers back to: one each, against mix-up."""
        return f"{self.public_url}/auth/callback/{idp_id}"

    def cookie(self, name: str) -> str:
        """Return the name of a cookie, with the `__Host-` prefix wherever browsers reach us by https (RFC 6265bis §4.1.3)."""
        return f"__Host-vigie-{name}" if self.secure else f"vigie-{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What an operator decides about signing in: the issuers, and the key that seals what browsers and database keep."""

    public_url: str
    operators: Sequence[IdentityProvider]
    sealer: Sealer | None
    outbound: Outbound


def build_people(door: Door, database: Database, signin: Database, clock: Clock) -> People:
    """Build the parts; opens no connection yet."""
    used_once = UsedOnceTable(signin, clock)
    party = None
    if door.sealer is not None:
        secure = door.public_url.startswith("https://")
        party = RelyingParty(door.outbound, Directory(door.outbound), door.sealer, used_once, secure_cookies=secure)
    providers = IdentityProviders(door.operators, database, door.sealer)
    return People(database, Doorstep(signin), used_once, providers, door.outbound, party, door.public_url)


class _Parts(Protocol):
    people: People


def people_of(request: Request) -> People:
    """Return the parts of the sign-in, which the application keeps on `app.state.parts`."""
    return cast("_Parts", request.app.state.parts).people
