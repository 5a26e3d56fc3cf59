"""Sessions, members, clients and devices that are turned away are turned away by every process within a second, under load.

Two applications over one database, as two processes are: each with caches, connections and a listener of its own. While
somebody is turned away, others go on calling both.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

from tests.conftest import PUBLIC_URL
from tests.support.agent import Agent, healthy
from tests.support.cast import Cast
from tests.support.rows import execute
from vigie.app import create_app
from vigie.core.clock import MovableClock
from vigie.core.db import Database
from vigie.settings import Settings

REFUSED = {401, 403}
ASKERS = 6


@pytest.fixture
async def processes(
    cast: Cast, settings: Settings, clock: MovableClock
) -> AsyncIterator[tuple[httpx.AsyncClient, ...]]:
    """The application of the test and a second one, each behind a client without cookies of its own."""
    app = create_app(settings, clock=clock)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as other:
        async with asyncio.timeout(5):
            while not app.state.parts.clients.alive.hearing:  # noqa: ASYNC110 - it is the news of a connection
                await asyncio.sleep(0.01)
        yield cast.http, other


@dataclass
class Somebody:
    """Who is to be turned away: how they call, who deletes what, and the same said to the database alone."""

    headers: dict[str, str]
    by: dict[str, str]
    path: str
    unheard: tuple[str, str]


async def session(cast: Cast) -> Somebody:
    """Somebody whose one session is ended."""
    zoe = await cast.zoe()
    ended = ("UPDATE session SET ended_at = now() WHERE id = :id", zoe.session_id)
    return Somebody(_cookie(zoe.http), _cookie(zoe.http), f"/v1/me/sessions/{zoe.session_id}", ended)


async def member(cast: Cast) -> Somebody:
    """Somebody whose membership is ended."""
    tom = await cast.tom()
    removed = ("UPDATE member SET removed_at = now() WHERE id = :id", tom.member_id)
    return Somebody(_cookie(tom.http), _cookie((await cast.ana()).http), f"/v1/members/{tom.member_id}", removed)


async def client(cast: Cast) -> Somebody:
    """A partner client that is revoked."""
    made = await cast.client(cast.pia, "practices:read")
    revoked = ("UPDATE partner_client SET revoked_at = now() WHERE client_id = :id", made.client_id)
    bearer = {"Authorization": f"Bearer {made.token}"}
    return Somebody(bearer, _cookie((await cast.ana()).http), f"/v1/clients/{made.client_id}", revoked)


def _cookie(browser: httpx.AsyncClient) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}


@asynccontextmanager
async def under_load(cast: Cast, processes: tuple[httpx.AsyncClient, ...]) -> AsyncIterator[list[int]]:
    """Let others call both processes all the while; gives the statuses they are answered."""
    statuses: list[int] = []
    bearer = {"Authorization": f"Bearer {cast.pia.token}"}

    async def ask(http: httpx.AsyncClient) -> None:
        while True:
            statuses.append((await http.get("/v1/practices", headers=bearer)).status_code)

    askers = [asyncio.create_task(ask(processes[number % 2])) for number in range(ASKERS)]
    try:
        yield statuses
    finally:
        for asker in askers:
            asker.cancel()
        await asyncio.gather(*askers, return_exceptions=True)


async def seconds_until(refused: Callable[[], Awaitable[bool]]) -> float:
    """Return how long it took until somebody was refused everywhere."""
    started = time.monotonic()
    async with asyncio.timeout(5):
        while not await refused():  # noqa: ASYNC110 - what it waits for happens in another process
            await asyncio.sleep(0.01)
    return time.monotonic() - started


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
@pytest.mark.parametrize("make", [session, member, client])
async def test_whoever_is_turned_away_is_refused_by_every_process_within_a_second(
    cast: Cast,
    processes: tuple[httpx.AsyncClient, ...],
    database: Database,
    make: Callable[[Cast], Awaitable[Somebody]],
    told: bool,  # noqa: FBT001 - a case
) -> None:
    who = await make(cast)

    async def statuses() -> list[int]:
        return [(await http.get("/v1/me", headers=who.headers)).status_code for http in processes]

    async def refused() -> bool:
        return set(await statuses()) <= REFUSED

    async with under_load(cast, processes) as others:
        assert await statuses() == [200, 200]
        if told:
            signs = {"Origin": PUBLIC_URL, "X-Vigie-Request": "1"}
            answer = await cast.http.request("DELETE", who.path, headers={**who.by, **signs})
            assert answer.status_code == 204, answer.text
        else:
            statement, key = who.unheard
            await execute(database, statement, id=key)
        took = await seconds_until(refused)
        assert took < 1
        assert await refused()
    assert set(others) == {200}


async def test_a_device_is_refused_by_every_process_at_once(
    cast: Cast, processes: tuple[httpx.AsyncClient, ...]
) -> None:
    devices = [await cast.device() for _ in range(2)]
    for device in devices:
        await _elsewhere(device, processes[1]).report(healthy(cast.clock.now()))  # the second process knows it now
    revoked, kept = devices
    async with under_load(cast, processes) as others:
        await cast.pia.post(f"/v1/devices/{revoked.device_id}/revoke")
        for http in processes:
            assert (await _elsewhere(revoked, http).send(revoked.heartbeat())).status_code == 403
            assert (await _elsewhere(kept, http).send(kept.heartbeat())).status_code == 200
    assert set(others) == {200}


def _elsewhere(device: Agent, http: httpx.AsyncClient) -> Agent:
    """Let a device talk to another process."""
    device.http = http
    return device
