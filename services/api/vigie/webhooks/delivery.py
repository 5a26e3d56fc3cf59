"""Job: sending messages. An endpoint is served by one worker at a time, in the order of events (docs/adr/0027).

1. Ask, without a lock, which providers have endpoints that are due.
2. Per provider, lease those endpoints (`SKIP LOCKED`) and commit.
3. Per endpoint, beside all others: read what is due and what is new, send it one after another over one line with no transaction
   open, and record what became of it together with how far the endpoint was told.

A worker that is killed between sending and recording leaves a lease that ends after half a minute; another sends the same messages
again under the same ids. Endpoints that hang hold nothing but their own place: there are a hundred, and each is left after ten
seconds.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from vigie.core.clock import Clock
from vigie.core.db import bind_provider
from vigie.core.metrics import JOB_OLDEST_DUE, JOB_ROW_FAILURES, JOB_ROWS, WEBHOOK_DELIVERIES
from vigie.core.outbound import Outbound, OutboundFailedError, OutboundRefusedError, Reach
from vigie.core.outbound_line import Line
from vigie.core.sealing import SealBrokenError, Sealer
from vigie.webhooks import statements as sql
from vigie.webhooks.book import BATCH, Book, Item, Lost, Outcome, Stand
from vigie.webhooks.signing import signed_headers

log = logging.getLogger(__name__)
Open = Callable[[], contextlib.AbstractAsyncContextManager[asyncpg.Connection]]
JOB: Final = "webhooks.deliver"
AT_ONCE: Final = 100
"""Endpoints that one worker serves beside each other."""
LEASE: Final = timedelta(seconds=30)
_RUN_S: Final = 10.0  # an endpoint is left after so long, that others have their turn
_BATCH_S: Final = 1.0  # what was sent is recorded at least so often
_OK: Final = range(200, 300)
_GONE: Final = 410
_ASIDE: Final = timedelta(hours=1)
_HEADERS: Final = (("content-type", "application/json"), ("user-agent", "Vigie-Webhooks/1"))


class Deliverer:
    """Sends messages for one worker process."""

    def __init__(
        self, open_connection: Open, book: Book, outbound: Outbound, sealer: Sealer, reach: Reach, clock: Clock
    ) -> None:
        self._open = open_connection
        self._book = book
        self._outbound = outbound
        self._sealer = sealer
        self._reach = reach
        self._clock = clock
        self._serving: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._oldest: timedelta | None = None

    async def tick(self) -> int:
        """Begin to serve the endpoints that are due, as many as there are places for; return how many. Waits for none of them."""
        JOB_OLDEST_DUE.labels(JOB).set(self._oldest.total_seconds() if self._oldest else 0.0)
        self._oldest = None
        places = AT_ONCE - len(self._serving)
        if places <= 0 or self._stopping:
            return 0
        claimed = await self.claim(places)
        for provider_id, endpoint_id, lease in claimed:
            task = asyncio.create_task(self._serve(provider_id, endpoint_id, lease), name=f"webhook {endpoint_id}")
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        return len(claimed)

    async def drain(self) -> int:
        """Serve everything that is due and wait for it; return how many turns endpoints had."""
        turns = 0
        while (begun := await self.tick()) or self._serving:
            turns += begun
            if self._serving:
                await asyncio.wait(self._serving)
        return turns

    async def close(self) -> None:
        """Begin nothing more, and let what is being sent be answered and recorded."""
        self._stopping = True
        if self._serving:
            _, late = await asyncio.wait(self._serving, timeout=LEASE.total_seconds() / 2)
            for task in late:
                task.cancel()

    async def claim(self, places: int) -> list[tuple[UUID, UUID, UUID]]:
        """Lease endpoints that are due; return provider, endpoint and lease of each."""
        now, claimed = self._clock.now(), list[tuple[UUID, UUID, UUID]]()
        async with self._open() as connection:
            providers = [row["provider_id"] for row in await connection.fetch(sql.DUE_PROVIDERS, now)]
            random.shuffle(providers)
            for provider_id in providers:
                if len(claimed) >= places:
                    break
                lease = uuid4()
                async with connection.transaction():
                    await bind_provider(connection, provider_id)
                    rows = await connection.fetch(
                        sql.CLAIM, now, provider_id, lease, now + LEASE, places - len(claimed)
                    )
                claimed += [(provider_id, row["id"], lease) for row in rows]
        return claimed

    async def _serve(self, provider_id: UUID, endpoint_id: UUID, lease: UUID) -> None:
        stand = Stand(provider_id, endpoint_id, lease)
        try:
            await self._turn(stand)
        except Lost:
            log.info("an endpoint is served by another worker", extra={"endpoint_id": str(endpoint_id)})
        except Exception:
            JOB_ROW_FAILURES.labels(JOB).inc()
            log.exception("an endpoint could not be served", extra={"endpoint_id": str(endpoint_id)})

    async def _turn(self, stand: Stand) -> None:
        """Serve an endpoint until nothing is due, it is to be left alone, or its time is over."""
        ends_at = time.monotonic() + _RUN_S
        line: Line | None = None
        try:
            while True:
                items = await self._book.read(stand, self._clock.now())
                if not items or self._stopping or time.monotonic() >= ends_at:
                    await self._book.record(stand, [], self._clock.now(), lease_until=None, level=not items)
                    return
                self._note_age(items)
                try:
                    keys = self._keys(stand)
                except SealBrokenError:
                    JOB_ROW_FAILURES.labels(JOB).inc()
                    log.exception(
                        "the secret of an endpoint cannot be read", extra={"endpoint_id": str(stand.endpoint_id)}
                    )
                    stand.paused_until = self._clock.now() + _ASIDE
                    await self._book.record(stand, [], self._clock.now(), lease_until=None)
                    return
                if line is None or line.url != stand.url:
                    line = self._line(line, stand.url)
                outcomes = await self._send_all(stand, line, items, keys)
                stand.pace = min(BATCH, 2 * len(outcomes) + 8)
                now = self._clock.now()
                await self._book.record(stand, outcomes, now, lease_until=now + LEASE)
                await self._after(stand, outcomes, now)
        finally:
            if line is not None:
                line.close()

    async def _send_all(self, stand: Stand, line: Line, items: Sequence[Item], keys: Sequence[bytes]) -> list[Outcome]:
        """Send messages one after another, until one fails that the others wait for, or for a second."""
        began, outcomes = time.monotonic(), list[Outcome]()
        for item in items:
            outcomes.append(outcome := await self.send(line, item, keys))
            if outcome.delivered:
                stand.delivered(outcome.at)
            else:
                stand.failed(outcome, random.random())  # noqa: S311 - jitter
            if stand.is_paused or outcome.gone or self._stopping or time.monotonic() - began >= _BATCH_S:
                break
        return outcomes

    async def send(self, line: Line, item: Item, keys: Sequence[bytes]) -> Outcome:
        """Make one attempt; whatever comes of it is an outcome."""
        now = self._clock.now()
        if item.body is None:
            return Outcome(item, now, error="the message is no longer kept", final=True)
        headers = [*_HEADERS, *signed_headers(item.id, now, item.body, keys)]
        try:
            status, excerpt = await line.post(headers, item.body)
        except OutboundRefusedError as error:
            return Outcome(item, now, error=f"refused: {error}")
        except OutboundFailedError as error:
            return Outcome(item, now, error=str(error))
        text = excerpt.decode("utf-8", "replace").replace("\x00", "") or None
        return Outcome(
            item, now, status, excerpt=text, delivered=status in _OK, gone=status == _GONE, final=status == _GONE
        )

    async def _after(self, stand: Stand, outcomes: Sequence[Outcome], now: datetime) -> None:
        """Count what was sent, and disable an endpoint that is gone or was given up."""
        JOB_ROWS.labels(JOB).inc(len(outcomes))
        for outcome in outcomes:
            WEBHOOK_DELIVERIES.labels(outcome.word).inc()
        reason = "gone" if any(outcome.gone for outcome in outcomes) else stand.given_up(now)
        if reason is not None:
            await self._book.disable(stand, reason, now)

    def _keys(self, stand: Stand) -> list[bytes]:
        """Return the secrets that sign now, the newest first; raises `SealBrokenError`."""
        kept = [stand.secret]
        if stand.previous_secret is not None and stand.previous_until is not None:
            kept += [stand.previous_secret] if stand.previous_until > self._clock.now() else []
        return [self._sealer.open(stand.purpose, secret) for secret in kept]

    def _line(self, before: Line | None, url: str) -> Line:
        if before is not None:
            before.close()
        return Line(self._outbound, url, self._reach)

    def _note_age(self, items: Sequence[Item]) -> None:
        age = self._clock.now() - min(item.waits_since for item in items)
        self._oldest = max(age, self._oldest or age)
