"""The job that follows the event log: alerts open, escalate and close, and notifications are decided, as events and time pass.

1. Ask, without a lock, which providers have news in their log, or practices whose deadline has passed.
2. Per provider, one short transaction: claim its cursor (`SKIP LOCKED`: one worker follows a provider at a time), read the news,
   run the engine over the practices concerned, write what follows, move the cursor.

Deadlines fire a little late on purpose (`lag`): an event that was recorded just before one may be committed just after it.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from vigie.alerts import follow_statements as sql
from vigie.alerts.engine_run import JOB, KINDS, Run, input_of, run_engine
from vigie.alerts.rules.model import Input
from vigie.core.batch import Form
from vigie.core.db import bind_provider
from vigie.core.metrics import JOB_OLDEST_DUE, JOB_ROWS

log = logging.getLogger(__name__)
NO_LAG: Final = timedelta(0)
LAG: Final = timedelta(seconds=2)
"""How late deadlines fire in the worker: longer than a request takes from its first look at the clock to its commit."""

_NEWS: Final = 2_000
_PRACTICES: Final = 500


class Follower:
    """Follows the logs for one worker process. `lag`: none where nobody else writes meanwhile, such as in a replay."""

    def __init__(self, form: Form, *, lag: timedelta = NO_LAG) -> None:
        self._form: Form = form
        self._lag = lag

    async def run(self, connection: asyncpg.Connection, now: datetime) -> int:
        """Take in everything recorded and due by `now`; return how many practices were looked at."""
        done = 0
        until = now - self._lag
        oldest = now
        while True:
            providers = [row["provider_id"] for row in await connection.fetch(sql.DUE_PROVIDERS, until)]
            progress = 0
            for provider_id in providers:
                moved, first = await self._provider(connection, provider_id, now, until)
                progress += moved
                oldest = min(oldest, first)
            JOB_OLDEST_DUE.labels(JOB).set(max(0.0, (now - oldest).total_seconds()))
            done += progress
            JOB_ROWS.labels(JOB).inc(progress)
            if progress == 0:  # what is left is followed by another worker
                return done

    async def _provider(
        self, connection: asyncpg.Connection, provider_id: UUID, now: datetime, until: datetime
    ) -> tuple[int, datetime]:
        """Work off a provider's news; return how much was done, and since when the oldest of it waited."""
        async with connection.transaction():
            await bind_provider(connection, provider_id)
            cursor = await _claim(connection, provider_id)
            if cursor is None:
                return 0, now
            head = await connection.fetchval(sql.HEAD, provider_id) or 0
            rows = await connection.fetch(sql.NEWS, provider_id, cursor, head, KINDS, _NEWS)
            upto = rows[-1]["number"] if len(rows) == _NEWS else head
            due = await connection.fetch(sql.DUE_PRACTICES, provider_id, until, _PRACTICES)
            for_all = any(row["practice_id"] is None for row in rows)
            busy = await connection.fetch(sql.BUSY_PRACTICES, provider_id) if for_all else []
            news = _by_practice(rows, [row["practice_id"] for row in (*due, *busy)])
            if news:
                await run_engine(connection, Run(provider_id, now, until, upto), news, self._form)
            if upto > cursor:
                await connection.execute(sql.MOVE_CURSOR, provider_id, upto)
            return len(news) or int(upto > cursor), min((row["recorded_at"] for row in rows), default=now)


async def _claim(connection: asyncpg.Connection, provider_id: UUID) -> int | None:
    """Return how far a provider's log was read, holding it; None when somebody else does."""
    found: int | None = await connection.fetchval(sql.CLAIM_CURSOR, provider_id)
    if found is None:
        await connection.execute(sql.MAKE_CURSOR, provider_id)
        found = await connection.fetchval(sql.CLAIM_CURSOR, provider_id)
    return found


def _by_practice(rows: Sequence[asyncpg.Record], also: Sequence[UUID]) -> Mapping[UUID, Sequence[Input]]:
    """Return the news of each practice in their order; what concerns all is news of each that has something under way."""
    found: dict[UUID, list[Input]] = {practice_id: [] for practice_id in also}
    for row in rows:
        if row["practice_id"] is not None:
            found.setdefault(row["practice_id"], [])
    for row in rows:
        event = input_of(row)
        for each in [row["practice_id"]] if row["practice_id"] is not None else found:
            found[each].append(event)
    return found


async def follow(connection: asyncpg.Connection, now: datetime, form: Form = "postgresql") -> int:
    """Take in everything recorded and due by `now`, without lag: for replays and for tests."""
    return await Follower(form).run(connection, now)
