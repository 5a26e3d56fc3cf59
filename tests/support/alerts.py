"""Making alerts in tests: an event in the log, and the worker's follower."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from vigie.alerts.follow import follow
from vigie.app import Parts
from vigie.core.clock import wire_time
from vigie.core.db import Database
from vigie.events.log import NewEvent
from vigie.events.session import record


def line_down(provider_id: str, practice_id: str, now: datetime) -> NewEvent:
    """Return the event that the line of a practice is down, whatever its devices say."""
    payload: dict[str, Any] = {"since": wire_time(now), "devices": [], "alone": 0}
    return NewEvent(UUID(provider_id), "practice.line_down", UUID(practice_id), None, now, payload)


def line_restored(provider_id: str, practice_id: str, now: datetime) -> NewEvent:
    """Return the event that it is back."""
    payload: dict[str, Any] = {"since": wire_time(now), "devices": [], "confirmed": True}
    return NewEvent(UUID(provider_id), "practice.line_restored", UUID(practice_id), None, now, payload)


async def log_events(parts: Parts, provider_id: str, *events: NewEvent, now: datetime) -> None:
    """Append events of one provider, as a request does."""
    async with parts.database.session(UUID(provider_id), write=True) as session:
        await record(session, events, now)


async def follow_as_owner(rows: Database, now: datetime) -> None:
    """Let the follower run on a connection of the database's owner."""
    async with rows.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert isinstance(raw, asyncpg.Connection)
        await follow(raw, now)
