"""Finding devices by their key id, remembered in the process and forgotten at once when one is revoked."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg

from vigie.core.batch import Form, fetch
from vigie.core.invalidation import Remembered
from vigie.devices import statements as sql
from vigie.devices.intake import BusyError
from vigie.devices.report import Identity

DeviceKey = tuple[UUID, UUID]
_REMEMBER_S = 60.0
_CAPACITY = 50_000
_MOST_AT_ONCE = 500


class Directory:
    """Answers which device a key id names. Misses that arrive together are looked up together."""

    def __init__(
        self, connect: Callable[[], Awaitable[asyncpg.Connection]], form: Form, monotonic: Callable[[], float]
    ) -> None:
        self._connect = connect
        self._form: Form = form
        self._known: Remembered[DeviceKey, Identity] = Remembered(
            capacity=_CAPACITY, ttl_s=_REMEMBER_S, clock=monotonic
        )
        self._absent: Remembered[DeviceKey, bool] = Remembered(capacity=10_000, ttl_s=5.0, clock=monotonic)
        self._wanted: dict[DeviceKey, asyncio.Future[Identity | None]] = {}
        self._loader: asyncio.Task[None] | None = None
        self._connection: asyncpg.Connection | None = None

    async def find(self, key: DeviceKey) -> Identity | None:
        """Return the device with this provider and id, or None; raises `BusyError` when the database is away."""
        known = self._known.get(key)
        if known is not None:
            return known
        if self._absent.get(key):
            return None
        future = self._wanted.get(key)
        if future is None:
            future = self._wanted[key] = asyncio.get_running_loop().create_future()
            if self._loader is None or self._loader.done():
                self._loader = asyncio.create_task(self._load())
        return await asyncio.shield(future)

    def on_change(self, key: str) -> None:
        """Forget a device that changed (`<provider>.<device>`)."""
        provider, _, device = key.partition(".")
        with contextlib.suppress(ValueError):
            pair = (UUID(provider), UUID(device))
            self._known.forget(pair)
            self._absent.forget(pair)

    def on_hearing(self, hearing: bool) -> None:  # noqa: FBT001 - it is the news itself
        """Forget everything when notifications begin or stop to arrive."""
        self._known.forget_all()
        self._absent.forget_all()
        self._known.hearing = self._absent.hearing = hearing

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()

    async def _load(self) -> None:
        await asyncio.sleep(0)  # let the requests of this turn of the loop gather
        while self._wanted:
            keys = list(self._wanted)[:_MOST_AT_ONCE]
            futures = {key: self._wanted.pop(key) for key in keys}
            try:
                found = await self._look_up(keys)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                self._connection = None
                for future in futures.values():
                    future.set_exception(BusyError())
                    future.exception()  # whoever asked may be gone: an unread failure is no news
                continue
            for key, future in futures.items():
                identity = found.get(key)
                if identity is None:
                    self._absent.put(key, True)
                else:
                    self._known.put(key, identity)
                future.set_result(identity)

    async def _look_up(self, keys: list[DeviceKey]) -> dict[DeviceKey, Identity]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        rows = await fetch(self._connection, self._form, sql.IDENTITIES, sorted(keys))
        return {(row["provider_id"], row["device_id"]): Identity(**row) for row in rows}
