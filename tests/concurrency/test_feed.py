"""Eight writers fill one provider's log while readers poll it from a cursor: nothing is skipped, nothing comes twice."""

import asyncio
from typing import Any
from uuid import UUID

from tests.support.cast import Cast
from vigie.core.db import bind_provider, connect, role_url
from vigie.events.log import NewEvent, append
from vigie.settings import Settings

WRITERS, BATCHES, BATCH = 8, 15, 20
KIND = "practice.changed"
TOTAL = WRITERS * BATCHES * BATCH


async def write(settings: Settings, cast: Cast, writer: int) -> None:
    """Append events batch by batch, each in a transaction of its own that takes its time before it commits."""
    provider = UUID(cast.pia.provider_id)
    connection = await connect(*role_url(settings, "vigie_app"))
    try:
        for batch in range(BATCHES):
            events = [
                NewEvent(
                    provider, KIND, UUID(cast.cedar), None, cast.clock.now(), {"by": str(writer), "fields": [str(nth)]}
                )
                for nth in range(batch * BATCH, (batch + 1) * BATCH)
            ]
            async with connection.transaction():
                await bind_provider(connection, provider)
                await append(connection, "citus", events, cast.clock.now())
                await asyncio.sleep(0.001 * (writer % 3))
    finally:
        await connection.close()


async def read(cast: Cast, done: asyncio.Event, limit: int) -> list[dict[str, Any]]:
    """Poll the feed until the writers are done and everything is read."""
    items: list[dict[str, Any]] = []
    after = 0
    while True:
        ended = done.is_set()
        page = await cast.pia.get(f"/v1/events?after={after}&limit={limit}")
        items += page["items"]
        after = page["next_after"]
        if ended and not page["more"] and not page["items"]:
            return items


async def test_readers_see_every_event_once_and_in_order_while_eight_write(cast: Cast, settings: Settings) -> None:
    done = asyncio.Event()
    readers = [asyncio.create_task(read(cast, done, limit)) for limit in (37, 200, 500)]
    await asyncio.gather(*(write(settings, cast, writer) for writer in range(WRITERS)))
    done.set()
    for items in await asyncio.gather(*readers):
        numbers = [item["number"] for item in items]
        assert numbers == list(range(1, len(items) + 1))
        written = [item["payload"] for item in items if item["kind"] == KIND]
        assert len(written) == TOTAL
        for writer in range(WRITERS):
            own = [int(payload["fields"][0]) for payload in written if payload["by"] == str(writer)]
            assert own == list(range(BATCHES * BATCH))
