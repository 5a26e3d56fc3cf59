"""Several writers and sweeps at once, over the same devices and practices: each thing happens once, and nothing deadlocks."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from prometheus_client import REGISTRY

from tests.conftest import NOW, settings_for
from tests.support.agent import patch_section
from tests.support.cast import Cast
from tests.support.fleet import Fleet, intake_connection, make_fleet, mood, writer_of
from tests.support.time_travel import Worker, assert_invariants
from vigie.core.batch import Form
from vigie.core.clock import wire_time
from vigie.core.db import connect
from vigie.devices.report import Accepted, Outcome, Report
from vigie.devices.writing import HeartbeatWriter
from vigie.posture.assessment import Assessor
from vigie.posture.rules.model import Policy
from vigie.settings import Settings

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WRITERS = 4


@pytest.fixture(params=["postgresql", "citus"])
def settings(fresh_database_url: str, key_file: Path, request: pytest.FixtureRequest) -> Settings:
    return settings_for(fresh_database_url, key_file, database_form=request.param)


@pytest.fixture
async def rows(fresh_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(fresh_database_url, {})
    yield connection
    await connection.close()


_WAITING_FOR_US = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"


@pytest.fixture
async def workers(settings: Settings) -> AsyncIterator[list[Worker]]:
    workers = [Worker(settings) for _ in range(3)]
    yield workers
    for worker in workers:
        await worker.close()


@pytest.fixture
async def lines(settings: Settings) -> AsyncIterator[list[asyncpg.Connection]]:
    lines = [await intake_connection(settings) for _ in range(WRITERS)]
    yield lines
    for line in lines:
        await line.close()


async def write_at_once(
    settings: Settings, lines: list[asyncpg.Connection], reports: list[Report], chance: random.Random
) -> list[tuple[Report, Outcome]]:
    """Deliver every report twice, by different writers at the same time, each in an order of its own."""
    writer = writer_of(settings)
    shares: list[list[Report]] = [[] for _ in lines]
    for report in reports:
        for number in chance.sample(range(len(lines)), 2):
            shares[number].append(report)
    for share in shares:
        chance.shuffle(share)
    written = await asyncio.gather(
        *(writer.write(line, share) for line, share in zip(lines, shares, strict=True) if share)
    )
    given = [report for share in shares for report in share]
    return list(zip(given, [outcome for outcomes in written for outcome in outcomes], strict=True))


async def test_writers_that_meet_over_devices_and_practices_count_each_report_once(
    cast: Cast, settings: Settings, lines: list[asyncpg.Connection], rows: asyncpg.Connection
) -> None:
    chance = random.Random(7)
    fleet = await make_fleet(cast, settings, 30)
    at, rounds = NOW, 12
    results: Counter[tuple[str, int, bool]] = Counter()
    for number in range(rounds):
        reports = [
            fleet.full(agent, at) if number == 0 else fleet.report(agent, at, mood(at, chance))
            for agent in fleet.agents
        ]
        for report, outcome in await write_at_once(settings, lines, reports, chance):
            assert isinstance(outcome, Accepted)
            assert not outcome.resync
            results[str(report.identity.device_id), report.sequence, outcome.duplicate] += 1
        at += HOUR
    received = {str(r["device_id"]): r["received"] for r in await rows.fetch("SELECT * FROM device_liveness")}
    assert set(results.values()) == {
        1
    }  # of the two deliveries of each report, one is accepted and one is the duplicate
    assert len(results) == 2 * rounds * len(fleet.agents)
    assert received == dict.fromkeys((agent.device_id for agent in fleet.agents), rounds)
    await assert_invariants(rows)


async def test_a_finding_is_written_again_only_when_something_about_it_differs(
    cast: Cast, settings: Settings, lines: list[asyncpg.Connection], rows: asyncpg.Connection
) -> None:
    fleet = await make_fleet(cast, settings, 1)
    (agent,), at = fleet.agents, NOW
    await writer_of(settings).write(lines[0], [fleet.full(agent, at)])
    form: Form = "citus" if settings.database_form == "citus" else "postgresql"
    patch = agent.sections["patch"]
    late = patch_section(NOW, security=1, age_days=20)
    sooner = Policy.from_mapping({"freshness": {"fresh_hours": 6}})
    other = Policy.from_mapping({"patch": {"software_pass_days": 29}})
    steps: list[tuple[str, dict[str, object], Policy, set[str]]] = [
        ("holds longer, nothing else", patch | {"source": "other"}, Policy(), set()),
        ("evidence", patch | {"collected_at": wire_time(NOW + HOUR)}, Policy(), {"ANS-2.2", "ANS-2.4", "ANS-2.5"}),
        ("evidence back", patch | {"source": "second"}, Policy(), {"ANS-2.2", "ANS-2.4", "ANS-2.5"}),
        ("threshold", patch | {"source": "third"}, other, {"ANS-2.5"}),
        ("threshold back", patch | {"source": "fourth"}, Policy(), {"ANS-2.5"}),
        ("state and reason", late, Policy(), {"ANS-2.2"}),
        ("ends sooner", late | {"source": "fifth"}, sooner, {"ANS-2.1", "ANS-2.4"}),
    ]
    for what, section, policy, expected in steps:
        at += HOUR
        writer = HeartbeatWriter(form, Assessor(form, policy=policy))
        await writer.write(lines[0], [fleet.report(agent, at, {"patch": section})])
        written = {row["control"] for row in await rows.fetch("SELECT control FROM finding WHERE assessed_at = $1", at)}
        assert written == expected, what
        await assert_invariants(rows)
    since = dict(await rows.fetch("SELECT control, since FROM finding WHERE control IN ('ANS-2.2', 'ANS-2.5')"))
    assert since == {"ANS-2.2": NOW + 6 * HOUR, "ANS-2.5": NOW}  # the state turned once, the other was only told anew


async def test_counts_that_an_accident_bent_are_counted_anew(
    cast: Cast, settings: Settings, lines: list[asyncpg.Connection], rows: asyncpg.Connection
) -> None:
    fleet = await make_fleet(cast, settings, 3)
    writer = writer_of(settings)
    await writer.write(lines[0], [fleet.full(agent, NOW) for agent in fleet.agents])
    bent = """UPDATE posture SET controls = jsonb_set(controls, '{ANS-2.2,counts}', '{"warn": 4}') WHERE controls <> '{}'"""
    await rows.execute(bent)
    with pytest.raises(AssertionError):
        await assert_invariants(rows)
    at = NOW + HOUR
    late = {"patch": patch_section(at, security=2, age_days=40)}
    await writer.write(lines[0], [fleet.report(agent, at, late) for agent in fleet.agents])
    await assert_invariants(rows)


async def test_sweeps_at_once_tell_each_change_once(
    cast: Cast, settings: Settings, lines: list[asyncpg.Connection], workers: list[Worker], rows: asyncpg.Connection
) -> None:
    fleet = await make_fleet(cast, settings, 30)
    reports = [fleet.full(agent, NOW) for agent in fleet.agents]
    await writer_of(settings).write(lines[0], reports)
    for now in (NOW + 3 * HOUR, NOW + 25 * HOUR, NOW + 7 * DAY + HOUR, NOW + 9 * DAY, NOW + 32 * DAY):
        await asyncio.gather(*(worker.run(now) for worker in workers))
        await workers[0].run(now)
        await assert_invariants(rows)
    told = Counter(
        (event["kind"], event["device_id"]) for event in await rows.fetch("SELECT kind, device_id FROM event")
    )
    assert [told["device.silent", identity.device_id] for identity in fleet.identities.values()] == [1] * 30
    # Stale after a day and too old after a week: once each, however many looked.
    assert [told["finding.changed", identity.device_id] for identity in fleet.identities.values()] == [2] * 30


async def _live(
    fleet: Fleet, settings: Settings, lines: list[asyncpg.Connection], at: datetime, chance: random.Random
) -> None:
    """Let half of the devices report, on all lines at once; those left out may fall silent."""
    some = chance.sample(fleet.agents, len(fleet.agents) // 2)
    await write_at_once(settings, lines, [fleet.report(agent, at, mood(at, chance)) for agent in some], chance)


async def test_sweeps_against_writers_agree_on_who_is_silent_and_what_is_stale(
    cast: Cast, settings: Settings, lines: list[asyncpg.Connection], workers: list[Worker], rows: asyncpg.Connection
) -> None:
    chance = random.Random(11)
    fleet = await make_fleet(cast, settings, 30)
    await writer_of(settings).write(lines[0], [fleet.full(agent, NOW) for agent in fleet.agents])
    at = NOW
    for _ in range(16):
        at += chance.choice([3 * HOUR, 5 * HOUR, 26 * HOUR])
        await asyncio.gather(_live(fleet, settings, lines, at, chance), *(worker.run(at) for worker in workers))
        await assert_invariants(rows)
    await workers[0].run(at)
    await assert_invariants(rows)
    kinds = Counter(event["kind"] for event in await rows.fetch("SELECT kind FROM event"))
    silent = await rows.fetchval("SELECT count(*) FROM device_liveness WHERE silent_since IS NOT NULL")
    assert kinds["device.returned"] > 50
    assert kinds["device.silent"] == kinds["device.returned"] + silent


async def test_revoking_and_renaming_devices_while_they_report_never_fails(
    cast: Cast, settings: Settings, lines: list[asyncpg.Connection], rows: asyncpg.Connection
) -> None:
    chance = random.Random(3)
    fleet = await make_fleet(cast, settings, 24)
    await writer_of(settings).write(lines[0], [fleet.full(agent, NOW) for agent in fleet.agents])
    ours = [agent for agent in fleet.agents if agent.provider_id == cast.pia.provider_id]
    for number, agent in enumerate(ours):
        at = NOW + number * HOUR
        reports = [fleet.report(other, at, mood(at, chance)) for other in fleet.agents]
        _, renamed, revoked = await asyncio.gather(
            write_at_once(settings, lines, reports, chance),
            cast.pia.call("PATCH", f"/v1/devices/{agent.device_id}", json={"alias": f"poste-{number}"}),
            cast.pia.call("POST", f"/v1/devices/{ours[-1 - number].device_id}/revoke"),
        )
        assert (renamed.status_code, revoked.status_code) == (200, 200)
    assert await rows.fetchval("SELECT count(*) FROM device WHERE status = 'revoked'") == len(ours)
    await assert_invariants(rows)


async def test_archiving_a_practice_while_its_devices_report_never_fails(
    cast: Cast, settings: Settings, lines: list[asyncpg.Connection], rows: asyncpg.Connection
) -> None:
    chance = random.Random(5)
    fleet = await make_fleet(cast, settings, 24)
    await writer_of(settings).write(lines[0], [fleet.full(agent, NOW) for agent in fleet.agents])
    for number, (caller, practice) in enumerate(((cast.pia, cast.cedar), (cast.pia, cast.elm), (cast.bela, cast.fir))):
        at = NOW + (number + 1) * HOUR
        reports = [fleet.report(agent, at, mood(at, chance)) for agent in fleet.agents]
        _, answer = await asyncio.gather(
            write_at_once(settings, lines, reports, chance), caller.call("DELETE", f"/v1/practices/{practice}")
        )
        assert answer.status_code == 204
    assert await rows.fetchval("SELECT count(*) FROM device WHERE status <> 'revoked'") == 0
    assert await rows.fetchval("SELECT count(*) FROM posture") == 0


async def test_a_sweep_that_loses_a_conflict_blames_no_device(
    cast: Cast, settings: Settings, lines: list[asyncpg.Connection], workers: list[Worker], rows: asyncpg.Connection
) -> None:
    fleet = await make_fleet(cast, settings, 1)
    (device,) = fleet.identities.values()
    await writer_of(settings).write(lines[0], [fleet.full(fleet.agents[0], NOW)])
    now = NOW + 25 * HOUR
    blamed = REGISTRY.get_sample_value("vigie_job_row_failures_total", {"job": "devices.sweep"}) or 0
    async with rows.transaction():
        await rows.execute("SELECT FROM posture WHERE practice_id = $1 FOR UPDATE", device.practice_id)
        await rows.execute("SET LOCAL deadlock_timeout = '1min'")  # whoever looks first gives way: that is the sweep
        sweeping = asyncio.create_task(workers[0].run(now))  # holds the device, waits for the practice
        while not await rows.fetchval(_WAITING_FOR_US):  # noqa: ASYNC110 - a lock sends no event
            await asyncio.sleep(0.02)
        await rows.execute("SELECT FROM device_liveness WHERE device_id = $1 FOR UPDATE", device.device_id)
        with pytest.raises(asyncpg.DeadlockDetectedError):
            await sweeping
    due_at = await rows.fetchval("SELECT due_at FROM device_deadline")
    await workers[0].run(now)
    state = await rows.fetchval("SELECT state FROM finding WHERE control = 'ANS-2.4'")
    assert due_at <= now
    assert state == "warn"
    assert (REGISTRY.get_sample_value("vigie_job_row_failures_total", {"job": "devices.sweep"}) or 0) == blamed
    await assert_invariants(rows)
