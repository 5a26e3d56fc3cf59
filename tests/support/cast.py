"""The cast: provider Atlas with practices Cedar and Elm, provider Borea with Fir; Pia and Bela are their partner clients.

People come when they are called: Ana owns Atlas and Bea owns Borea, Tom is a technician of Atlas who sees Cedar only, Lea one
who sees all of it, Ivo audits Atlas, Dr Paz practises at Cedar, Zoe works there.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import httpx

from tests.support.agent import Agent
from tests.support.copies import Original, copy
from tests.support.people import Person, make_person
from vigie.app import Parts
from vigie.auth.clients import create_client
from vigie.auth.principal import SCOPES, Permission
from vigie.auth.tokens import AccessToken
from vigie.cli_actions import found_provider
from vigie.core.clock import MovableClock
from vigie.core.db import Database
from vigie.people.members import Standing
from vigie.settings import Settings


@dataclass
class Caller:
    """A partner client with its token."""

    http: httpx.AsyncClient
    provider_id: str
    client_id: str
    client_secret: str
    token: str

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request as this caller; a token that ran out is fetched anew, as any client does."""
        more = options.pop("headers", {})
        answer = await self.http.request(method, path, headers={**self._bearer(), **more}, **options)
        if answer.status_code == 401:
            await self.renew()
            answer = await self.http.request(method, path, headers={**self._bearer(), **more}, **options)
        return answer

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def renew(self) -> None:
        """Fetch a new access token, if the client still can."""
        answer = await self.http.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, auth=(self.client_id, self.client_secret)
        )
        if answer.is_success:
            self.token = answer.json()["access_token"]

    async def get(self, path: str, **options: Any) -> Any:
        """GET a path, expect success, return its JSON."""
        answer = await self.call("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, json: Any = None) -> Any:
        """POST JSON, expect success, return the answer's JSON."""
        answer = await self.call("POST", path, json=json)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def practice(self, name: str, **more: Any) -> str:
        """Create a practice and return its id."""
        found = await self.post("/v1/practices", {"name": name, "profession": "dentist", **more})
        return str(found["id"])

    async def enrolment_token(self, practice_id: str, **more: Any) -> str:
        """Create an enrolment token and return its text."""
        found = await self.post(f"/v1/practices/{practice_id}/enrolment-tokens", {"label": "test", **more})
        return str(found["token"])


async def sign_in(http: httpx.AsyncClient, made: dict[str, str]) -> Caller:
    """Fetch an access token for a client."""
    answer = await http.post(
        "/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(made["client_id"], made["client_secret"]),
    )
    assert answer.status_code == 200, answer.text
    return Caller(http, made["provider_id"], made["client_id"], made["client_secret"], answer.json()["access_token"])


class Stage(NamedTuple):
    """Where a cast plays: an application, how it was set, what it is asked with, and its clock."""

    settings: Settings
    parts: Parts
    http: httpx.AsyncClient
    clock: MovableClock


@dataclass
class Cast:
    """Everybody a test may need, made through the product's own doors."""

    settings: Settings
    parts: Parts
    http: httpx.AsyncClient
    clock: MovableClock
    pia: Caller  # partner client of Atlas, every scope
    bela: Caller  # partner client of Borea, every scope
    cedar: str
    elm: str
    fir: str

    def agent(self) -> Agent:
        """Return a machine that has not enrolled yet."""
        return Agent(self.http, self.clock, self.settings.public_url)

    async def device(self, practice: str | None = None, caller: Caller | None = None, **bent: Any) -> Agent:
        """Return a device enrolled in Cedar, or in the practice given."""
        token = await (caller or self.pia).enrolment_token(practice or self.cedar)
        agent = self.agent()
        answer = await agent.enrol(token, **bent)
        assert answer.status_code == 201, answer.text
        return agent

    def refresh(self, caller: Caller) -> None:
        """Give a caller another token past the endpoint, which counts: for tests whose clock leaps more often than it allows."""
        token = AccessToken(caller.client_id, UUID(caller.provider_id), SCOPES, 1)
        caller.token = self.parts.tokens.issue(token, self.clock.now()).access_token

    async def client(self, caller: Caller, *scopes: str) -> Caller:
        """Return another client of the caller's provider, with these scopes only."""
        granted = frozenset(map(Permission, scopes))
        return await make_client(self.parts, self.http, caller.provider_id, "narrow", granted)

    async def person(self, provider_id: str, standing: Standing, name: str, subject: str | None = None) -> Person:
        """Return somebody with this standing at a provider, signed in; the same subject again is the same person."""
        return await make_person(self.parts, self.http, self.clock, provider_id, standing, name, subject)

    async def ana(self) -> Person:
        """Return the owner of Atlas."""
        return await self.person(self.pia.provider_id, Standing("owner"), "Ana")

    async def bea(self) -> Person:
        """Return the owner of Borea."""
        return await self.person(self.bela.provider_id, Standing("owner"), "Bea")

    async def tom(self) -> Person:
        """Return the technician of Atlas who sees Cedar only."""
        cedar = Standing("technician", practices=frozenset({UUID(self.cedar)}))
        return await self.person(self.pia.provider_id, cedar, "Tom")

    async def lea(self) -> Person:
        """Return the technician of Atlas who sees every practice."""
        return await self.person(self.pia.provider_id, Standing("technician"), "Lea")

    async def ivo(self) -> Person:
        """Return the auditor of Atlas."""
        return await self.person(self.pia.provider_id, Standing("auditor"), "Ivo")

    async def paz(self) -> Person:
        """Return the practitioner of Cedar."""
        return await self.person(self.pia.provider_id, Standing("practitioner", UUID(self.cedar)), "Dr Paz")

    async def zoe(self) -> Person:
        """Return the practice staff of Cedar."""
        return await self.person(self.pia.provider_id, Standing("practice_staff", UUID(self.cedar)), "Zoe")


async def make_client(
    parts: Parts, http: httpx.AsyncClient, provider_id: str, name: str, scopes: frozenset[Permission]
) -> Caller:
    """Make a partner client with its first token, on the connections the application has open."""
    now = parts.clock.now()
    async with parts.database.session(UUID(provider_id), write=True) as session:
        client_id, secret = await create_client(session, UUID(provider_id), name, scopes, by="operator", now=now)
    return _with_token(
        parts, http, {"provider_id": provider_id, "client_id": client_id, "client_secret": secret}, scopes
    )


def _with_token(
    parts: Parts, http: httpx.AsyncClient, made: dict[str, str], scopes: frozenset[Permission] = SCOPES
) -> Caller:
    """Give a client the token its endpoint would issue: the endpoint has tests of its own, and most tests need two tokens."""
    token = AccessToken(made["client_id"], UUID(made["provider_id"]), scopes, 1)
    issued = parts.tokens.issue(token, parts.clock.now())
    return Caller(http, made["provider_id"], made["client_id"], made["client_secret"], issued.access_token)


async def understudy(first: Cast, of: Original, database: Database, onto: Stage) -> Cast:
    """Return a copy of the first cast, for an application and its database."""
    renamed = await copy(database, of)

    def again(caller: Caller) -> Caller:
        made = {
            "provider_id": renamed[caller.provider_id],
            "client_id": renamed[caller.client_id],
            "client_secret": caller.client_secret,
        }
        return _with_token(onto.parts, onto.http, made)

    cedar, elm, fir = (renamed[place] for place in (first.cedar, first.elm, first.fir))
    return Cast(*onto, pia=again(first.pia), bela=again(first.bela), cedar=cedar, elm=elm, fir=fir)


async def assemble(settings: Settings, parts: Parts, http: httpx.AsyncClient, clock: MovableClock) -> Cast:
    """Make the cast of an application."""
    pia = _with_token(parts, http, await found_provider(parts.database, "Atlas"))
    bela = _with_token(parts, http, await found_provider(parts.database, "Borea"))
    return Cast(
        settings=settings,
        parts=parts,
        http=http,
        clock=clock,
        pia=pia,
        bela=bela,
        cedar=await pia.practice("Cedar", city="Lyon"),
        elm=await pia.practice("Elm"),
        fir=await bela.practice("Fir"),
    )
