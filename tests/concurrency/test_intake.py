"""The intake under load, without its database, and at its end: what was acknowledged is stored, what was not is refused."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY

from tests.conftest import NOW, settings_for
from tests.support.agent import Agent, healthy
from tests.support.cast import Cast
from tests.support.fleet import intake_connection, make_fleet, writer_of
from tests.support.line import Line
from tests.support.time_travel import assert_invariants
from vigie.core.db import connect
from vigie.devices.intake import BusyError, Intake, PoisonedError
from vigie.devices.report import Accepted, Outcome, Report
from vigie.settings import Settings

SECOND = timedelta(seconds=1)


@pytest.fixture
async def line(fresh_database_url: str) -> AsyncIterator[Line]:
    line = Line(fresh_database_url)
    await line.connect()
    yield line
    await line.cut()


@pytest.fixture
def settings(line: Line, key_file: Path) -> Settings:
    return settings_for(line.url, key_file, intake_queue=2, intake_connections=1)


@pytest.fixture
async def rows(fresh_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(fresh_database_url, {})
    yield connection
    await connection.close()


@asynccontextmanager
async def held_up(rows: asyncpg.Connection, device: Agent) -> AsyncIterator[None]:
    """Hold the row of a device, so that whoever writes its report waits until the block ends."""
    async with rows.transaction():
        await rows.execute("SELECT FROM device_liveness WHERE device_id = $1 FOR UPDATE", device.device_id)
        yield


async def heartbeats(rows: asyncpg.Connection, *devices: Agent) -> list[int]:
    """Return how many heartbeats are counted of each device."""
    counted = {str(r["device_id"]): r["received"] for r in await rows.fetch("SELECT * FROM device_liveness")}
    return [counted[device.device_id] for device in devices]


async def until(check: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not await check():  # noqa: ASYNC110 - what is waited for happens in the database
            await asyncio.sleep(0.05)


async def test_one_heartbeat_that_cannot_be_written_leaves_the_other_63_of_its_batch_acknowledged(
    cast: Cast, settings: Settings, rows: asyncpg.Connection
) -> None:
    fleet = await make_fleet(cast, settings, 64)
    reports = [fleet.full(agent, NOW) for agent in fleet.agents]
    guilty = reports[37]
    broken = {name: sent._replace(json=b'{"cut off') for name, sent in guilty.sections.items()}
    reports[37] = replace(guilty, sections=broken)
    poisoned = REGISTRY.get_sample_value("vigie_intake_poisoned_total") or 0
    outcomes = await _submit_together(settings, reports)
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    received = {str(r["device_id"]): r["received"] for r in await rows.fetch("SELECT * FROM device_liveness")}
    expected = dict.fromkeys(received, 1) | {str(guilty.identity.device_id): 0}
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 63
    assert isinstance(outcomes[37], PoisonedError)
    assert (outcomes[37].status, outcomes[37].code, len(refused)) == (500, "agent.not_stored", 1)
    assert received == expected
    assert REGISTRY.get_sample_value("vigie_intake_poisoned_total") == poisoned + 1
    assert await rows.fetchval("SELECT count(DISTINCT device_id) FROM device_section") == 63
    healed = await _submit_together(settings, [guilty])
    assert healed == [Accepted(1, duplicate=False, resync=False)]
    await assert_invariants(rows)


async def _submit_together(settings: Settings, reports: list[Report]) -> list[Outcome | BaseException]:
    """Submit reports so that they form one batch."""
    intake = Intake(lambda: intake_connection(settings), writer_of(settings), batch=64, queue=64, flushers=1)
    waiting = [asyncio.create_task(intake.submit(report)) for report in reports]
    await asyncio.sleep(0)
    intake.start()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    await intake.stop()
    return outcomes


async def test_those_on_their_way_through_the_process_share_a_transaction_and_one_alone_waits_for_nobody(
    cast: Cast, settings: Settings
) -> None:
    fleet = await make_fleet(cast, settings, 12)
    *together, alone = [fleet.full(agent, NOW) for agent in fleet.agents]
    intake = Intake(lambda: intake_connection(settings), writer_of(settings), flushers=1)
    intake.start()

    async def arrive(report: Report, turns: int) -> Outcome:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await intake.submit(report)

    async def transactions(reports: list[Report]) -> float:
        before = REGISTRY.get_sample_value("vigie_intake_batch_size_count") or 0
        outcomes = await asyncio.gather(*(arrive(report, place % 6) for place, report in enumerate(reports)))
        assert outcomes == [Accepted(1, duplicate=False, resync=False)] * len(reports)
        return (REGISTRY.get_sample_value("vigie_intake_batch_size_count") or 0) - before

    assert [await transactions([alone]), await transactions(together)] == [1, 1]
    await intake.stop()


async def test_what_comes_while_another_writes_is_one_batch_unless_that_takes_long(
    cast: Cast, settings: Settings, rows: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = await make_fleet(cast, settings, 8)
    first, *later = fleet.agents
    for patience, batches in ((60.0, 2), (0.05, len(fleet.agents))):
        monkeypatch.setattr("vigie.devices.intake._PATIENCE_S", patience)
        intake = Intake(lambda: intake_connection(settings), writer_of(settings), flushers=2)
        intake.start()
        before = REGISTRY.get_sample_value("vigie_intake_batch_size_count") or 0
        async with held_up(rows, first):
            submitted = [asyncio.create_task(intake.submit(fleet.full(first, NOW)))]
            await until(lambda: _waits(rows))
            for agent in later:
                submitted.append(asyncio.create_task(intake.submit(fleet.full(agent, NOW))))
                await asyncio.wait(submitted[-1:], timeout=0.02 if patience > 1 else 15)
            answered = [each.done() for each in submitted]
        outcomes = await asyncio.gather(*submitted)
        await intake.stop()
        assert answered == [False, *[batches > 2] * len(later)]
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        assert (REGISTRY.get_sample_value("vigie_intake_batch_size_count") or 0) - before == batches
    await assert_invariants(rows)


async def test_a_full_queue_refuses_with_503_and_a_time_to_return_and_stores_nothing_of_it(
    cast: Cast, app: FastAPI, rows: asyncpg.Connection
) -> None:
    devices = [await cast.device() for _ in range(4)]
    sent = [device.heartbeat(healthy(NOW)) for device in devices]
    intake: Intake = app.state.parts.intake
    async with held_up(rows, devices[0]):
        first = asyncio.create_task(devices[0].send(sent[0]))
        await until(lambda: _waits(rows))  # the only flusher waits for the row
        queued = [asyncio.create_task(d.send(s)) for d, s in zip(devices[1:3], sent[1:3], strict=True)]
        await until(lambda: _equal(len(intake._waiting), 2))
        refused = await devices[3].send(sent[3])
    accepted = [answer.status_code for answer in await asyncio.gather(first, *queued)]
    counted = await heartbeats(rows, *devices)
    again = await devices[3].send(sent[3])
    assert (refused.status_code, refused.json()["code"]) == (503, "agent.busy")
    assert 5 <= int(refused.headers["Retry-After"]) < 30
    assert (accepted, counted) == ([200, 200, 200], [1, 1, 1, 0])
    assert (again.status_code, again.json()["duplicate"]) == (200, False)
    await assert_invariants(rows)


async def _waits(rows: asyncpg.Connection) -> bool:
    """Whether some session waits for a lock in this database."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    await rows.execute("SELECT pg_stat_clear_snapshot()")  # inside a transaction the view would stand still
    return bool(await rows.fetchval(asked))


async def _equal(found: int, expected: int) -> bool:
    return found == expected


async def test_without_a_database_503_and_with_it_again_200_counted_once(
    cast: Cast, line: Line, rows: asyncpg.Connection
) -> None:
    known, new = await cast.device(), await cast.device()
    await known.report(healthy(NOW))
    heartbeat, first = known.heartbeat(), new.heartbeat(healthy(NOW))
    await line.cut()
    away = [await known.send(heartbeat), await new.send(first), await known.send(heartbeat)]
    await line.connect()

    async def returned() -> bool:
        answers = [await known.send(heartbeat), await new.send(first)]
        return all(answer.status_code == 200 for answer in answers)

    await until(returned)
    assert [(answer.status_code, answer.json()["code"]) for answer in away] == [(503, "agent.busy")] * 3
    assert all("Retry-After" in answer.headers for answer in away)
    assert await heartbeats(rows, known, new) == [2, 1]
    await assert_invariants(rows)


async def test_a_line_that_breaks_while_a_report_is_written_acknowledges_nothing(
    cast: Cast, line: Line, rows: asyncpg.Connection
) -> None:
    device = await cast.device()
    heartbeat = device.heartbeat(healthy(NOW))
    async with held_up(rows, device):
        sending = asyncio.create_task(device.send(heartbeat))
        await until(lambda: _waits(rows))
        await line.cut()
        answer = await sending
        await rows.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock'"  # a real server would notice the broken line when it answers
        )
    await line.connect()
    statuses: list[int] = []

    async def stored() -> bool:
        statuses.append((await device.send(heartbeat)).status_code)
        return statuses[-1] == 200

    await until(stored)
    assert (answer.status_code, set(statuses[:-1]) <= {503}) == (503, True)
    assert await heartbeats(rows, device) == [1]
    await assert_invariants(rows)


async def test_an_end_writes_what_waits_and_refuses_what_comes(
    cast: Cast, app: FastAPI, rows: asyncpg.Connection
) -> None:
    devices = [await cast.device() for _ in range(3)]
    late = await cast.device()
    intake: Intake = app.state.parts.intake
    async with held_up(rows, devices[0]):
        first = asyncio.create_task(devices[0].send(devices[0].heartbeat(healthy(NOW))))
        await until(lambda: _waits(rows))
        queued = [asyncio.create_task(device.send(device.heartbeat(healthy(NOW)))) for device in devices[1:]]
        await until(lambda: _equal(len(intake._waiting), 2))
        ending = asyncio.create_task(intake.stop())
        await asyncio.sleep(0)
        refused = await late.send(late.heartbeat(healthy(NOW)))
    await ending
    assert [answer.status_code for answer in await asyncio.gather(first, *queued)] == [200, 200, 200]
    assert (refused.status_code, refused.json()["code"]) == (503, "agent.busy")
    assert await heartbeats(rows, *devices, late) == [1, 1, 1, 0]


async def test_an_end_without_a_database_refuses_what_waits_and_comes_to_an_end(
    cast: Cast, app: FastAPI, line: Line
) -> None:
    devices = [await cast.device() for _ in range(2)]
    await line.cut()
    sending = [asyncio.create_task(device.send(device.heartbeat(healthy(NOW)))) for device in devices]
    await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        await app.state.parts.intake.stop()
        answers = await asyncio.gather(*sending)
    assert [answer.status_code for answer in answers] == [503, 503]
    # Leaving the application, with every connection broken, must not fail either: the fixture would report it.


async def test_submit_after_the_end_is_refused(cast: Cast, settings: Settings) -> None:
    fleet = await make_fleet(cast, settings, 1)
    intake = Intake(lambda: intake_connection(settings), writer_of(settings))
    intake.start()
    accepted = await intake.submit(fleet.full(fleet.agents[0], NOW))
    await intake.stop()
    with pytest.raises(BusyError):
        await intake.submit(fleet.full(fleet.agents[0], NOW + SECOND))
    assert accepted == Accepted(1, duplicate=False, resync=False)
