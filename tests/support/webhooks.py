"""The worker's part of webhooks, as tests drive it: with a clock they move, and crashes where they want them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg

from tests.support.cast import Cast
from vigie.core.clock import MovableClock
from vigie.core.db import Database, connect, role_url
from vigie.core.outbound import Outbound, Reach
from vigie.core.sealing import load_sealer
from vigie.settings import Settings
from vigie.webhooks.book import Book
from vigie.webhooks.collecting import Collector
from vigie.webhooks.delivery import LEASE, Deliverer


class Post:
    """The jobs of webhooks over one database; every connection they opened is closed with them."""

    def __init__(self, settings: Settings, database: Database, clock: MovableClock) -> None:
        self.clock = clock
        self._settings, self._database = settings, database
        self._opened: list[asyncpg.Connection] = []
        self.collector = Collector(self.open, "postgresql")
        self.deliverer = self.another()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[asyncpg.Connection]:
        """Give a connection as the worker's role."""
        connection = self._opened.pop() if self._opened else await connect(*role_url(self._settings, "vigie_worker"))
        try:
            yield connection
        except BaseException:
            connection.terminate()
            raise
        self._opened.append(connection)

    def another(self, deliverer: type[Deliverer] = Deliverer, book: type[Book] = Book) -> Deliverer:
        """Return what another worker sends with."""
        sealer = load_sealer(self._settings.sealing_key_file)
        assert sealer is not None
        kept = book(self.open, self._database, "postgresql")
        return deliverer(self.open, kept, Outbound(), sealer, Reach.LOOPBACK, self.clock)

    async def run(self, *, after: timedelta = timedelta()) -> None:
        """Make messages of what happened and send whatever is due, until nothing is; `after` some time has passed."""
        self.clock.move_to(self.clock.now() + after)
        await self.collector.run(self.clock.now())
        await self.deliverer.drain()

    async def take_over(self) -> None:
        """Let the leases of a worker that is no more end, and send what it left."""
        await self.run(after=LEASE)

    async def close(self) -> None:
        """Close what was opened."""
        for connection in self._opened:
            await connection.close()


@asynccontextmanager
async def posting(settings: Settings, clock: MovableClock) -> AsyncIterator[Post]:
    """Give the jobs of webhooks for as long as the block lasts."""
    database = Database(*role_url(settings, "vigie_worker"), pool_size=2)
    post = Post(settings, database, clock)
    yield post
    await post.close()
    await database.close()


async def endpoint(cast: Cast, url: str, **more: Any) -> dict[str, Any]:
    """Make an endpoint of Atlas; return it with its secret."""
    made: dict[str, Any] = await cast.pia.post("/v1/webhook-endpoints", {"url": url, **more})
    return made


async def standing(cast: Cast, made: dict[str, Any]) -> dict[str, Any]:
    """Return an endpoint as it is now."""
    found: dict[str, Any] = await cast.pia.get(f"/v1/webhook-endpoints/{made['id']}")
    return found


async def deliveries(cast: Cast, made: dict[str, Any], **filters: str) -> list[dict[str, Any]]:
    """Return the deliveries to an endpoint, latest event first."""
    query = "&".join(
        f"{name}={value}" for name, value in {"endpoint_id": made["id"], "limit": "200", **filters}.items()
    )
    found: list[dict[str, Any]] = (await cast.pia.get(f"/v1/webhook-deliveries?{query}"))["items"]
    return found
