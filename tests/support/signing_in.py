"""Vigie's relying party against real identity providers, without the routes around it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.support.browser import Browser
from tests.support.identity import SECRET
from vigie.auth.oidc.authorization import begin
from vigie.auth.oidc.callback import Arrival, finish
from vigie.auth.oidc.metadata import Directory
from vigie.auth.oidc.party import RelyingParty
from vigie.auth.oidc.profiles import IdentityProvider, generic, pro_sante_connect
from vigie.auth.used_once import UsedOnceTable
from vigie.core.clock import SystemClock
from vigie.core.db import Database, role_url
from vigie.core.outbound import Outbound, Reach
from vigie.core.sealing import Sealer
from vigie.demo.twin import Twin
from vigie.settings import Settings


@asynccontextmanager
async def relying_party(settings: Settings, ca_file: Path | None = None) -> AsyncIterator[RelyingParty]:
    """Assemble the protocol as the application does, over the tests' database."""
    outbound = Outbound(ca_file=ca_file)
    database = Database(*role_url(settings, "vigie_signin"), pool_size=1)
    used_once = UsedOnceTable(database, SystemClock())
    yield RelyingParty(outbound, Directory(outbound), Sealer(b"k" * 32), used_once, secure_cookies=False)
    await database.close()


def simulated_psc(twin: Twin, client_id: str, **more: Any) -> IdentityProvider:
    """Return the profile of the twin's Pro Santé Connect."""
    credentials = {} if "certificate" in more else {"client_secret": SECRET}
    return pro_sante_connect(
        environment="simulated",
        client_id=client_id,
        issuer=twin.issuers["psc"],
        hosts=frozenset({f"localhost:{urlsplit(twin.origin).port}"}),
        reach=Reach.LOOPBACK,
        **{"token_auth": "client_secret_post", **credentials, **more},
    )


def simulated_staff(issuer: str, client_id: str, **more: Any) -> IdentityProvider:
    """Return the profile of any other issuer on this machine."""
    settings = {"id": "staff", "label": "Annuaire du prestataire", "client_secret": SECRET, "reach": Reach.LOOPBACK}
    return generic(issuer=issuer, client_id=client_id, **{**settings, **more})


@dataclass
class Journey:
    """A person's browser between a relying party and an identity provider: there and back again."""

    party: RelyingParty
    idp: IdentityProvider
    redirect_uri: str
    browser: Browser = field(default_factory=Browser)
    cookies: dict[str, str] = field(default_factory=dict)
    query: list[tuple[str, str]] = field(default_factory=list)

    async def depart(self, **more: Any) -> str:
        """Begin a sign-in; return where the browser is sent."""
        departure = await begin(
            self.party, self.idp, redirect_uri=self.redirect_uri, now=datetime.now(UTC), cookies=self.cookies, **more
        )
        self.cookies[departure.cookie.name] = departure.cookie.value
        return departure.url

    async def travel(self, who: str, **more: Any) -> None:
        """Sign in at the provider as this persona of the twin, up to the address of the callback."""
        answer = await self.browser.open(await self.depart(**more), stop_at=self.redirect_uri)
        if answer.status_code == 200:
            answer = await self.browser.press(who, stop_at=self.redirect_uri)
        self.query = parse_qsl(urlsplit(answer.headers["location"]).query)

    async def arrive(self) -> Arrival:
        """Complete the sign-in."""
        return await finish(
            self.party,
            self.idp,
            query=self.query,
            cookies=self.cookies,
            redirect_uri=self.redirect_uri,
            now=datetime.now(UTC),
        )

    async def change_browser(self) -> None:
        """Go on as somebody whom the provider has not seen yet; attempts of before stay those of the old browser."""
        await self.browser.http.aclose()
        self.browser = Browser()
        self.cookies = {}

    async def sign_in(self, who: str, **more: Any) -> Arrival:
        """Go there and back."""
        await self.travel(who, **more)
        return await self.arrive()
