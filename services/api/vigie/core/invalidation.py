"""Telling every process, at once, that something it may remember has changed (`LISTEN`/`NOTIFY`).

Nothing depends on a notification that is lost: entries also expire, and while the listening connection is down everything
remembered is forgotten after a second.
"""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

CHANNEL = "vigie_changed"
_RETRY_S = 0.5
_PING_S = 5.0
_LOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
log = logging.getLogger(__name__)
K = TypeVar("K")
V = TypeVar("V")


async def announce(session: AsyncSession, kind: str, key: str) -> None:
    """Have every process forget `key` of `kind` when the running transaction commits."""
    await session.execute(
        text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": f"{kind}:{key}"}
    )


class Remembered(Generic[K, V]):
    """A bounded cache whose entries expire, sooner while nobody could tell us of changes."""

    def __init__(self, *, capacity: int, ttl_s: float, clock: Callable[[], float]) -> None:
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._capacity = capacity
        self._ttl = ttl_s
        self._clock = clock
        self.hearing = False

    def get(self, key: K) -> V | None:
        """Return what is remembered of `key`, unless it is too old."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if self._clock() - entry[0] > (self._ttl if self.hearing else min(self._ttl, 1.0)):
            del self._entries[key]
            return None
        return entry[1]

    def put(self, key: K, value: V, as_of: float | None = None) -> None:
        """Remember a value, which was true at `as_of` (of the clock); the oldest entry leaves when there are too many."""
        self._entries[key] = (self._clock() if as_of is None else as_of, value)
        self._entries.move_to_end(key)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def forget(self, key: K) -> None:
        """Forget one key."""
        self._entries.pop(key, None)

    def forget_all(self) -> None:
        """Forget everything."""
        self._entries.clear()


class Listener:
    """Keeps one listening connection and passes on what it hears."""

    def __init__(self, url: str, server_settings: dict[str, str]) -> None:
        self._url = url
        self._settings = server_settings
        self._on_change: dict[str, Callable[[str], None]] = {}
        self._on_hearing: list[Callable[[bool], None]] = []
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, kind: str, on_change: Callable[[str], None], on_hearing: Callable[[bool], None]) -> None:
        """Call `on_change(key)` for each change of `kind`, and `on_hearing(bool)` when the connection comes or goes."""
        self._on_change[kind] = on_change
        self._on_hearing.append(on_hearing)

    def start(self) -> None:
        """Begin to listen, in a task of this event loop."""
        self._task = asyncio.create_task(self._run(), name="invalidation-listener")

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _heard(self, *message: object) -> None:
        kind, _, key = str(message[-1]).partition(":")
        if handler := self._on_change.get(kind):
            handler(key)

    def _hearing(self, hearing: bool) -> None:  # noqa: FBT001 - it is the news itself
        for handler in self._on_hearing:
            handler(hearing)

    async def _run(self) -> None:
        while True:
            try:
                connection = await asyncpg.connect(self._url, server_settings=self._settings, timeout=5)
            except _LOST:
                await asyncio.sleep(_RETRY_S)
                continue
            try:
                await connection.add_listener(CHANNEL, self._heard)
                self._hearing(True)
                while not connection.is_closed():
                    await connection.execute("SELECT 1", timeout=_PING_S)
                    await asyncio.sleep(_PING_S)
            except _LOST:
                log.warning("listening connection lost")
            finally:
                self._hearing(False)
                connection.terminate()
            await asyncio.sleep(_RETRY_S)
