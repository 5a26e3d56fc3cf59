"""The job that forgets what is kept long enough, and tells the audit what it deleted (docs/operators/retention.md).

1. Months of the history that are past their time go as a whole: counted per provider, then dropped, in one transaction.
2. Ask, without a lock, whose rows are to be looked for; each provider once a day.
3. Per provider: claim the run, then delete kind by kind in transactions of a thousand rows; each notes what it deleted and holds
   the claim a little longer. At the end one transaction writes the entry of the audit and says when to look again.

So two workers delete nothing twice and count nothing twice, and what a stopped worker had deleted stands in the entry of the run
that goes on. Nobody waits for it for long: no lock is waited for beyond half a second, and what takes too long is left for later.
"""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from vigie.alerts.retention import PURGES as OF_ALERTS
from vigie.audit.actions import Action
from vigie.audit.log import OPERATOR_CHAIN, SYSTEM, NewEntry, append
from vigie.auth.retention import PURGES as OF_SESSIONS
from vigie.checklist.retention import PURGES as OF_FILES
from vigie.core import retention as sql
from vigie.core.db import Database, bind_provider
from vigie.core.ids import uuid7
from vigie.core.metrics import JOB_OLDEST_DUE, JOB_ROW_FAILURES, JOB_ROWS, RETENTION_LAST, RETENTION_ROWS
from vigie.core.retention import IDEMPOTENCY_KEYS, Period, Purge, kept_since
from vigie.devices import retention as history
from vigie.devices.retention import PURGES as OF_DEVICES
from vigie.events.retention import PURGES as OF_EVENTS
from vigie.events.session import driver_connection
from vigie.people.retention import PURGES as OF_PEOPLE
from vigie.posture.retention import PURGES as OF_VERDICTS

log = logging.getLogger(__name__)
JOB: Final = "retention.purge"
HISTORY: Final = "history"
PURGES: Final[Sequence[Purge]] = (
    *OF_DEVICES,
    *OF_VERDICTS,
    *OF_EVENTS,
    *OF_ALERTS,
    *OF_SESSIONS,
    *OF_PEOPLE,
    *OF_FILES,
    IDEMPOTENCY_KEYS,
)
KINDS: Final = (HISTORY, *(purge.kind for purge in PURGES))
BATCH: Final = 1000
_EVERY: Final = timedelta(days=1)
_LEASE: Final = timedelta(hours=1)
_AT_ONCE: Final = 500
_MONTH: Final = re.compile(r"section_history_(\d{4})_(\d{2})")
# Every provider has a chain, and its head says nothing of it but how long it is.
_DUE: Final = """
    SELECT h.provider_id, r.due_at FROM audit_head h LEFT JOIN retention_run r ON r.provider_id = h.provider_id
    WHERE h.provider_id <> $1 AND (r.due_at IS NULL OR r.due_at <= $2) ORDER BY r.due_at NULLS FIRST LIMIT $3
"""
_PROVIDERS: Final = "SELECT provider_id FROM audit_head WHERE provider_id <> $1 ORDER BY provider_id"
# Two that count at once would each wait for the other: one for a row, the other for the partition.
_ALONE: Final = "SELECT pg_try_advisory_xact_lock($1)"
_NUMBER: Final = 7_346_105_203  # any constant of ours
_IMPATIENT: Final = "SET LOCAL lock_timeout = '500ms'"
_SHORT: Final = "SET LOCAL statement_timeout = '10s'"


class _TakenError(Exception):
    """Another worker took the run, or dropped the month: what this transaction did is undone."""


class Retention:
    """Forgets for one worker process. `database`: as the role of the worker; `months`: how many each period lasts."""

    def __init__(self, database: Database, months: Mapping[Period, int], batch: int = BATCH) -> None:
        self._database = database
        self._months = dict(months)
        self._batch = batch

    async def run(self, connection: asyncpg.Connection, now: datetime) -> int:
        """Delete what is past its time at `now`; return how many rows went. Raises only what is no fault of the rows."""
        since = kept_since(self._months, now)
        gone = await self._drop_months(connection, since["history"], now)
        tried: set[UUID] = set()
        while due := [
            row["provider_id"] for row in await self._due(connection, now) if row["provider_id"] not in tried
        ]:
            for provider_id in due:
                tried.add(provider_id)
                gone += await self._provider(connection, provider_id, since, now)
        left = [row["due_at"] or now for row in await self._due(connection, now)]
        JOB_OLDEST_DUE.labels(JOB).set(max(0.0, (now - min(left)).total_seconds()) if left else 0.0)
        if not left:
            RETENTION_LAST.set(now.timestamp())
        JOB_ROWS.labels(JOB).inc(gone)
        return gone

    async def _due(self, connection: asyncpg.Connection, now: datetime) -> list[asyncpg.Record]:
        found: list[asyncpg.Record] = await connection.fetch(_DUE, OPERATOR_CHAIN, now, _AT_ONCE)
        return found

    async def _provider(
        self, connection: asyncpg.Connection, provider_id: UUID, since: Mapping[Period, datetime], now: datetime
    ) -> int:
        """Do the run of a provider, if nobody else does; what fails is left until the claim runs out."""
        claim, gone = uuid7(), 0
        try:
            async with connection.transaction():
                await connection.execute(_IMPATIENT)
                await bind_provider(connection, provider_id)
                if await connection.fetchval(sql.CLAIM, provider_id, now, now + _LEASE, claim) is None:
                    return 0
            for purge in PURGES:
                gone += await self._purge(connection, (provider_id, claim), purge, since[purge.period], now)
            await self._finish(provider_id, claim, since, now)
        except (OSError, TimeoutError):
            raise  # nothing is wrong with the provider
        except _TakenError:
            log.info("another worker goes on", extra={"provider": str(provider_id)})
        except Exception:
            JOB_ROW_FAILURES.labels(JOB).inc()
            log.exception("provider pushed aside", extra={"provider": str(provider_id)})
        return gone

    async def _purge(
        self, connection: asyncpg.Connection, run: tuple[UUID, UUID], purge: Purge, before: datetime, now: datetime
    ) -> int:
        """Delete the old rows of one kind, batch by batch."""
        provider_id, claim = run
        total = 0
        while True:
            async with connection.transaction():
                await connection.execute(_IMPATIENT)
                await connection.execute(_SHORT)
                await bind_provider(connection, provider_id)
                done = await connection.execute(purge.statement, provider_id, before, self._batch)
                gone = int(done.rpartition(" ")[2])
                kept = (provider_id, claim, purge.kind, gone, now + _LEASE)
                if gone and await connection.fetchval(sql.COUNT_PURGED, *kept) is None:
                    raise _TakenError
            RETENTION_ROWS.labels(purge.kind).inc(gone)
            total += gone
            if gone < self._batch:
                return total

    async def _finish(self, provider_id: UUID, claim: UUID, since: Mapping[Period, datetime], now: datetime) -> None:
        """End a run: tell the audit, if anything was deleted since it was last told, and when to look again."""
        async with self._database.session(provider_id, write=True) as session:
            connection = await driver_connection(session)
            purged = await connection.fetchval(sql.FINISH, provider_id, claim, now + _EVERY)
            if purged is None:
                raise _TakenError
            if purged:
                await append(session, _entry(provider_id, purged, since), now)

    async def _drop_months(self, connection: asyncpg.Connection, before: datetime, now: datetime) -> int:
        """Drop the months of the history that ended before an instant, and what of them came into no month of its own."""
        ends_at = before.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        names = [row["name"] for row in await connection.fetch(history.MONTHS_OF_HISTORY)]
        months = {date(int(found[1]), int(found[2]), 1) for name in names if (found := _MONTH.fullmatch(name))}
        over = {month for month in months if month < ends_at.date()}
        if not over:
            return 0
        try:
            async with connection.transaction():
                await connection.execute(_IMPATIENT)
                counts = await self._count_months(connection, ends_at, now)
                await _drop(connection, over, {month for _, month in counts} - over)
        except (_TakenError, asyncpg.LockNotAvailableError):
            log.info("months of the history are dropped later, or by another worker")
            return 0
        gone = sum(counts.values())
        RETENTION_ROWS.labels(HISTORY).inc(gone)
        return gone

    async def _count_months(
        self, connection: asyncpg.Connection, ends_at: datetime, now: datetime
    ) -> dict[tuple[UUID, date], int]:
        """Note in each provider's run how many rows are about to go; return them by provider and month.

        Raises `_TakenError` while another worker counts.
        """
        if not await connection.fetchval(_ALONE, _NUMBER):
            raise _TakenError
        counts: dict[tuple[UUID, date], int] = {}
        for row in await connection.fetch(_PROVIDERS, OPERATOR_CHAIN):
            provider_id = row["provider_id"]
            await bind_provider(connection, provider_id)
            found = await connection.fetch(history.HISTORY_BEFORE, provider_id, ends_at)
            if found:
                total = sum(each["rows"] for each in found)
                await connection.execute(sql.COUNT_PURGED_BESIDE, provider_id, HISTORY, total, now)
            counts |= {(provider_id, each["month"]): each["rows"] for each in found}
        return counts


async def _drop(connection: asyncpg.Connection, over: Collection[date], loose: Collection[date]) -> None:
    """Drop months, those last whose rows fit no partition: they are given one, and go with it.

    Raises `_TakenError` when a month is gone already: then somebody else counted the same rows.
    """
    for month in sorted(over):
        if not await connection.fetchval(history.DROP_MONTH, month):
            raise _TakenError
    for month in sorted(loose):
        await connection.execute(history.MAKE_MONTH, month)
        await connection.execute(history.DROP_MONTH, month)


def _entry(provider_id: UUID, purged: Mapping[str, Any], since: Mapping[Period, datetime]) -> NewEntry:
    """Return the entry: how many rows of each kind went, and before which day."""
    periods = {purge.kind: purge.period for purge in PURGES} | {HISTORY: "history"}
    before = {kind: since[periods[kind]].date().isoformat() for kind in purged}
    return NewEntry(
        provider_id=provider_id,
        actor=SYSTEM,
        action=Action.RETENTION_PURGE,
        object_id=str(provider_id),
        details={"purged": dict(purged), "before": before},
    )
