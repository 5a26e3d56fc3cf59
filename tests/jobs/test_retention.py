"""Forgetting: what is past its time goes, by each provider's own rows, and nothing that anything rests on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.conftest import NOW, settings_for
from tests.support.agent import healthy
from tests.support.cast import Cast
from tests.support.records import done
from tests.support.refusals import refusal
from tests.support.rows import holdings
from vigie.audit.reading import verify_live
from vigie.core.clock import MovableClock
from vigie.core.db import Database, connect, role_url
from vigie.core.ids import uuid7
from vigie.core.jobs import Job
from vigie.core.retention import MONTH, Period
from vigie.reports.models import Report
from vigie.reports.verifying import is_anchored
from vigie.retention import KINDS, Retention
from vigie.settings import Settings
from vigie.worker import ensure_partitions, retention_job

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
MONTHS: dict[Period, int] = {
    "presence": 25, "backup_runs": 25, "history": 13, "events": 13, "alerts": 13, "access": 6
}  # fmt: skip
# A row of each kind as of an instant: how it comes into its table. $1 is the provider, $2 the instant, $3 the practice, $4 a device
# of it, $5 an id, $6 somebody.
ROWS = {
    "presence": "device_presence VALUES ($1, $4, ($2::timestamptz AT TIME ZONE 'UTC')::date, 1, 0)",
    "silences": "device_silence (provider_id, device_id, since, until, practice_id, told_at, cause, evidence)"
    " VALUES ($1, $4, $2, $2, $3, $2, 'unknown', '{}')",
    "lines": "practice_line (provider_id, practice_id, since, until, told_at, evidence) VALUES ($1, $3, $2, $2, $2, '{}')",
    "backup_runs": "backup_run VALUES ($1, $4, 'nightly', $2, $3, 'success', 'report', 1, '{}')",
    "alerts": "alert (provider_id, id, practice_id, cause, severity, status, rank, opened_at, closed_at, condition_since, flapping,"
    " reopenings, members, changed_at) VALUES ($1, $5, $3, 'line', 'critical', 'closed', 100, $2, $2, $2, false, 0, '[]', $2)",
    "alert_entries": "alert_entry (provider_id, alert_id, id, at, kind, detail) SELECT $1, id, $5, $2, 'opened', '{}' FROM alert"
    " WHERE provider_id = $1 AND opened_at = $2",
    "notifications": "notification (provider_id, id, member_id, kind, data, wanted_at, due_at, status, settled_at)"
    " VALUES ($1, $5, $6, 'alert', '{}', $2, $2, 'sent', $2)",
    "notification_attempts": "notification_attempt SELECT $1, id, 1, $2, $2, 'sent', NULL, NULL FROM notification"
    " WHERE provider_id = $1 AND wanted_at = $2",
    "suppressions": "suppression (provider_id, id, kind, why, data, wanted_at) VALUES ($1, $5, 'alert', 'quiet', '{}', $2)",
    "sessions": "session (provider_id, id, secret_hash, member_id, account_id, identity_provider, issuer, created_at, seen_at,"
    " idle_s, expires_at, ended_at) SELECT $1, $5, sha256($5::text::bytea), $6, account_id, 'psc', 'https://issuer.test', $2, $2,"
    " 60, $2::timestamptz + interval '40 days', $2 FROM member WHERE id = $6",
    "invitations": "invitation (provider_id, id, rpps, role, limited, practices, label, created_at, created_by, expires_at)"
    " VALUES ($1, $5, '10003456786', 'owner', false, '{}', 'Dr Paz', $2, 'Ana', $2)",
    "enrolment_codes": "enrolment_token (provider_id, id, practice_id, token_hash, label, needs_approval, use_limit, uses,"
    " created_at, expires_at) VALUES ($1, $5, $3, sha256($5::text::bytea), 'x', false, 1, 0, $2, $2)",
    "unused_files": "evidence (provider_id, practice_id, id, name, media_type, size, sha256, content, uploaded_at, side, member_id,"
    " author_name) VALUES ($1, $3, $5, 'a.pdf', 'application/pdf', 1, 'x', 'x', $2, 'practice', $6, 'Zoe')",
    "idempotency_keys": "idempotency_key VALUES ($1, $5::text, 'x', 201, '{}', $2, $2)",
}
AGES = {
    **dict.fromkeys(("presence", "silences", "lines", "backup_runs"), 25 * MONTH),
    **dict.fromkeys(("alerts", "alert_entries", "notifications", "notification_attempts", "suppressions"), 13 * MONTH),
    **dict.fromkeys(("sessions", "invitations", "enrolment_codes"), 6 * MONTH),
    "unused_files": MONTH,
    "idempotency_keys": timedelta(0),
}


@pytest.fixture
def settings(fresh_database_url: str, key_file: Path) -> Settings:
    """The job looks at every provider: here it finds only those of the test."""
    return settings_for(fresh_database_url, key_file)


@pytest.fixture
async def as_worker(settings: Settings) -> AsyncIterator[Database]:
    """The database as the worker sees it."""
    database = Database(*role_url(settings, "vigie_worker"), pool_size=2)
    yield database
    await database.close()


@pytest.fixture
async def job(settings: Settings, as_worker: Database, clock: MovableClock) -> AsyncIterator[Job]:
    """The job as the worker has it."""
    connection = await connect(*role_url(settings, "vigie_worker"))

    @asynccontextmanager
    async def opened() -> AsyncIterator[asyncpg.Connection]:
        yield connection

    yield retention_job(settings, opened, as_worker, clock)
    await connection.close()


class Owner:
    """A provider with a device, and rows that are put into its tables as of an instant."""

    def __init__(self, rows: asyncpg.Connection, provider_id: str, practice: str, device: str, member: str) -> None:
        self.rows, self.provider_id = rows, UUID(provider_id)
        self._own = (UUID(practice), UUID(device))
        self._member = UUID(member)

    async def put(self, kind: str, at: datetime) -> None:
        """Put a row of a kind as of an instant."""
        statement = f"INSERT INTO {ROWS[kind]}"
        values = [self.provider_id, at, *self._own, uuid7(), self._member]
        types = ("uuid", "timestamptz", "uuid", "uuid", "uuid", "uuid")
        unused = ", ".join(f"${number}::{kind}" for number, kind in enumerate(types, 1))
        await self.rows.execute(f"WITH every AS (SELECT {unused}) {statement}", *values)

    async def report_of(self, at: datetime) -> None:
        """Put what the device reported at an instant into the history."""
        await self.rows.execute(
            "INSERT INTO section_history VALUES ($1, $2, $3, 1, '{}')", self.provider_id, self._own[1], at
        )

    async def put_events(self, *at: datetime) -> None:
        """Append events of long ago, in this order, before those there are."""
        await self.rows.execute("UPDATE event SET number = number + 1000 WHERE provider_id = $1", self.provider_id)
        for number, instant in enumerate(at, start=1001 - len(at)):
            await self.rows.execute(
                "INSERT INTO event (provider_id, number, kind, happened_at, recorded_at, payload)"
                " VALUES ($1, $2, 'practice.changed', $3, $3, '{}')",
                *(self.provider_id, number, instant),
            )
        await self.rows.execute(
            "UPDATE event_head SET last_number = last_number + 1000 WHERE provider_id = $1", self.provider_id
        )


async def atlas_of(cast: Cast, rows: asyncpg.Connection) -> Owner:
    """Return Atlas with cedar-01, which has reported."""
    device = await cast.device()
    await device.report(healthy(cast.clock.now()))
    ana = await cast.ana()
    return Owner(rows, cast.pia.provider_id, cast.cedar, device.device_id, ana.member_id)


async def borea_of(cast: Cast, rows: asyncpg.Connection) -> Owner:
    """Return Borea with a device."""
    device = await cast.device(cast.fir, cast.bela)
    bea = await cast.bea()
    return Owner(rows, cast.bela.provider_id, cast.fir, device.device_id, bea.member_id)


async def told(cast: Cast, rows: asyncpg.Connection, provider: str) -> list[dict[str, Any]]:
    """Return the details of what the audit says was deleted of a provider, in order, after reading its chain whole."""
    assert (await verify_live(cast.parts.database, UUID(provider))).holds
    asked = (
        "SELECT details, actor_kind, outcome FROM audit_entry WHERE provider_id = $1 AND action = $2 ORDER BY number"
    )
    found = await rows.fetch(asked, UUID(provider), "retention.purge")
    assert {(row["actor_kind"], row["outcome"]) for row in found} <= {("system", "done")}
    return [row["details"] for row in found]


# Old, and not over: they stay however old they are.
NOT_OVER = {
    "alerts": "UPDATE alert SET status = 'open', rank = 0, closed_at = NULL WHERE provider_id = $1 AND opened_at = $2",
    "notifications": "UPDATE notification SET status = 'pending', settled_at = NULL WHERE provider_id = $1 AND wanted_at = $2",
    "silences": "UPDATE device_silence SET until = NULL WHERE provider_id = $1 AND since = $2",
    "lines": "UPDATE practice_line SET until = NULL WHERE provider_id = $1 AND since = $2",
    "sessions": "UPDATE session SET ended_at = NULL, expires_at = now() + interval '99 years' WHERE provider_id = $1"
    " AND created_at = $2",
}


async def test_what_is_past_its_time_goes_and_what_is_a_day_too_young_stays(
    cast: Cast, rows: asyncpg.Connection, job: Job, database: Database
) -> None:
    atlas, borea, tomorrow = await atlas_of(cast, rows), await borea_of(cast, rows), NOW + DAY
    for kind, age in AGES.items():
        for owner in (atlas, borea):
            await owner.put(kind, tomorrow - age + SECOND)
    for kind, make in NOT_OVER.items():
        await atlas.put(kind, NOW - 40 * MONTH)
        await rows.execute(make, atlas.provider_id, NOW - 40 * MONTH)
    file, zoe = f"/v1/practices/{cast.cedar}/evidence", await cast.zoe()
    used = await zoe.call("POST", file, content=b"%PDF-1.7\n", headers={"Content-Type": "application/pdf"})
    given = {"answer": "yes", "evidence": [used.json()["id"]]}
    await done(zoe, "PUT", f"/v1/practices/{cast.cedar}/checklist/ANS-1.2", given)
    await rows.execute("UPDATE evidence SET uploaded_at = $1 WHERE id = $2", NOW - 40 * MONTH, UUID(used.json()["id"]))
    await atlas.put_events(tomorrow - 13 * MONTH + SECOND)
    assert await job.run() == 0
    assert (await told(cast, rows, cast.pia.provider_id), await told(cast, rows, cast.bela.provider_id)) == ([], [])
    young = await kept(database, cast)

    for kind, age in AGES.items():
        await atlas.put(kind, NOW - age - DAY)
    await atlas.put_events(NOW - 14 * MONTH, tomorrow - 13 * MONTH - SECOND)
    assert await job.run() == 0  # once a day
    cast.clock.move_to(tomorrow)
    assert await job.run() == len(ROWS) + 2
    assert await kept(database, cast) == young
    [details] = await told(cast, rows, cast.pia.provider_id)
    assert details["purged"] == dict.fromkeys(ROWS, 1) | {"events": 2}
    assert details["purged"].keys() | {"history"} == details["before"].keys() | {"history"} == set(KINDS)
    for kind, age in AGES.items():
        assert details["before"][kind] == (tomorrow - age).date().isoformat()
    assert await told(cast, rows, cast.bela.provider_id) == []
    cast.clock.move_to(tomorrow + DAY - SECOND)
    assert await job.run() == 0
    assert len(await told(cast, rows, cast.pia.provider_id)) == 1


async def kept(database: Database, cast: Cast) -> dict[str, Any]:
    """Return what both providers hold; of events only when they were recorded, for these tests number them anew."""
    found: dict[str, Any] = {}
    for provider in (cast.pia.provider_id, cast.bela.provider_id):
        tables = await holdings(database, provider)
        found[provider] = {
            name: [row["recorded_at"] for row in rows] if name == "event" else rows
            for name, rows in tables.items()
            if name not in {"retention_run", "event_head", "partner_client"}
        }
    return found


async def test_months_of_the_history_go_as_a_whole_and_keep_no_heartbeat_waiting(
    cast: Cast, rows: asyncpg.Connection, job: Job, as_worker: Database, settings: Settings
) -> None:
    atlas, borea = await atlas_of(cast, rows), await borea_of(cast, rows)
    worker = await connect(*role_url(settings, "vigie_worker"))
    await ensure_partitions(worker, cast.clock, months_back=15)
    limit = NOW - 13 * MONTH
    assert limit.month == 10  # so that October 2025 is not over
    reported = {
        atlas: ["2025-08-15T12:00:00Z", "2025-09-01T00:00:00Z", "2025-09-30T23:59:59Z", "2025-10-01T00:00:00Z"],
        borea: ["2025-08-15T12:00:00Z", "2024-03-05T12:00:00Z", "2025-10-09T00:00:00Z"],  # one fits no month there is
    }
    for owner, instants in reported.items():
        for at in instants:
            await owner.report_of(datetime.fromisoformat(at))

    async def months() -> set[str]:
        found = await rows.fetch(
            "SELECT DISTINCT to_char(received_at AT TIME ZONE 'UTC', 'YYYY-MM') FROM section_history"
        )
        return {row[0] for row in found}

    async with asyncio.timeout(20), rows.transaction():
        await rows.execute("LOCK TABLE section_history IN ROW EXCLUSIVE MODE")  # as a heartbeat that is being written
        assert await job.run() == 0
        assert await months() == {"2024-03", "2025-08", "2025-09", "2025-10", "2026-11"}
    assert await told(cast, rows, cast.pia.provider_id) == []
    second = Retention(as_worker, MONTHS)
    assert sum(await asyncio.gather(job.run(), second.run(worker, NOW))) == 5  # type: ignore[arg-type]
    assert await months() == {"2025-10", "2026-11"}
    assert [each["purged"] for each in await told(cast, rows, cast.pia.provider_id)] == [{"history": 3}]
    assert [each["purged"] for each in await told(cast, rows, cast.bela.provider_id)] == [{"history": 2}]
    left = {row[0] for row in await rows.fetch("SELECT inhrelid::regclass::text FROM pg_inherits")}
    assert {"section_history_rest", "section_history_2025_10", "section_history_2026_11"} <= left
    assert not {"section_history_2024_03", "section_history_2025_08", "section_history_2025_09"} & left
    assert [await job.run(), await worker.fetchval("SELECT drop_section_history('2025-09-01')")] == [0, False]
    await worker.close()


async def test_two_workers_delete_once_and_one_that_stopped_is_followed(
    cast: Cast, rows: asyncpg.Connection, as_worker: Database, settings: Settings
) -> None:
    atlas = await atlas_of(cast, rows)
    first, second = [await connect(*role_url(settings, "vigie_worker")) for _ in range(2)]
    retention = Retention(as_worker, MONTHS, batch=2)
    old = [NOW - 14 * MONTH + number * HOUR for number in range(5)]
    left = "SELECT count(*) FROM suppression WHERE provider_id = $1"

    async def fill() -> None:
        for at in old:
            await atlas.put("suppressions", at)

    await fill()
    both = await asyncio.gather(*(retention.run(each, NOW) for each in (first, second)))
    assert sum(both) == 5
    assert [each["purged"] for each in await told(cast, rows, cast.pia.provider_id)] == [{"suppressions": 5}]

    # The second batch waits for somebody: it is left, with what was deleted noted, until the claim runs out.
    await fill()
    now = NOW + DAY
    async with rows.transaction():
        await rows.execute(
            "SELECT FROM suppression WHERE provider_id = $1 AND wanted_at = $2 FOR UPDATE", atlas.provider_id, old[2]
        )
        await retention.run(first, now)
        assert await rows.fetchval(left, atlas.provider_id) == 3
    assert await retention.run(second, now + HOUR - SECOND) == 0
    assert len(await told(cast, rows, cast.pia.provider_id)) == 1
    assert await retention.run(second, now + HOUR) == 3
    assert [each["purged"] for each in await told(cast, rows, cast.pia.provider_id)] == [{"suppressions": 5}] * 2

    # Somebody else took the run meanwhile: what a batch deleted comes back, and is theirs to delete.
    await fill()
    now += 2 * DAY
    async with rows.transaction():
        await rows.execute(
            "SELECT FROM suppression WHERE provider_id = $1 AND wanted_at = $2 FOR UPDATE", atlas.provider_id, old[0]
        )
        running = asyncio.create_task(retention.run(first, now))
        async with asyncio.timeout(10):
            while not await rows.fetchval(  # noqa: ASYNC110 - nothing tells when somebody begins to wait for a lock
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ):
                await asyncio.sleep(0.01)
        await rows.execute("UPDATE retention_run SET claim = $2 WHERE provider_id = $1", atlas.provider_id, uuid7())
    assert await running == 0
    assert await rows.fetchval(left, atlas.provider_id) == 5
    assert await retention.run(second, now + HOUR) == 5
    for each in (first, second):
        await each.close()


async def test_reports_are_valid_and_the_feed_is_honest_when_all_they_spoke_of_is_gone(
    cast: Cast, rows: asyncpg.Connection, job: Job
) -> None:
    atlas = await atlas_of(cast, rows)
    report = await cast.pia.post(f"/v1/practices/{cast.cedar}/reports", {})
    last = (await cast.pia.get("/v1/events"))["next_after"]
    await ensure_partitions(rows, cast.clock)
    cast.clock.move_to(NOW + 40 * MONTH)
    assert await job.run() > 0  # type: ignore[operator]
    assert await rows.fetchval("SELECT count(*) FROM event WHERE provider_id = $1", atlas.provider_id) == 0
    [details] = await told(cast, rows, cast.pia.provider_id)
    assert details["purged"]["events"] == last
    assert details["purged"]["history"] == 1
    async with cast.parts.database.session(atlas.provider_id, write=False) as session:
        assert await is_anchored(session, await session.get_one(Report, (atlas.provider_id, UUID(report["id"]))))
    assert (await cast.pia.call("GET", f"/v1/reports/{report['id']}/pdf")).status_code == 200
    gone = await cast.pia.call("GET", "/v1/events?after=1")
    assert (refusal(gone), gone.json()["oldest"]) == ((410, "events.expired"), last + 1)
    resumed = {"Accept": "text/event-stream", "Last-Event-ID": "1"}
    assert refusal(await cast.pia.call("GET", "/v1/events/stream", headers=resumed)) == (410, "events.expired")
    assert (await cast.pia.get(f"/v1/events?after={last}"))["items"] == []
    await cast.pia.practice("Ash")
    assert (await cast.pia.get("/v1/events?after=0"))["items"][0]["number"] == last + 1
