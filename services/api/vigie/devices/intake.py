"""The intake: heartbeats gather while the previous commit runs, and are answered after theirs.

No timer: when the writer is idle a heartbeat is written at once; under load the batch is what arrived meanwhile. The queue is
bounded, a batch that cannot be written is split until the guilty heartbeat stands alone, and a lost connection is answered with
"try again", never with an acknowledgement.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import ClassVar

import asyncpg

from vigie.core.errors import AppError
from vigie.core.metrics import INTAKE_BATCH, INTAKE_POISONED, INTAKE_QUEUE, INTAKE_SECONDS
from vigie.devices.report import Outcome, Report
from vigie.devices.writing import HeartbeatWriter

log = logging.getLogger(__name__)
Connect = Callable[[], Awaitable[asyncpg.Connection]]
_RECONNECT_S = 0.25
_DRAIN_S = 25
_TURNS = 3
_PATIENCE_S = (
    0.1  # who writes for longer than several batches take waits for a lock or a line, and must not hold up the rest
)
# The server or the line, not the data: to be tried again as it is.
_TRANSIENT = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what the driver says when the line breaks while it rolls back
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)
_CONFLICT = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)


class BusyError(AppError):
    """The intake cannot take more now; nothing was stored."""

    status, code = 503, "agent.busy"
    title, title_fr = "Busy: try again after the time given", "Occupé : réessayez après le délai indiqué"
    retry_after_s: ClassVar[int] = 5


class PoisonedError(AppError):
    """This one heartbeat cannot be written; the others of its batch were."""

    status, code = 500, "agent.not_stored"
    title, title_fr = "The heartbeat could not be stored", "La remontée n'a pas pu être enregistrée"


class Intake:
    """A bounded queue and its flushers."""

    def __init__(
        self, connect: Connect, writer: HeartbeatWriter, *, batch: int = 256, queue: int = 2048, flushers: int = 1
    ) -> None:
        self._connect = connect
        self._writer = writer
        self._most = batch
        self._capacity = queue
        self._flushers = flushers
        self._waiting: deque[tuple[Report, asyncio.Future[Outcome]]] = deque()
        self._arrived = asyncio.Event()
        self._in_flight: set[object] = set()
        self._writing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    def start(self) -> None:
        """Start the flushers, in tasks of this event loop."""
        self._tasks = [asyncio.create_task(self._run(), name=f"intake-{n}") for n in range(self._flushers)]

    async def stop(self) -> None:
        """Refuse what comes, write what waits, end the flushers."""
        self._closing = True
        self._arrived.set()
        done, late = await asyncio.wait(self._tasks, timeout=_DRAIN_S) if self._tasks else (set(), set())
        for task in late:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*done, *late, return_exceptions=True)
        while self._waiting:
            _refuse([self._waiting.popleft()], BusyError())

    async def submit(self, report: Report) -> Outcome:
        """Queue a report and return what became of it once that is committed.

        Raises `BusyError` when the queue is full or the database cannot be reached: then nothing was acknowledged.
        """
        if self._closing or len(self._waiting) >= self._capacity:
            raise BusyError
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((report, future))
        self._arrived.set()
        return await future

    async def _run(self) -> None:
        connection: asyncpg.Connection | None = None
        while True:
            if not self._waiting:
                if self._closing:
                    break
                self._arrived.clear()
                await self._arrived.wait()
                continue
            if connection is None or connection.is_closed():
                connection = await self._reconnect()
            if connection is None:
                continue
            async with self._turn():
                await self._gather()
                batch = self._take()
                try:
                    await self._flush(connection, batch)
                finally:
                    self._in_flight.difference_update(report.identity.device_id for report, _ in batch)
            if connection.is_closed():
                connection = None
        if connection is not None:
            with contextlib.suppress(*_TRANSIENT):
                await connection.close(timeout=5)

    async def _reconnect(self) -> asyncpg.Connection | None:
        """Return a new connection, or None after having told all who wait to come back."""
        try:
            return await self._connect()
        except (*_TRANSIENT, asyncpg.PostgresError) as error:
            log.warning("intake has no database", extra={"error": type(error).__name__})
            waiting = list(self._waiting)
            self._waiting.clear()
            _refuse(waiting, BusyError())
            await asyncio.sleep(_RECONNECT_S)
            return None

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait until no other flusher writes: what comes meanwhile is one larger batch. But not for one that takes long."""
        mine = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                mine = await self._writing.acquire()
        try:
            yield
        finally:
            if mine:
                self._writing.release()

    async def _gather(self) -> None:
        """Let what has already reached this process join the batch, as long as it keeps coming; nobody is waited for.

        A transaction costs the same for one heartbeat as for thirty. From socket to queue a request takes a few turns of the
        loop: a batch taken at once would leave behind all those that came with it.
        """
        queued = -1
        while queued < len(self._waiting) < self._most:
            queued = len(self._waiting)
            for _ in range(_TURNS):
                await asyncio.sleep(0)

    def _take(self) -> list[tuple[Report, asyncio.Future[Outcome]]]:
        """Take a batch from the queue, each device once; what must wait for its own device stays, in order."""
        batch: list[tuple[Report, asyncio.Future[Outcome]]] = []
        kept: list[tuple[Report, asyncio.Future[Outcome]]] = []
        while self._waiting and len(batch) < self._most:
            item = self._waiting.popleft()
            device = item[0].identity.device_id
            if device in self._in_flight:
                kept.append(item)
            else:
                self._in_flight.add(device)
                batch.append(item)
        self._waiting.extendleft(reversed(kept))
        INTAKE_QUEUE.set(len(self._waiting))
        return batch

    async def _flush(
        self, connection: asyncpg.Connection, batch: Sequence[tuple[Report, asyncio.Future[Outcome]]]
    ) -> None:
        if not batch:  # another took it, or writes for the same devices
            return
        started = time.perf_counter()
        try:
            outcomes = await self._write(connection, [report for report, _ in batch])
        except _TRANSIENT as error:
            # The commit may or may not have happened: the device sends the same sequence again and learns which.
            log.warning("batch not acknowledged", extra={"error": type(error).__name__, "size": len(batch)})
            connection.terminate()
            _refuse(batch, BusyError())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is one heartbeat's
            await self._split(connection, batch, error)
        else:
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if not future.done():
                    future.set_result(outcome)
            INTAKE_BATCH.observe(len(batch))
            INTAKE_SECONDS.observe(time.perf_counter() - started)

    async def _write(self, connection: asyncpg.Connection, reports: list[Report]) -> list[Outcome]:
        try:
            return await self._writer.write(connection, reports)
        except _CONFLICT:
            return await self._writer.write(connection, reports)

    async def _split(
        self, connection: asyncpg.Connection, batch: Sequence[tuple[Report, asyncio.Future[Outcome]]], error: Exception
    ) -> None:
        """Isolate the heartbeat that cannot be written: halves, quarters… until it stands alone."""
        if len(batch) == 1 and not connection.is_closed():
            INTAKE_POISONED.inc()
            log.error("heartbeat not stored", exc_info=error)
            _refuse(batch, PoisonedError())
            return
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            if connection.is_closed():
                _refuse(half, BusyError())
            else:
                await self._flush(connection, half)


def _refuse(items: Sequence[tuple[Report, asyncio.Future[Outcome]]], error: AppError) -> None:
    for _, future in items:
        if not future.done():
            future.set_exception(error)
