"""Reading what a provider decided about alerts, as the rules read it."""

from datetime import date, datetime
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import orjson

from vigie.alerts import follow_statements as sql
from vigie.alerts.models import MaintenanceWindow
from vigie.alerts.policy_schemas import WEEKDAYS, minutes_of, policy_from
from vigie.alerts.rules.model import Channel, Terms
from vigie.alerts.rules.policy import Policy
from vigie.alerts.rules.windows import Weekly, Window
from vigie.practices.opening_hours_schemas import calendar_from


async def read_terms(
    connection: asyncpg.Connection, provider_id: UUID, since: datetime, policy: tuple[datetime, Policy] | None = None
) -> Terms:
    """Return the terms of a provider from an instant on; `policy`: one to be tried instead of those that applied."""
    policies = [policy] if policy is not None else await _policies(connection, provider_id)
    windows = await connection.fetch(sql.WINDOWS, provider_id, since)
    channels = await connection.fetch(sql.CHANNELS, provider_id)
    return Terms(tuple(policies), tuple(map(_window, windows)), tuple(map(_channel, channels)), calendar_from)


async def _policies(connection: asyncpg.Connection, provider_id: UUID) -> list[tuple[datetime, Policy]]:
    rows = await connection.fetch(sql.POLICIES, provider_id)
    return [(row["activated_at"], policy_from(row["document"])) for row in rows]


def _window(row: asyncpg.Record) -> Window:
    return Window(
        id=row["id"],
        practice_id=row["practice_id"],
        device_id=row["device_id"],
        made_at=row["created_at"],
        cancelled_at=row["cancelled_at"],
        span=(row["starts_at"], row["ends_at"]) if row["weekly"] is None else None,
        weekly=weekly_from(row["weekly"]) if row["weekly"] is not None else None,
        causes=frozenset(row["causes"]),
        controls=frozenset(row["controls"]),
    )


def window_of(row: MaintenanceWindow) -> Window:
    """Return a window as the rules read it."""
    once = (row.starts_at, row.ends_at) if row.starts_at is not None and row.ends_at is not None else None
    return Window(
        id=row.id,
        practice_id=row.practice_id,
        device_id=row.device_id,
        made_at=row.created_at,
        cancelled_at=row.cancelled_at,
        span=once,
        weekly=weekly_from(orjson.dumps(row.weekly).decode()) if row.weekly is not None else None,
        causes=frozenset(row.causes),
        controls=frozenset(row.controls),
    )


@lru_cache(maxsize=4096)
def weekly_from(stored: str) -> Weekly:
    """Return the recurrence of a stored window (JSON)."""
    kept = orjson.loads(stored)
    return Weekly(
        zone=ZoneInfo(kept["time_zone"]),
        weekdays=frozenset(WEEKDAYS.index(name) for name in kept["weekdays"]),
        start=minutes_of(kept["from"]),
        end=minutes_of(kept["to"]),
        first=date.fromisoformat(kept["first"]),
        last=date.fromisoformat(kept["last"]) if kept["last"] is not None else None,
    )


def _channel(row: asyncpg.Record) -> Channel:
    causes, practices = row["causes"], row["practices"]
    return Channel(
        id=row["id"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
        minimum=row["minimum_severity"],
        causes=frozenset(causes) if causes is not None else None,
        practices=frozenset(practices) if practices is not None else None,
    )
