"""A house where people sign in: the API as it runs, the demo's identity providers beside it, a provider and its practices."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from tests.conftest import missing_tool
from tests.support.browser import Browser
from tests.support.service import Supervised, free_port
from vigie.cli_actions import add_provider
from vigie.demo.identity import PSC_LABEL, STAFF_LABEL, DemoIdentity, make_people, start_identity
from vigie.multiprocess import environment_of
from vigie.settings import Settings

PSC, STAFF = f"S’identifier avec {PSC_LABEL}", f"Continuer avec {STAFF_LABEL}"  # noqa: RUF001 - as it stands on the page


@dataclass
class House:
    """The API as a process, with a provider of seven practices, and the people of the demo expected there."""

    url: str
    log: Path
    identity: DemoIdentity
    provider_id: UUID
    practices: list[UUID]
    client: dict[str, str]  # the first partner client of the provider

    async def meet(self) -> None:
        """Make sure that the people are expected, as each start of the demo does."""
        await make_people(self.identity, self.provider_id, self.practices)

    async def sign_in(self, browser: Browser, door: str, who: str) -> httpx.Response:
        """Sign in by the pages: the button of a door, then the person at the identity provider."""
        await browser.open(f"{self.url}/auth/login")
        await browser.follow(door)
        return await browser.press(who)

    async def me(self, browser: Browser) -> httpx.Response:
        """Ask who is signed in, with the cookies of a browser."""
        return await browser.http.get(f"{self.url}/v1/me")


def start_issuers(data_dir: Path, database_url: str, key_file: Path) -> DemoIdentity:
    """Start the demo's identity providers, with the settings of a service that lets people in by them."""
    told: list[str] = []
    settings = Settings(
        data_dir=data_dir,
        public_url=f"http://127.0.0.1:{free_port()}",
        database_url=SecretStr(database_url),
        token_key_file=key_file,
    )
    found = start_identity(settings, free_port(), told.append)
    if found is None:
        missing_tool(" ".join(told))
        raise AssertionError
    return found


@contextlib.asynccontextmanager
async def open_house(identity: DemoIdentity, *, with_worker: bool = False) -> AsyncIterator[House]:
    """Run the service for as long as the block lasts."""
    settings = identity.settings
    log = settings.data_dir / "api.log"
    parts = [Supervised(["serve", "--port", settings.public_url.rpartition(":")[2]], environment_of(settings), log)]
    if with_worker:
        parts.append(Supervised(["worker"], environment_of(settings), settings.data_dir / "worker.log"))
    for part in parts:
        await part.start()
    try:
        await ready(settings.public_url, log)
        made = await add_provider(settings, "Atlas")
        practices = await open_practices(settings.public_url, made)
        found = House(settings.public_url, log, identity, UUID(made["provider_id"]), practices, made)
        await found.meet()
        yield found
    finally:
        for part in parts:
            await part.end()


async def ready(url: str, log: Path) -> None:
    """Wait until the API is ready; if it never is, fail with the end of its log."""
    async with httpx.AsyncClient(base_url=url) as http:
        for _ in range(600):
            with contextlib.suppress(httpx.HTTPError):
                if (await http.get("/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.1)
    pytest.fail(whole(log)[-4000:])


def whole(log: Path) -> str:
    """Return what was logged."""
    return log.read_text()


async def open_practices(url: str, made: dict[str, str]) -> list[UUID]:
    """Open seven practices through the API; return their ids."""
    async with httpx.AsyncClient(base_url=url) as http:
        form = {"grant_type": "client_credentials"}
        token = await http.post("/oauth/token", data=form, auth=(made["client_id"], made["client_secret"]))
        http.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        answers = [
            await http.post("/v1/practices", json={"name": f"Cabinet {number}", "profession": "dentist"})
            for number in range(7)
        ]
    return [UUID(answer.json()["id"]) for answer in answers]
