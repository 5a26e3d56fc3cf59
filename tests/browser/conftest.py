"""A house with people and machines in it, and a browser to look at it with. One for all tests of this folder."""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.conftest import missing_tool
from tests.support.agent import Agent, backup_section, healthy, job, patch_section
from tests.support.browser import Browser as Visitor
from tests.support.chromium import browser, chromium
from tests.support.database import Server
from tests.support.house import STAFF, House, open_house, start_issuers
from vigie.core.clock import SystemClock
from vigie.demo.identity import DemoIdentity
from vigie.demo.twin import install_packages

CLOCK = SystemClock()
HOSTILE = '<script>alert(1)</script> \u202eלא\u202c 🦷 "l\'Orme" & Cie'


@dataclass(frozen=True)
class Furnished:
    """The house, its practices by name, and a machine of each."""

    house: House
    names: dict[UUID, str]
    agents: list[Agent]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of this folder share one house and one browser: they run one after another, in one process."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker(pytest.mark.xdist_group("browser"))
            item.add_marker(pytest.mark.slow(reason="a real browser, the service as it runs, identity providers"))


@pytest.fixture(scope="session")
def issuers(server: Server, tmp_path_factory: pytest.TempPathFactory, key_file: Path) -> Iterator[DemoIdentity]:
    if chromium() is None:
        missing_tool("chromium")
    install_packages(Path(__file__).parent)
    name = f"vigie_browser_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    found = start_issuers(tmp_path_factory.mktemp("house"), server.clone(name), key_file)
    yield found
    found.stop()
    server.drop(name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def furnished(issuers: DemoIdentity) -> AsyncIterator[Furnished]:
    """The service with its worker; seven practices, one of them hostile by name, each with a machine that has reported."""
    async with (
        open_house(issuers, with_worker=True) as house,
        httpx.AsyncClient(base_url=house.url) as http,
        httpx.AsyncClient(base_url=house.url) as line,
    ):
        await _alert_at_once(house)
        form = {"grant_type": "client_credentials"}
        client = (house.client["client_id"], house.client["client_secret"])
        token = (await http.post("/oauth/token", data=form, auth=client)).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        names = {practice: f"Cabinet {number}" for number, practice in enumerate(house.practices)}
        names[house.practices[0]] = "Cabinetdentaireducèdre" * 22  # a word that no line holds
        names[house.practices[6]] = (HOSTILE * 20)[:500].strip()
        for practice in (house.practices[0], house.practices[6]):
            changed = await http.patch(f"/v1/practices/{practice}", json={"name": names[practice]})
            assert changed.status_code == 200, changed.text
        agents = [await _machine(http, line, practice, place) for place, practice in enumerate(house.practices)]
        yield Furnished(house, names, agents)


async def _alert_at_once(house: House) -> None:
    """Let the owner decide that alerts open as soon as their cause is known: nobody here waits for half an hour."""
    causes = {cause: {"open_after_min": 0} for cause in ("backup", "patch", "protection")}
    async with Visitor() as visitor:
        await house.sign_in(visitor, STAFF, "Ana Lopes")
        ours = {"X-Vigie-Request": "1", "Origin": house.url}
        told = await visitor.http.put(f"{house.url}/v1/alerting-policy", json={"causes": causes}, headers=ours)
        assert told.is_success, told.text


async def _machine(http: httpx.AsyncClient, line: httpx.AsyncClient, practice: UUID, place: int) -> Agent:
    made = await http.post(f"/v1/practices/{practice}/enrolment-tokens", json={"use_limit": 9})
    agent, now = Agent(line, CLOCK, str(line.base_url).rstrip("/")), CLOCK.now()
    sections = healthy(now)
    if place % 3 == 0:  # something to look after: old updates, no backup for days
        sections["patch"] = patch_section(now, security=7, age_days=40)
        sections["backup"] = backup_section(now, job(now - timedelta(days=20)))
    assert (await agent.enrol(made.json()["token"], alias=f"poste-{place}")).is_success
    await agent.report(sections)
    return agent


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chrome(issuers: DemoIdentity) -> AsyncIterator[Browser]:  # noqa: ARG001 - skips where there is no Chromium
    async with browser() as started:
        yield started
