"""API, worker and PostgreSQL are killed again and again under load; the agents' own ledgers prove that nothing is lost."""

import asyncio
import contextlib
import os
import random
import signal
import time
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
import psutil
import pytest

from tests.support.agent import Agent, healthy
from tests.support.cast import Caller, sign_in
from tests.support.fleet import mood
from tests.support.service import Service, running_service
from tests.support.time_travel import assert_invariants
from vigie.core.clock import SystemClock
from vigie.core.db import connect
from vigie.core.outbound import Transport
from vigie.devices.digests import section_digest

DEVICES, PRACTICES = 24, 4
SECONDS_AT_WORK = 0.5
# Each part once, and the connection of a report a second time. The moments are drawn anew in every
# run; a release repeats the round (docs/testing.md), so that a rare moment is met before a customer meets it.
ROUND = ("postmaster", "worker", "backend", "postgresql", "api", "backend")
KILLS = ROUND * int(os.environ.get("VIGIE_TEST_CRASH_ROUNDS", "1"))
CLOCK = SystemClock()
LINE_BROKEN = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


@dataclass
class Ledger:
    """What one device knows: what it sent, what was acknowledged, and what it was told in between."""

    agent: Agent
    pause_s: float
    sent: list[int] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    duplicates: int = 0
    refusals: set[str] = field(default_factory=set)
    unanswered: int = 0
    resyncs: int = 0


async def live(ledger: Ledger, ending: asyncio.Event, chance: random.Random) -> None:
    """Report until the end, never beginning a report before the last one is acknowledged."""
    while not ending.is_set():
        now = CLOCK.now()
        heartbeat = ledger.agent.heartbeat(mood(now, chance) if ledger.sent else healthy(now))
        ledger.sent.append(heartbeat["sequence"])
        await deliver(ledger, heartbeat, chance)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), ledger.pause_s * chance.uniform(0.5, 1.5))


async def deliver(ledger: Ledger, heartbeat: dict[str, Any], chance: random.Random) -> None:
    """Send the same body until the server says that it is stored."""
    while True:
        try:
            answer = await ledger.agent.send(heartbeat)
        except httpx.HTTPError:
            ledger.unanswered += 1
        else:
            if answer.status_code != 200:
                ledger.refusals.add(answer.json()["code"])
            else:
                told = answer.json()
                assert told["accepted_sequence"] == heartbeat["sequence"]
                ledger.acknowledged.append(heartbeat["sequence"])
                ledger.duplicates += told["duplicate"]
                ledger.resyncs += told["resync"]
                return
        await asyncio.sleep(chance.uniform(0.4, 1.2))


async def keep_the_worker_busy(service: Service, ending: asyncio.Event, chance: random.Random) -> None:
    """Bring deadlines forward, and let slow devices look as if they had been quiet for hours: the sweep has to act."""
    while not ending.is_set():
        with contextlib.suppress(*LINE_BROKEN):
            rows = await connect(service.database_url, {})
            try:
                await _disturb(rows, ending, chance)
            finally:
                rows.terminate()
        await asyncio.sleep(0.2)


async def _disturb(rows: asyncpg.Connection, ending: asyncio.Event, chance: random.Random) -> None:
    devices = [row["device_id"] for row in await rows.fetch("SELECT device_id FROM device_liveness ORDER BY device_id")]
    while not ending.is_set():
        async with rows.transaction():
            some = sorted(chance.sample(devices, 12))
            await rows.execute(
                "UPDATE device_liveness SET last_seen_at = last_seen_at - interval '3 h' WHERE device_id IN"
                " (SELECT device_id FROM device_liveness WHERE device_id = ANY ($1) ORDER BY device_id FOR UPDATE)"
                " AND last_seen_at > now() - interval '2 h'",
                some,
            )
            await rows.execute(
                "UPDATE device_deadline SET due_at = now(), review_at = now() WHERE device_id = ANY ($1)", some
            )
        await asyncio.sleep(0.5)


async def kill(service: Service, victim: str, chance: random.Random) -> None:
    """Kill one part without notice."""
    if victim == "api":
        service.api.kill()
    elif victim == "worker":
        service.worker.kill()
    else:
        await _kill_postgresql(service, victim, chance)


async def _kill_postgresql(service: Service, victim: str, chance: random.Random) -> None:
    async with asyncio.timeout(30):
        while (postmaster := service.postmaster()) is None or not (children := postmaster.children()):  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.1)
    chosen = {"postmaster": [postmaster], "backend": [chance.choice(children)], "postgresql": [postmaster, *children]}
    for process in chosen[victim]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


async def at_work(ledgers: list[Ledger]) -> None:
    """Wait until reports are acknowledged again, and a moment longer: every kill is to hit a service under load."""
    before = sum(len(ledger.acknowledged) for ledger in ledgers)
    async with asyncio.timeout(60):
        while sum(len(ledger.acknowledged) for ledger in ledgers) < before + len(ledgers):  # noqa: ASYNC110 - a count, not an event
            await asyncio.sleep(0.05)
    await asyncio.sleep(SECONDS_AT_WORK)


async def enrol_fleet(pia: Caller, http: httpx.AsyncClient, service: Service) -> list[Ledger]:
    """Enrol the devices; most report several times a second, some only now and then."""
    ledgers = []
    for number in range(PRACTICES):
        practice = await pia.practice(f"Practice {number}")
        token = await pia.enrolment_token(practice, use_limit=DEVICES)
        for place in range(DEVICES // PRACTICES):
            agent = Agent(http, CLOCK, service.url)
            assert (await agent.enrol(token)).status_code == 201
            ledgers.append(Ledger(agent, pause_s=6 if place % 4 == 0 else 0.2))
    return ledgers


@pytest.mark.slow(reason="kills real processes and waits for each to come back")
@pytest.mark.timeout(60 + 20 * len(KILLS))
async def test_no_acknowledged_heartbeat_is_lost_or_counted_twice_however_often_everything_is_killed() -> None:
    chance = random.Random(time.time_ns())
    async with (
        running_service() as service,
        httpx.AsyncClient(transport=Transport(), base_url=service.url, timeout=5) as http,
    ):
        pia = await sign_in(http, await service.add_provider())
        ledgers = await enrol_fleet(pia, http, service)
        ending = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for ledger in ledgers:
                group.create_task(live(ledger, ending, chance))
            group.create_task(keep_the_worker_busy(service, ending, chance))
            for victim in KILLS:
                await at_work(ledgers)
                await kill(service, victim, chance)
            await at_work(ledgers)
            ending.set()
        await service.ready()
        await assert_nothing_lost(pia, service, ledgers)
        # Asked to end, the API ends in order and then by the signal it was sent; the worker simply ends.
        assert await service.end() == [-signal.SIGTERM, 0]
        assert await service.leftovers() == set()


async def assert_nothing_lost(pia: Caller, service: Service, ledgers: list[Ledger]) -> None:
    """Assert that the server holds exactly what the devices were told it holds."""
    await pia.renew()
    shown = await _all_devices(pia)
    rows = await connect(service.database_url, {})
    stored = {str(row["device_id"]): row for row in await rows.fetch("SELECT * FROM device_liveness")}
    for ledger in ledgers:
        device = ledger.agent.device_id
        assert ledger.acknowledged == ledger.sent == list(range(1, len(ledger.sent) + 1))
        assert shown[device]["heartbeats"] == len(ledger.acknowledged)
        assert stored[device]["sequence"] == ledger.acknowledged[-1]
        sections = (await pia.get(f"/v1/devices/{device}/sections"))["items"]
        assert digests({item["section"]: item["body"] for item in sections}) == digests(ledger.agent.sections)
        assert ledger.refusals <= {"agent.busy"}, service.log_tail()
        assert ledger.resyncs == 0
    await assert_invariants(rows)
    kinds = {row["kind"]: row["n"] for row in await rows.fetch("SELECT kind, count(*) AS n FROM event GROUP BY kind")}
    silent = await rows.fetchval("SELECT count(*) FROM device_liveness WHERE silent_since IS NOT NULL")
    assert kinds.get("device.silent", 0) == kinds.get("device.returned", 0) + silent
    twice = await rows.fetchval(
        "SELECT count(*) FROM (SELECT 1 FROM section_history GROUP BY device_id, sequence HAVING count(*) > 1) AS t"
    )
    assert twice == 0
    await rows.close()
    # The test is worth something only if all that happened: reports by the hundred, broken answers, repeats, silence.
    assert sum(len(ledger.acknowledged) for ledger in ledgers) > DEVICES * len(KILLS)
    assert sum(ledger.unanswered for ledger in ledgers) > 20
    assert any(ledger.refusals for ledger in ledgers)
    assert kinds.get("device.silent", 0) > 0


def digests(sections: dict[str, dict[str, Any]]) -> dict[str, bytes]:
    """Return what the protocol compares sections by: a section collected anew and otherwise the same is the same."""
    return {name: section_digest(body) for name, body in sections.items()}


async def _all_devices(pia: Caller) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    cursor = ""
    while True:
        page = await pia.get(f"/v1/devices?limit=20{cursor}")
        found |= {item["id"]: item for item in page["items"]}
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"
