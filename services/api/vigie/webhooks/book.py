"""What the worker reads of an endpoint, and how it writes down what became of what was sent."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from vigie.audit.actions import Action
from vigie.audit.log import SYSTEM, NewEntry
from vigie.audit.log import append as audit
from vigie.core.batch import Form, fetch
from vigie.core.clock import wire_time
from vigie.core.db import Database, bind_provider
from vigie.events.log import NewEvent
from vigie.events.session import driver_connection, record
from vigie.webhooks import statements as sql
from vigie.webhooks.messages import delivery_id
from vigie.webhooks.schedule import GIVEN_UP_AFTER, after_failure, jittered
from vigie.webhooks.signing import purpose_of

Open = Callable[[], contextlib.AbstractAsyncContextManager[asyncpg.Connection]]
BATCH: Final = 100
"""Messages that are read, sent and recorded together: at most so many come twice after a crash."""


class Lost(Exception):  # noqa: N818 - no error: another worker has taken over
    """The lease ended, or the endpoint was taken by another worker: nothing may be recorded."""


@dataclass(frozen=True, slots=True)
class Item:
    """A message to be sent to an endpoint. `attempts`: before this one; `is_new`: it has no row of its own yet."""

    id: UUID
    number: int | None
    kind: str
    body: bytes | None = field(repr=False)
    attempts: int
    holds: bool
    waits_since: datetime
    is_new: bool


@dataclass(slots=True)
class Outcome:
    """What came of one attempt, and when it is tried again. `final`: never, whatever the schedule says."""

    item: Item
    at: datetime
    status: int | None = None
    excerpt: str | None = None
    error: str | None = None
    delivered: bool = False
    gone: bool = False
    final: bool = False
    due_at: datetime | None = None
    holds: bool = False

    @property
    def word(self) -> Literal["delivered", "failed", "dead"]:
        """What became of the message, as the metrics count it."""
        if self.delivered:
            return "delivered"
        return "dead" if self.due_at is None else "failed"

    def columns(self) -> tuple[Any, ...]:
        """Return what a row says of the attempt."""
        status = {"delivered": "delivered", "failed": "pending", "dead": "dead"}[self.word]
        return (
            *(status, self.item.attempts + 1, self.holds, self.due_at, self.at),
            *(self.status, self.error, self.excerpt),
        )


@dataclass(slots=True)
class Stand:
    """How an endpoint is doing, as of the last reading and what was sent since."""

    provider_id: UUID
    endpoint_id: UUID
    lease: UUID
    url: str = ""
    secret: bytes = field(default=b"", repr=False)
    previous_secret: bytes | None = field(default=None, repr=False)
    previous_until: datetime | None = None
    handed_over: int = 0
    made: int = 0
    failures: int = 0
    failing_since: datetime | None = None
    paused_until: datetime | None = None
    was_paused: bool = False
    delivered_at: datetime | None = None
    pace: int = BATCH  # how many are worth reading: a slow receiver takes few in a second

    @property
    def purpose(self) -> str:
        """What the sealed secrets are bound to."""
        return purpose_of(self.endpoint_id)

    @property
    def is_paused(self) -> bool:
        """Whether what is new waits."""
        return self.paused_until is not None

    def delivered(self, at: datetime) -> None:
        """Note a success: the endpoint is well, and what was held goes on."""
        self.failures, self.failing_since, self.paused_until, self.delivered_at = 0, None, None, at

    def failed(self, outcome: Outcome, chance: float) -> None:
        """Note a failure, and write into the outcome when the message is tried again."""
        item = outcome.item
        if item.number is None:
            return  # a test is tried once, and says nothing about the days before it
        self.failing_since = self.failing_since or outcome.at
        self.failures += item.holds
        following = after_failure(item.attempts + 1, self.failures, holds=item.holds)
        if not outcome.final and following.wait is not None:
            outcome.due_at, outcome.holds = outcome.at + jittered(following.wait, chance), following.holds
        if item.holds:
            self.paused_until = outcome.due_at if outcome.holds else None

    def given_up(self, now: datetime) -> Literal["failing"] | None:
        """Return why the endpoint is to be disabled, if it is."""
        failed_for = now - self.failing_since if self.failing_since is not None else timedelta()
        return "failing" if failed_for >= GIVEN_UP_AFTER else None


class Book:
    """Reads and records for one worker process. `database`: as the role of the worker, for what the audit must know."""

    def __init__(self, open_connection: Open, database: Database, form: Form) -> None:
        self._open = open_connection
        self._database = database
        self._form = form

    async def read(self, stand: Stand, now: datetime) -> list[Item]:
        """Bring `stand` up to date and return what is to be sent next, in its order; raises `Lost`."""
        key = (stand.provider_id, stand.endpoint_id)
        async with self._open() as connection, connection.transaction():
            await bind_provider(connection, stand.provider_id)
            row = await connection.fetchrow(sql.READ_ENDPOINT, *key, stand.lease)
            if row is None:
                raise Lost
            for name in ("url", "secret", "previous_secret", "previous_until", "handed_over", "made"):
                setattr(stand, name, row[name])
            for name in ("failures", "failing_since", "paused_until"):
                setattr(stand, name, row[name])
            stand.was_paused = stand.is_paused
            if not row["enabled"]:
                stand.made = stand.handed_over  # nothing is skipped while nothing is sent
                return []
            due = await connection.fetch(sql.DUE_DELIVERIES, *key, now, stand.pace)
            items = [_waiting(each) for each in due]
            if stand.paused_until is not None and stand.paused_until > now:
                stand.made = stand.handed_over
                return items
            limits = (stand.handed_over, stand.made, row["kinds"], row["practices"])
            new = await connection.fetch(sql.NEW_MESSAGES, stand.provider_id, *limits, stand.pace)
            return items + [_new(stand.endpoint_id, each) for each in new]

    async def record(
        self,
        stand: Stand,
        outcomes: Sequence[Outcome],
        now: datetime,
        *,
        lease_until: datetime | None,
        level: bool = False,
    ) -> None:
        """Write down what became of messages and how the endpoint is doing; raises `Lost`, and then nothing is written.

        `lease_until`: None gives the endpoint back. `level`: it was told of everything there was when it was read.
        """
        key = (stand.provider_id, stand.endpoint_id)
        told = [outcome.item.number for outcome in outcomes if outcome.item.is_new and outcome.item.number is not None]
        stand.handed_over = max([stand.handed_over, *told, *([stand.made] if level else [])])
        async with self._open() as connection, connection.transaction():
            await bind_provider(connection, stand.provider_id)
            await self._write(connection, stand, outcomes)
            if stand.was_paused and not stand.is_paused:
                await connection.execute(sql.HURRY, *key, now)
            kept = await connection.fetchval(
                sql.STAND,
                *key,
                stand.lease,
                stand.handed_over,
                stand.failures,
                stand.failing_since,
                stand.paused_until,
                stand.delivered_at,
                stand.lease if lease_until is not None else None,
                lease_until,
            )
            if kept is None:
                raise Lost

    async def _write(self, connection: asyncpg.Connection, stand: Stand, outcomes: Sequence[Outcome]) -> None:
        first = [
            (
                *(stand.provider_id, outcome.item.id, stand.endpoint_id, outcome.item.number, outcome.item.kind),
                *(outcome.item.waits_since, *outcome.columns()),
            )
            for outcome in outcomes
            if outcome.item.is_new
        ]
        again = [(stand.provider_id, each.item.id, *each.columns()) for each in outcomes if not each.item.is_new]
        await fetch(connection, self._form, sql.RECORD, first)
        await fetch(connection, self._form, sql.RECORD_AGAIN, again)

    async def disable(self, stand: Stand, reason: Literal["failing", "gone"], now: datetime) -> None:
        """Send nothing more to an endpoint until somebody enables it: said in the log of events, and in the audit."""
        since = stand.failing_since or now
        async with self._database.session(stand.provider_id, write=True) as session:
            connection = await driver_connection(session)
            url = await connection.fetchval(sql.DISABLE, stand.provider_id, stand.endpoint_id, now, reason)
            if url is None:
                return
            payload = {"endpoint": str(stand.endpoint_id), "reason": reason, "failing_since": wire_time(since)}
            event = NewEvent(stand.provider_id, "webhook_endpoint.disabled", None, None, now, payload)
            await record(session, [event], now)
            details = {"reason": reason, "host": urlsplit(url).hostname or "", "failing_since": wire_time(since)}
            entry = NewEntry(
                stand.provider_id,
                SYSTEM,
                Action.WEBHOOK_ENDPOINT_DISABLE,
                object_id=str(stand.endpoint_id),
                details=details,
            )
            await audit(session, entry, now)


def _waiting(row: asyncpg.Record) -> Item:
    return Item(
        row["id"],
        row["number"],
        row["kind"],
        row["body"],
        row["attempts"],
        row["holds"],
        row["waits_since"],
        is_new=False,
    )


def _new(endpoint_id: UUID, row: asyncpg.Record) -> Item:
    key = delivery_id(endpoint_id, row["number"], row["recorded_at"])
    return Item(
        key, row["number"], row["kind"], row["body"], 0, holds=True, waits_since=row["recorded_at"], is_new=True
    )
