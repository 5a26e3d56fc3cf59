"""Events from the ordinary units of work of the API."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.events.log import NewEvent, append, check


async def driver_connection(session: AsyncSession) -> asyncpg.Connection:
    """Return the driver's connection of a session, inside its transaction, for set-based SQL."""
    raw = await (await session.connection()).get_raw_connection()
    connection = raw.driver_connection
    if connection is None:
        raise RuntimeError("the session has no connection")
    return connection


async def record(session: AsyncSession, events: Sequence[NewEvent], now: datetime) -> None:
    """Append events in the unit of work of a request. One provider: the portable form, which needs no batch.

    Raises `UnknownKindError` and `PayloadMisfitError`: partners build on the published schemas.
    """
    check(events)
    await append(await driver_connection(session), "citus", events, now)
