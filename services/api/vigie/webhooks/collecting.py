"""Jobs: making messages of events, and forgetting them after thirty days.

1. Ask, without a lock, which providers have events that were not made into messages.
2. Per provider, one short transaction: claim the cursor (`SKIP LOCKED`), read what follows it, keep the bytes of whatever an
   endpoint wants, and move the cursor. Events that nobody wants leave nothing behind.
"""

import contextlib
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from vigie.core.batch import Form, fetch
from vigie.core.db import bind_provider
from vigie.core.metrics import JOB_OLDEST_DUE, JOB_ROWS
from vigie.webhooks import statements as sql
from vigie.webhooks.messages import body_of

Open = Callable[[], contextlib.AbstractAsyncContextManager[asyncpg.Connection]]
COLLECT: Final = "webhooks.collect"
FORGET: Final = "webhooks.forget"
KEPT: Final = timedelta(days=30)
_PROVIDERS: Final = 50
_EVENTS: Final = 2000
_FORGOTTEN: Final = 5000


class Collector:
    """Makes messages of events. `open_connection`: as the role of the worker."""

    def __init__(self, open_connection: Open, form: Form) -> None:
        self._open = open_connection
        self._form = form

    async def run(self, now: datetime) -> int:
        """Make messages of everything that has happened; return of how many events."""
        done = 0
        async with self._open() as connection:
            while True:
                found = await connection.fetch(sql.WITH_NEWS, _PROVIDERS)
                providers = [row["provider_id"] for row in found]
                random.shuffle(providers)  # so that two workers begin at different ends
                progress = 0
                for provider_id in providers:
                    progress += await self._provider(connection, provider_id, now)
                done += progress
                JOB_ROWS.labels(COLLECT).inc(progress)
                if progress == 0:  # nothing is left, or somebody else holds it
                    if not providers:
                        JOB_OLDEST_DUE.labels(COLLECT).set(0)
                    return done

    async def _provider(self, connection: asyncpg.Connection, provider_id: UUID, now: datetime) -> int:
        async with connection.transaction():
            await bind_provider(connection, provider_id)
            cursor = await connection.fetchval(sql.CLAIM_CURSOR, provider_id)
            if cursor is None:
                return 0
            filters = await connection.fetch(sql.FILTERS, provider_id)
            head = await connection.fetchval(sql.HEAD, provider_id)
            if not filters or cursor >= head:
                await connection.execute(sql.MOVE_CURSOR, provider_id, head)
                return int(head > cursor)
            events = await connection.fetch(sql.EVENTS, provider_id, cursor, _EVENTS)
            if events:
                age = (now - events[0]["recorded_at"]).total_seconds()
                JOB_OLDEST_DUE.labels(COLLECT).set(max(0.0, age))
            wanted = [event for event in events if is_wanted(event, filters)]
            await _keep(connection, self._form, provider_id, wanted)
            # Where nothing follows any more, it was purged before anybody looked.
            moved = events[-1]["number"] if events else head
            await connection.execute(sql.MOVE_CURSOR, provider_id, moved)
            return max(1, len(events))


def is_wanted(event: Mapping[str, Any], filters: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of the endpoints is to be told of an event."""
    return any(
        event["number"] > each["handed_over"]
        and (each["kinds"] is None or event["kind"] in each["kinds"])
        and (not each["limited"] or event["practice_id"] in (each["practices"] or ()))
        for each in filters
    )


async def _keep(
    connection: asyncpg.Connection, form: Form, provider_id: UUID, events: Sequence[asyncpg.Record]
) -> None:
    rows = [
        (provider_id, event["number"], event["kind"], event["practice_id"], event["recorded_at"], body_of(event))
        for event in events
    ]
    await fetch(connection, form, sql.ADD_MESSAGES, rows)


async def forget(connection: asyncpg.Connection, now: datetime) -> int:
    """Delete messages of more than thirty days ago, and what became of them; return how many rows."""
    before, done = now - KEPT, 0
    oldest = UUID(int=int(before.timestamp() * 1000) << 80)  # ids rise with time
    for row in await connection.fetch(sql.PROVIDERS):
        for statement, limit in ((sql.FORGET_DELIVERIES, oldest), (sql.FORGET_MESSAGES, before)):
            while True:
                async with connection.transaction():
                    await bind_provider(connection, row["provider_id"])
                    gone = await connection.execute(statement, row["provider_id"], limit, _FORGOTTEN)
                done += (count := int(gone.rpartition(" ")[2]))
                if count < _FORGOTTEN:
                    break
    JOB_ROWS.labels(FORGET).inc(done)
    return done
