"""Eight writers fill one provider's log while readers poll it from a cursor: nothing is skipped, nothing comes twice."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from tests.support.cast import Cast
from vigie.core.db import bind_provider, connect, role_url
from vigie.events.log import NewEvent, append
from vigie.events.queries import events_after, last_number
from vigie.settings import Settings

WRITERS, BATCHES, BATCH = 8, 25, 500
KIND = "practice.changed"
TOTAL = WRITERS * BATCHES * BATCH
Told = tuple[int, str, str]  # number, writer, and which of the writer's


async def write(settings: Settings, cast: Cast, writer: int) -> None:
    """Append events batch by batch, each in a transaction of its own that takes its time before it commits."""
    provider, now = UUID(cast.pia.provider_id), cast.clock.now()
    connection = await connect(*role_url(settings, "vigie_app"))
    try:
        for batch in range(BATCHES):
            events = [
                NewEvent(provider, KIND, UUID(cast.cedar), None, now, {"by": str(writer), "fields": [str(nth)]})
                for nth in range(batch * BATCH, (batch + 1) * BATCH)
            ]
            async with connection.transaction():
                await bind_provider(connection, provider)
                await append(connection, "postgresql", events, now)
                await asyncio.sleep(0.001 * (writer % 3))
    finally:
        await connection.close()


async def pages(cast: Cast, limit: int) -> AsyncIterator[list[Told]]:
    """Yield page after page as the route reads them, an empty one where there is nothing yet."""
    provider, after = UUID(cast.pia.provider_id), 0
    while True:
        async with cast.parts.database.session(provider, write=False) as session:
            span = (after, await last_number(session, provider))
            found = await events_after(session, provider, span, limit, None)
        after = found[-1].number if found else after
        yield [(event.number, *_who(event.kind, event.payload)) for event in found]


async def pages_over_http(cast: Cast, limit: int) -> AsyncIterator[list[Told]]:
    """Yield page after page as a partner is given them."""
    after = 0
    while True:
        page = await cast.pia.get(f"/v1/events?after={after}&limit={limit}")
        after = page["next_after"]
        yield [(item["number"], *_who(item["kind"], item["payload"])) for item in page["items"]]


def _who(kind: str, payload: dict[str, list[str]]) -> tuple[str, str]:
    return (str(payload["by"]), payload["fields"][0]) if kind == KIND else ("", "")


async def read(found: AsyncIterator[list[Told]], done: asyncio.Event, *, to_the_end: bool) -> list[Told]:
    """Poll until the writers are done, and then until nothing is left, or for one page more."""
    told: list[Told] = []
    while True:
        ended = done.is_set()
        page = await anext(found)
        told += page
        if ended and (not page or not to_the_end):
            return told


@pytest.mark.slow(reason="a hundred thousand events, read twice")
async def test_readers_see_every_event_once_and_in_order_while_eight_write(cast: Cast, settings: Settings) -> None:
    done = asyncio.Event()
    readers = [
        asyncio.create_task(read(pages(cast, 1777), done, to_the_end=True)),
        asyncio.create_task(read(pages_over_http(cast, 500), done, to_the_end=False)),
    ]
    await asyncio.gather(*(write(settings, cast, writer) for writer in range(WRITERS)))
    done.set()
    for told in await asyncio.gather(*readers):
        assert [number for number, _, _ in told] == list(range(1, len(told) + 1))
        by_writer: dict[str, list[int]] = defaultdict(list)
        for _, writer, nth in told:
            if writer:
                by_writer[writer].append(int(nth))
        assert len(by_writer) == WRITERS
        assert all(own == list(range(len(own))) for own in by_writer.values())
        if told is readers[0].result():
            assert sum(map(len, by_writer.values())) == TOTAL
