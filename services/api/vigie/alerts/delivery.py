"""The job that sends notifications: at least once, in order per channel, a slow channel in nobody's way.

1. Ask, without a lock, which providers have something due.
2. Per provider, one short transaction: lease what is due (`SKIP LOCKED`), a few messages per target.
3. Per target, beside all others: send one message after another, with no transaction open.
4. After each, one short transaction: the attempt into the log, and what became of the message.

Whoever is killed between 2 and 4 leaves a lease behind that ends; the message is then sent again, with the same id. A target that
does not get through is asked for one message at a time, and such targets hold at most half of the places.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from vigie.alerts import delivery_queries as queries
from vigie.alerts.channel_models import Channel
from vigie.alerts.channels import event_of
from vigie.alerts.delivery_queries import Claimed, Named, Places
from vigie.alerts.sending import Post, Result, Target, send
from vigie.audit.actions import Action
from vigie.audit.log import SYSTEM, NewEntry, append
from vigie.core.clock import Clock
from vigie.core.db import Database
from vigie.core.metrics import JOB_OLDEST_DUE, JOB_ROW_FAILURES, JOB_ROWS, NOTIFICATIONS
from vigie.events.session import record

log = logging.getLogger(__name__)
JOB: Final = "alerts.deliver"
LEASE: Final = timedelta(minutes=3)  # longer than all messages of one claim may take
_PROVIDERS: Final = 200
_TARGETS: Final = 32
_FAILING: Final = _TARGETS // 2
_EACH: Final = 4
RETRIES: Final = (
    *(timedelta(seconds=15), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1)),
    *(timedelta(hours=3), timedelta(hours=6), timedelta(hours=12), timedelta(hours=24), timedelta(hours=24)),
)
"""How long after each failed attempt the next one follows, give or take a fifth; after the last the message is given up."""
Send = Callable[[Post, UUID, Target, Claimed, Named, datetime], Awaitable[Result]]


class Delivery:
    """Sends for one worker process. `database`: as the role of the worker."""

    def __init__(self, database: Database, post: Post, clock: Clock, send: Send = send) -> None:
        """`send`: what sends one message, when it is not the real thing."""
        self._database = database
        self._post = post
        self._clock = clock
        self._send = send
        self._busy: dict[UUID, bool] = {}  # target → whether it was failing when its messages were claimed
        self._sending: set[asyncio.Task[None]] = set()

    async def run(self, connection: asyncpg.Connection) -> int:
        """Begin to send what is due, as far as there are places; return how many messages were begun."""
        begun = 0
        while True:
            now = self._clock.now()
            due = await connection.fetch(queries.DUE_PROVIDERS, now, _PROVIDERS)
            JOB_OLDEST_DUE.labels(JOB).set(max(0.0, (now - due[0]["due_at"]).total_seconds()) if due else 0.0)
            providers = [row["provider_id"] for row in due]
            random.shuffle(providers)  # so that two workers begin at different ends
            progress = 0
            for provider_id in providers:
                progress += await self._provider(provider_id, now)
            begun += progress
            JOB_ROWS.labels(JOB).inc(progress)
            if progress == 0:  # nothing is due, somebody else has it, or there is no place
                return begun

    async def finish(self) -> None:
        """Wait until everything that was begun has ended: for when the worker stops, and for tests."""
        while self._sending:
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def _provider(self, provider_id: UUID, now: datetime) -> int:
        places = _TARGETS - len(self._busy)
        if places <= 0:
            return 0
        failing = max(0, _FAILING - sum(self._busy.values()))
        room = Places(self._busy, each=_EACH, most=places, most_failing=failing)
        async with self._database.session(provider_id, write=True) as session:
            rows = await queries.claim(session, provider_id, now, LEASE, room)
        by_target: dict[UUID, list[Claimed]] = {}
        for row in rows:
            by_target.setdefault(row.target, []).append(row)
        for target, claimed in by_target.items():
            self._busy[target] = claimed[0].failing
            task = asyncio.create_task(self._target(provider_id, target, claimed), name=f"send to {target}")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return len(rows)

    async def _target(self, provider_id: UUID, target: UUID, rows: Sequence[Claimed]) -> None:
        """Send the messages of one target, one after another; what cannot even be tried is pushed aside and counted."""
        try:
            for claimed in rows:
                try:
                    through = await self._one(provider_id, claimed)
                except Exception:
                    JOB_ROW_FAILURES.labels(JOB).inc()
                    log.exception("notification pushed aside", extra={"notification": str(claimed.id)})
                    through = await self._push(provider_id, claimed)
                if not through:
                    break
        finally:
            self._busy.pop(target, None)

    async def _one(self, provider_id: UUID, claimed: Claimed) -> bool:
        """Send one message and write down how that ended; return whether the next to this target is worth a try now."""
        started = self._clock.now()
        async with self._database.session(provider_id, write=True) as session:
            named = await queries.names_of(session, provider_id, claimed.practice_id)
            target = await self._found(session, provider_id, claimed, started)
        if target is None:
            return True
        result = await self._send(self._post, provider_id, target, claimed, named, started)
        NOTIFICATIONS.labels(target.kind, result.outcome).inc()
        ended = self._clock.now()
        async with self._database.session(provider_id, write=True) as session:
            more = {"outcome": result.outcome, "code": result.code, "excerpt": result.excerpt}
            becomes = _becomes(claimed, result, ended)
            if not await queries.settle(session, provider_id, claimed, **becomes):
                return False  # the lease ended meanwhile: whoever took it over writes its own attempt
            await queries.add_attempt(session, provider_id, claimed, started, ended, **more)
            if claimed.channel_id is not None:
                await self._note_channel(session, provider_id, claimed.channel_id, result, ended)
            if result.outcome == "temporary":
                await queries.postpone(session, provider_id, claimed, becomes.get("due_at", ended))
        return result.outcome == "sent"

    async def _found(self, session: Any, provider_id: UUID, claimed: Claimed, now: datetime) -> Target | None:
        """Return where a message goes; None, and it is dropped, when it cannot go there any more."""
        if claimed.channel_id is None:
            assert claimed.member_id is not None  # noqa: S101 - a constraint of the table
            mailbox = await queries.mailbox_of(session, provider_id, claimed.member_id)
            if mailbox is not None:
                return Target.of_member(mailbox)
            why = "member.no_address"
        else:
            channel = await queries.channel_of(session, provider_id, claimed.channel_id)
            if channel.disabled_at is None and channel.removed_at is None:
                return Target.of_channel(channel)
            why = "channel.removed" if channel.removed_at is not None else "channel.off"
        await queries.settle(session, provider_id, claimed, status="dropped", last_error=why, settled_at=now)
        return None

    async def _push(self, provider_id: UUID, claimed: Claimed) -> bool:
        """Push a message that could not even be tried to its next attempt; its target is worth a try all the same."""
        becomes = _becomes(claimed, Result("temporary", "internal"), self._clock.now())
        async with self._database.session(provider_id, write=True) as session:
            await queries.settle(session, provider_id, claimed, **becomes)
        return True

    async def _note_channel(
        self, session: Any, provider_id: UUID, channel_id: UUID, result: Result, now: datetime
    ) -> None:
        """Keep what an attempt says of its channel. One that refuses for good is switched off, on record and for all to see."""
        channel = await queries.channel_of(session, provider_id, channel_id, lock=True)
        if result.outcome == "sent":
            channel.failing_since = None
            return
        channel.failing_since = channel.failing_since or now
        if result.outcome == "permanent" and channel.disabled_at is None and channel.removed_at is None:
            await _switch_off(session, channel, result.code or "refused", now)


async def _switch_off(session: Any, channel: Channel, why: str, now: datetime) -> None:
    channel.disabled_at, channel.disabled_why, channel.changed_at = now, why, now
    channel.next_digest_at = channel.next_opening_check_at = None
    await session.flush()
    dropped = await queries.drop_waiting(session, channel.provider_id, channel.id, "channel.off", now)
    log.warning("channel switched off", extra={"channel": str(channel.id), "why": why, "dropped": dropped})
    await record(session, [event_of(channel, "channel.disabled", by=None, why=why)], now)
    entry = NewEntry(
        provider_id=channel.provider_id,
        actor=SYSTEM,
        action=Action.CHANNEL_DISABLE,
        object_kind="channel",
        object_id=str(channel.id),
        details={"why": why, "dropped": dropped},
    )
    await append(session, entry, now)


def _becomes(claimed: Claimed, result: Result, now: datetime) -> dict[str, Any]:
    """Return what a notification becomes after an attempt."""
    if result.outcome == "sent":
        return {"status": "sent", "settled_at": now, "last_error": result.code}
    if result.outcome == "permanent" or claimed.attempts > len(RETRIES):
        return {"status": "failed", "settled_at": now, "last_error": result.code}
    pause = RETRIES[claimed.attempts - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
    return {"due_at": now + pause, "last_error": result.code}
