"""A device or a client that is turned away is turned away everywhere: within a second, and at the latest at the commit."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import PUBLIC_URL
from tests.support.agent import Agent, healthy
from tests.support.cast import Caller, Cast
from tests.support.refusals import refusal
from tests.support.rows import execute, holdings
from vigie.app import create_app
from vigie.auth.clients import revoke_client
from vigie.core.clock import MovableClock
from vigie.core.db import Database, role_url
from vigie.settings import Settings


@pytest.fixture
async def other_app(settings: Settings, clock: MovableClock) -> AsyncIterator[FastAPI]:
    """A second process of the service: its own caches, its own connections, the same database."""
    app = create_app(settings, clock=clock)
    async with app.router.lifespan_context(app):
        await until(lambda: _is_hearing(app))
        yield app


@pytest.fixture
async def other(other_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the second process."""
    transport = httpx.ASGITransport(other_app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
        yield client


async def _is_hearing(app: FastAPI) -> bool:
    return bool(app.state.parts.clients.alive.hearing)


async def until(true: Callable[[], Awaitable[bool]], within_s: float = 5.0) -> float:
    """Return after how many seconds something became true; fail when it takes longer than `within_s`."""
    started = time.monotonic()
    async with asyncio.timeout(within_s):
        while not await true():  # noqa: ASYNC110 - what it waits for happens in another process
            await asyncio.sleep(0.01)
    return time.monotonic() - started


def elsewhere(device: Agent, other: httpx.AsyncClient) -> Agent:
    """Let the device talk to the second process."""
    device.http = other
    return device


async def known_to(device: Agent, other: httpx.AsyncClient) -> Agent:
    """Return the device after it reported through the second process, which now remembers it."""
    await elsewhere(device, other).report(healthy(device.clock.now()))
    return device


async def test_a_device_revoked_through_one_process_is_refused_by_the_other_within_a_second(
    cast: Cast, other: httpx.AsyncClient, other_app: FastAPI
) -> None:
    device = await known_to(await cast.device(), other)
    directory, key = other_app.state.parts.directory, (UUID(device.provider_id), UUID(device.device_id))

    async def remembered() -> (
        bool
    ):  # the word that it joined may come after its first report, and make it unknown again
        await device.report()
        found = directory._known.get(key)
        return found is not None and found.status == "active"

    await until(remembered)
    await cast.pia.post(f"/v1/devices/{device.device_id}/revoke")

    async def forgotten() -> bool:
        found = directory._known.get(key)
        return found is None or found.status == "revoked"

    took = await until(forgotten)
    assert took < 1
    assert refusal(await device.send(device.heartbeat())) == (403, "agent.device_revoked")


async def test_a_revoked_device_is_refused_at_once_even_by_a_process_that_was_not_told(
    cast: Cast, other: httpx.AsyncClient, other_app: FastAPI, database: Database
) -> None:
    device = await known_to(await cast.device(), other)
    # As revoking does, but nobody is notified.
    await execute(database, "UPDATE device SET status = 'revoked' WHERE id = :id", id=device.device_id)
    await execute(database, "UPDATE device_liveness SET status = 'revoked' WHERE device_id = :id", id=device.device_id)
    before = await holdings(database, cast.pia.provider_id)
    remembered = other_app.state.parts.directory._known.get((UUID(device.provider_id), UUID(device.device_id)))
    answer = await device.send(device.heartbeat(healthy(device.clock.now())))
    assert remembered.status == "active"
    assert refusal(answer) == (403, "agent.device_revoked")
    assert await holdings(database, cast.pia.provider_id) == before


async def test_a_replaced_key_is_refused_at_once_even_by_a_process_that_was_not_told(
    cast: Cast, other: httpx.AsyncClient, database: Database
) -> None:
    device = await known_to(await cast.device(), other)
    await execute(database, "UPDATE device_liveness SET key_generation = 2 WHERE device_id = :id", id=device.device_id)
    assert refusal(await device.send(device.heartbeat())) == (401, "agent.signature_invalid")


async def test_revoking_ends_what_a_device_weighs_and_leaves_its_history(cast: Cast, database: Database) -> None:
    device = await cast.device()
    await device.report(healthy(cast.clock.now()))
    before = await holdings(database, cast.pia.provider_id)
    await cast.pia.post(f"/v1/devices/{device.device_id}/revoke")
    after = await holdings(database, cast.pia.provider_id)
    practice = await cast.pia.get(f"/v1/practices/{cast.cedar}")
    assert practice["posture"]["overall"] == "unknown"
    assert practice["posture"]["devices"]["active"] == 0
    assert [after[name] for name in ("device_section", "device_deadline")] == [[], []]
    assert {row["subject_id"] for row in after["finding"]} == {UUID(cast.cedar), UUID(cast.elm)}
    assert len(after["section_history"]) == len(before["section_history"]) == 1
    assert [row["kind"] for row in after["event"]].count("device.revoked") == 1


async def test_revoking_twice_is_as_good_as_once(cast: Cast, database: Database) -> None:
    device = await cast.device()
    await cast.pia.post(f"/v1/devices/{device.device_id}/revoke")
    once = await holdings(database, cast.pia.provider_id)
    again = await cast.pia.call("POST", f"/v1/devices/{device.device_id}/revoke")
    removed = await cast.pia.call("DELETE", f"/v1/devices/{device.device_id}")
    assert (again.status_code, removed.status_code) == (200, 204)
    assert await holdings(database, cast.pia.provider_id) == once


async def test_a_revoked_device_cannot_be_approved_back(cast: Cast) -> None:
    device = await cast.device()
    await cast.pia.post(f"/v1/devices/{device.device_id}/revoke")
    answer = await cast.pia.call("POST", f"/v1/devices/{device.device_id}/approve")
    assert refusal(answer) == (409, "device.wrong_status")


async def test_the_devices_of_an_archived_practice_are_refused_everywhere(cast: Cast, other: httpx.AsyncClient) -> None:
    device, bystander = await known_to(await cast.device(), other), await known_to(await cast.device(cast.elm), other)
    await cast.pia.call("DELETE", f"/v1/practices/{cast.cedar}")
    assert refusal(await device.send(device.heartbeat())) == (403, "agent.device_revoked")
    assert (await bystander.send(bystander.heartbeat())).status_code == 200


async def _revoke(cast: Cast, client: Caller) -> None:
    database = Database(*role_url(cast.settings, "vigie_app"), pool_size=1)
    async with database.session(UUID(client.provider_id), write=True) as session:
        assert await revoke_client(session, UUID(client.provider_id), client.client_id, now=cast.clock.now())
    await database.close()


async def test_a_revoked_client_is_refused_by_every_process_within_a_second(
    cast: Cast, other: httpx.AsyncClient
) -> None:
    client = await cast.client(cast.pia, "practices:read")
    bearer = {"Authorization": f"Bearer {client.token}"}
    processes = (cast.http, other)
    before = [(await http.get("/v1/practices", headers=bearer)).status_code for http in processes]
    await _revoke(cast, client)

    async def refused() -> bool:
        answers = [await http.get("/v1/practices", headers=bearer) for http in processes]
        return {answer.status_code for answer in answers} == {401}

    took = await until(refused)
    assert before == [200, 200]
    assert took < 1
    assert refusal(await other.get("/v1/practices", headers=bearer)) == (401, "auth.unauthenticated")


async def test_a_revoked_client_gets_no_new_token_and_others_still_do(cast: Cast) -> None:
    client = await cast.client(cast.pia, "practices:read")
    await _revoke(cast, client)
    tokens = []
    for one in (client, cast.pia):
        asked = {"grant_type": "client_credentials"}
        tokens.append(await cast.http.post("/oauth/token", data=asked, auth=(one.client_id, one.client_secret)))
    refused, other = tokens
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert other.status_code == 200


async def test_a_client_is_not_revoked_by_another_provider(cast: Cast) -> None:
    database = Database(*role_url(cast.settings, "vigie_app"), pool_size=1)
    borea = UUID(cast.bela.provider_id)
    async with database.session(borea, write=True) as session:
        revoked = await revoke_client(session, borea, cast.pia.client_id, now=cast.clock.now())
    await database.close()
    assert revoked is False
    assert (await cast.pia.call("GET", "/v1/practices")).status_code == 200
