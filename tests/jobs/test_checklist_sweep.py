"""With the clock moved and nobody doing anything, answers come near their end, end and lapse at their own instants."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from prometheus_client import REGISTRY

from tests.conftest import NOW, settings_for
from tests.support.cast import Cast
from tests.support.time_travel import events_of
from vigie.checklist import settling, sweep
from vigie.checklist.sweep import JOB, ChecklistSweep
from vigie.core.clock import wire_time
from vigie.core.db import Database, connect, role_url
from vigie.posture.assessment import Assessor
from vigie.settings import Settings

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CONTROL = "ANS-3.6"  # the provider answers, every six months
# Given on 17 November, good through 17 May: days of Paris, where summer time holds by then.
NOTICE, END, LAPSE = "2027-04-17T22:00:00Z", "2027-05-17T22:00:00Z", "2027-06-16T22:00:00Z"


@pytest.fixture
def settings(fresh_database_url: str, key_file: Any) -> Settings:
    return settings_for(fresh_database_url, key_file)


@pytest.fixture
async def as_worker(settings: Settings) -> AsyncIterator[tuple[ChecklistSweep, asyncpg.Connection]]:
    """The sweep as the worker process runs it, and its connection."""
    database = Database(*role_url(settings, "vigie_worker"), pool_size=1)
    connection = await connect(*role_url(settings, "vigie_worker"))
    yield ChecklistSweep(database, Assessor("postgresql")), connection
    await connection.close()
    await database.close()


Sweeping = tuple[ChecklistSweep, asyncpg.Connection]


async def finding(rows: asyncpg.Connection, control: str = CONTROL) -> tuple[str, str, str | None]:
    row = await rows.fetchrow("SELECT state, reason, valid_until FROM finding WHERE control = $1", control)
    assert row is not None
    until = row["valid_until"]
    return row["state"], row["reason"], wire_time(until) if until else None


async def answered(cast: Cast, practice: str | None = None, **said: Any) -> str:
    ana = await cast.ana()
    path = f"/v1/practices/{practice or cast.cedar}/checklist/{CONTROL}"
    answer = await ana.call("PUT", path, json={"answer": "yes", **said})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def test_an_answer_ends_step_by_step_each_at_its_instant(
    cast: Cast, as_worker: Sweeping, rows: asyncpg.Connection
) -> None:
    checklist, connection = as_worker
    given = await answered(cast)
    assert await finding(rows) == ("pass", "answered_yes", NOTICE)
    for instant, wanted in (
        (NOTICE, ("pass", "answer_expiring", END)),
        (END, ("warn", "answer_expired", LAPSE)),
        (LAPSE, ("unknown", "answer_lapsed", None)),
    ):
        before = await finding(rows)
        assert await checklist.run(connection, datetime.fromisoformat(instant) - timedelta(seconds=1)) == 0
        assert await finding(rows) == before
        assert await checklist.run(connection, datetime.fromisoformat(instant) + 2 * HOUR) == 1
        assert await finding(rows) == wanted
    told = [
        (event["kind"], wire_time(event["happened_at"]), event["payload"]["attestation"])
        for event in await events_of(rows, cast.cedar)
        if event["kind"].startswith("attestation.exp")
    ]
    assert told == [("attestation.expiring", NOTICE, given), ("attestation.expired", END, given)]
    assert await rows.fetchval("SELECT count(*) FROM checklist_deadline") == 0


async def test_a_worker_that_was_away_for_a_year_tells_the_same_story(
    cast: Cast, as_worker: Sweeping, rows: asyncpg.Connection
) -> None:
    checklist, connection = as_worker
    await answered(cast)
    now = NOW + 400 * DAY
    assert await checklist.run(connection, now) == 1
    assert await finding(rows) == ("unknown", "answer_lapsed", None)
    events = await events_of(rows, cast.cedar)
    steps = [
        (wire_time(event["happened_at"]), change["from"], change["to"])
        for event in events
        if event["kind"] == "posture.changed"
        for change in event["payload"]["controls"]
        if change["control"] == CONTROL
    ]
    assert steps == [(wire_time(NOW), None, "pass"), (END, "pass", "warn"), (LAPSE, "warn", "unknown")]
    kinds = [event["kind"] for event in events]
    assert kinds.count("attestation.expiring") == kinds.count("attestation.expired") == 1
    assert events[-1]["recorded_at"] == now
    assert await checklist.run(connection, now) == 0


async def test_an_answer_given_again_in_time_moves_the_end(
    cast: Cast, as_worker: Sweeping, rows: asyncpg.Connection
) -> None:
    checklist, connection = as_worker
    await answered(cast)
    cast.clock.move_to(NOW + 100 * DAY)
    await answered(cast)
    assert await checklist.run(connection, datetime.fromisoformat(END)) == 0
    assert (await finding(rows))[1] == "answered_yes"


async def test_an_archived_practice_is_left_alone(cast: Cast, as_worker: Sweeping, rows: asyncpg.Connection) -> None:
    checklist, connection = as_worker
    await answered(cast)
    assert (await cast.pia.call("DELETE", f"/v1/practices/{cast.cedar}")).status_code == 204
    before = len(await events_of(rows, cast.cedar))
    assert await checklist.run(connection, NOW + 400 * DAY) == 1
    assert await rows.fetchval("SELECT count(*) FROM checklist_deadline") == 0
    assert len(await events_of(rows, cast.cedar)) == before


async def test_who_finds_the_practice_held_comes_again_later(
    cast: Cast, as_worker: Sweeping, rows: asyncpg.Connection
) -> None:
    checklist, connection = as_worker
    await answered(cast)
    now = datetime.fromisoformat(END)
    async with rows.transaction():
        await rows.execute("SELECT 1 FROM posture WHERE practice_id = $1 FOR NO KEY UPDATE", cast.cedar)
        assert await checklist.run(connection, now) == 0
    assert await checklist.run(connection, now) == 1


async def test_a_practice_that_raises_is_pushed_aside_and_the_others_are_served(
    cast: Cast, as_worker: Sweeping, rows: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    checklist, connection = as_worker
    await answered(cast)
    await answered(cast, cast.elm)
    now = datetime.fromisoformat(END)
    settle = settling.settle

    async def but_not_elm(
        session: Any, assessor: Any, provider_id: Any, practices: Any, *more: Any, **named: Any
    ) -> None:
        if str(practices[0]) == cast.elm:
            raise ArithmeticError("a bad row")
        await settle(session, assessor, provider_id, practices, *more, **named)

    failures = REGISTRY.get_sample_value("vigie_job_row_failures_total", {"job": JOB}) or 0
    monkeypatch.setattr(sweep, "settle", but_not_elm)
    await checklist.run(connection, now)
    due = dict(await rows.fetch("SELECT practice_id::text, due_at FROM checklist_deadline"))
    assert due == {cast.cedar: datetime.fromisoformat(LAPSE), cast.elm: now + HOUR}
    assert REGISTRY.get_sample_value("vigie_job_row_failures_total", {"job": JOB}) == failures + 1
    monkeypatch.undo()
    assert await checklist.run(connection, now + HOUR) == 1
    assert await rows.fetchval("SELECT min(due_at) FROM checklist_deadline") == datetime.fromisoformat(LAPSE)


async def test_two_workers_tell_an_end_once(
    cast: Cast, as_worker: Sweeping, rows: asyncpg.Connection, settings: Settings
) -> None:
    checklist, connection = as_worker
    await answered(cast)
    database = Database(*role_url(settings, "vigie_worker"), pool_size=1)
    other = await connect(*role_url(settings, "vigie_worker"))
    now = datetime.fromisoformat(END)
    second = ChecklistSweep(database, Assessor("postgresql"))
    done = await asyncio.gather(checklist.run(connection, now), second.run(other, now))
    await other.close()
    await database.close()
    assert sum(done) == 1
    kinds = [event["kind"] for event in await events_of(rows, cast.cedar)]
    assert kinds.count("attestation.expired") == 1
