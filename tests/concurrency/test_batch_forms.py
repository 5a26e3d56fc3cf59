"""Both forms of the set-based statements mean the same: the same heartbeats leave the same rows in every table."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest

from tests.conftest import NOW, PUBLIC_URL, settings_for
from tests.support.agent import Agent, backup_section, healthy, job, patch_section, storage_section
from tests.support.cast import Cast, assemble
from tests.support.database import Server, execute, in_database
from vigie.app import create_app
from vigie.core.batch import Form, Statement, fetch
from vigie.core.clock import MovableClock, wire_time
from vigie.core.db import Base, connect, role_url
from vigie.devices import statements as sql
from vigie.devices.hb1 import parse_heartbeat
from vigie.devices.report import Accepted, Behind, Identity, Outcome, Report, make_report
from vigie.devices.sweep import Sweep
from vigie.devices.writing import HeartbeatWriter
from vigie.posture.assessment import Assessor
from vigie.settings import Settings

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WRITTEN_BY_REPORTS = {
    *("backup_run", "device", "device_deadline", "device_liveness", "device_presence", "device_section"),
    *("event", "event_head", "finding", "posture", "score_day", "section_history"),
    *("device_silence", "intake_pulse", "practice_line"),
}
FORMS: tuple[Form, Form] = ("postgresql", "citus")
Sent = tuple[Agent, dict[str, Any]]
# A step is an instant and one batch: what is sent, each device at most once. No batch: the sweep runs.
Step = tuple[datetime, list[Sent] | None]


@pytest.fixture
def twins(server: Server, worker_id: str) -> Iterator[tuple[str, str]]:
    """Names of two databases: the first is there, the second becomes its copy."""
    names = (f"vigie_forms_a_{worker_id}", f"vigie_forms_b_{worker_id}")
    server.clone(names[0])
    yield names
    for name in names:
        server.drop(name)


@pytest.fixture
async def enrolled(twins: tuple[str, str], server: Server, key_file: Path) -> tuple[Cast, list[Agent]]:
    """Devices of three practices and two providers; when the application has gone, the database is copied."""
    clock = MovableClock(NOW)
    app = create_app(settings_for(in_database(server.url, twins[0]), key_file), clock=clock)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC_URL) as http,
    ):
        cast = await assemble(app_settings(server, twins[0], key_file), app.state.parts, http, clock)
        agents = [await cast.device(alias=f"poste-{n}") for n in range(4)]
        agents.append(await cast.device(cast.elm, family="linux", role="server"))
        agents += [await cast.device(cast.fir, cast.bela, alias=f"fir-{n}") for n in range(2)]
        waiting = cast.agent()
        await waiting.enrol(await cast.pia.enrolment_token(cast.cedar, needs_approval=True))
        agents.append(waiting)
    await execute(server.url, f"DROP DATABASE IF EXISTS {twins[1]} WITH (FORCE)")
    await execute(server.url, f"CREATE DATABASE {twins[1]} TEMPLATE {twins[0]}")
    return cast, agents


def app_settings(server: Server, name: str, key_file: Path) -> Settings:
    return settings_for(in_database(server.url, name), key_file)


def script(clock: MovableClock, agents: list[Agent]) -> list[Step]:
    """Twelve days: first reports, changes of every kind, refusals, silence, return."""
    pc1, pc2, pc3, late, server, fir1, fir2, waiting = agents
    steps: list[Step] = []

    def step(after: timedelta, batch: list[Sent] | None) -> None:
        steps.append((clock.now(), batch))
        clock.advance(after)

    def at() -> datetime:
        return clock.now()

    step(HOUR, [(agent, agent.heartbeat(healthy(at()))) for agent in agents if agent is not late])
    failed = job(at(), last_status="failed", last_end_at=wire_time(at()), exit_code=1)
    event = {
        "job": "srv-nightly",
        "tool": "restic",
        "status": "failed",
        "exit_code": 3,
        "target": "nas",
        "started_at": wire_time(at()),
        "ended_at": wire_time(at()),
    }
    repeated = pc1.heartbeat({"patch": patch_section(at(), security=2, age_days=40)})
    step(
        HOUR,
        [
            (pc1, repeated),
            (pc2, pc2.heartbeat()),
            (pc3, pc3.heartbeat({"backup": backup_section(at(), failed)}, ran_at=[wire_time(at() - HOUR / 2)])),
            (server, server.heartbeat(backup_events=[event])),
            (fir1, fir1.heartbeat({"storage": storage_section(at(), free_gib=2)})),
            (fir2, fir2.heartbeat({"backup": backup_section(at(), failed, job(at(), job="second"))})),
        ],
    )
    fir1.sections["storage"] = storage_section(at(), free_gib=3)  # changed and not sent: a resync is asked for
    behind = pc3.heartbeat() | {"sequence": 1}
    step(
        HOUR,
        [
            (pc1, repeated),
            (pc3, behind),
            (pc2, pc2.heartbeat(boot_ref="11111111")),
            (fir1, fir1.heartbeat({"patch": patch_section(at(), security=1, age_days=16)})),
            (waiting, waiting.heartbeat()),
        ],
    )
    step(
        HOUR, [(pc1, pc1.heartbeat(healthy(at()))), (pc2, pc2.heartbeat()), (fir1, fir1.heartbeat(dict(fir1.sections)))]
    )
    step(3 * DAY, None)
    step(HOUR, None)
    step(
        8 * DAY, [(pc2, pc2.heartbeat()), (late, late.heartbeat(healthy(at()))), (fir2, fir2.heartbeat(healthy(at())))]
    )
    step(HOUR, None)
    step(HOUR, [(agent, agent.heartbeat(healthy(at()))) for agent in (pc1, pc3, server, fir1)])
    return steps


class Side:
    """One database written in one form."""

    def __init__(self, settings: Settings, form: Form) -> None:
        self.settings, self.form = settings, form
        self.writer, self.sweep = HeartbeatWriter(form, Assessor(form)), Sweep(form, Assessor(form))

    async def play(self, steps: list[Step]) -> list[list[Outcome] | int]:
        """Write every step as the roles of production do; return what became of each."""
        intake = await connect(*role_url(self.settings, "vigie_intake"))
        worker = await connect(*role_url(self.settings, "vigie_worker"))
        try:
            return [
                await self.sweep.run(worker, at)
                if batch is None
                else await self.writer.write(intake, [await self.report(intake, *sent, at) for sent in batch])
                for at, batch in steps
            ]
        finally:
            await intake.close()
            await worker.close()

    async def report(
        self, connection: asyncpg.Connection, agent: Agent, heartbeat: dict[str, Any], at: datetime
    ) -> Report:
        """Read a heartbeat as the intake does."""
        key = (UUID(agent.provider_id), UUID(agent.device_id))
        (row,) = await fetch(connection, self.form, sql.IDENTITIES, [key])
        body = orjson.dumps(heartbeat)
        digest = str(heartbeat["sequence"]).encode() + body[-200:]
        return make_report(Identity(**row), parse_heartbeat(body), digest, at)

    async def rows(self) -> dict[str, list[str]]:
        """Every row of every table as text, in one order."""
        connection = await asyncpg.connect(*role_url(self.settings, "vigie_owner")[:1])
        try:
            return {
                table: [
                    row[0]
                    for row in await connection.fetch(f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1")  # noqa: S608
                ]
                for table in sorted(Base.metadata.tables)
            }
        finally:
            await connection.close()


@pytest.mark.slow(reason="two databases, twelve days")
async def test_both_forms_leave_the_same_rows(
    enrolled: tuple[Cast, list[Agent]], twins: tuple[str, str], server: Server, key_file: Path
) -> None:
    cast, agents = enrolled
    steps = script(cast.clock, agents)
    sides = [Side(app_settings(server, name, key_file), form) for name, form in zip(twins, FORMS, strict=True)]
    before = await sides[0].rows()
    assert before == await sides[1].rows()
    told = [await side.play(steps) for side in sides]
    rows = [await side.rows() for side in sides]
    assert told[0] == told[1]
    for table in rows[0]:
        assert rows[0][table] == rows[1][table], table
    touched = {table for table in rows[0] if rows[0][table] != before[table]}
    assert touched == WRITTEN_BY_REPORTS
    outcomes = [outcome for step in told[0] if isinstance(step, list) for outcome in step]
    assert any(isinstance(outcome, Behind) for outcome in outcomes)
    assert any(isinstance(outcome, Accepted) and outcome.duplicate for outcome in outcomes)
    assert any(isinstance(outcome, Accepted) and outcome.resync for outcome in outcomes)


COUNTED = Statement("INSERT INTO counted (provider_id, number) {source} RETURNING number", ("uuid", "bigint"))


@pytest.mark.parametrize("form", FORMS)
async def test_a_batch_larger_than_a_statement_may_be_is_written_whole(database_url: str, form: Form) -> None:
    rows = [(UUID(int=number % 2), number) for number in range(32_000)]
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("CREATE TEMPORARY TABLE counted (provider_id uuid, number bigint)")
        found = await fetch(connection, form, COUNTED, rows)
        stored = await connection.fetch("SELECT provider_id, number FROM counted")
    finally:
        await connection.close()
    assert sorted(row["number"] for row in found) == list(range(32_000))
    assert sorted(map(tuple, stored)) == sorted(rows)


async def test_no_rows_send_no_statement() -> None:
    nowhere: Any = None
    assert await asyncio.gather(*(fetch(nowhere, form, COUNTED, []) for form in FORMS)) == [[], []]
