"""The job that writes the two daily messages of channels: the digest, and whether practices can open.

1. Ask, without a lock, which channels have one due.
2. Per channel, one short transaction: claim it (`SKIP LOCKED`), read the facts, write the message, move the deadline on.

The id of a message follows from the instant at which it was due, so none is written twice. A channel that raises is pushed an hour
ahead and counted. After a stop of days only the latest of each is written.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import orjson
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.alerts.channel_models import Channel
from vigie.alerts.digest import digest_of, key_of
from vigie.alerts.local_hours import next_at
from vigie.alerts.outbox import Message, want
from vigie.core.db import Database
from vigie.core.metrics import JOB_OLDEST_DUE, JOB_ROW_FAILURES, JOB_ROWS
from vigie.events.session import driver_connection
from vigie.practices.models import OpeningHours, Practice
from vigie.practices.opening_hours_schemas import calendar_from

log = logging.getLogger(__name__)
JOB: Final = "alerts.daily"
_DUE: Final = """
    SELECT provider_id, id, least(next_digest_at, next_opening_check_at) AS due_at FROM channel
    WHERE next_digest_at <= $1 OR next_opening_check_at <= $1 ORDER BY 3 LIMIT $2
"""
_CHANNELS: Final = 200
_PUSH: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_NOON: Final = 12
Reasons = Callable[[AsyncSession, UUID, Sequence[UUID], datetime], Awaitable[Mapping[UUID, Sequence[dict[str, Any]]]]]
"""`reasons_against(session, provider_id, practices, now)`: what speaks against opening, which this part does not know."""


class Daily:
    """Writes daily messages for one worker process. `database`: as the role of the worker."""

    def __init__(self, database: Database, reasons: Reasons) -> None:
        self._database = database
        self._reasons = reasons

    async def run(self, connection: asyncpg.Connection, now: datetime) -> int:
        """Write what is due at `now`; return how many channels were looked at."""
        done = 0
        while True:
            due = await connection.fetch(_DUE, now, _CHANNELS)
            JOB_OLDEST_DUE.labels(JOB).set(max(0.0, (now - due[0]["due_at"]).total_seconds()) if due else 0.0)
            progress = 0
            for row in due:
                progress += await self._channel(row["provider_id"], row["id"], now)
            done += progress
            JOB_ROWS.labels(JOB).inc(progress)
            if progress == 0:  # what is left is held by somebody else
                return done

    async def _channel(self, provider_id: UUID, channel_id: UUID, now: datetime) -> int:
        try:
            async with self._database.session(provider_id, write=True) as session:
                channel = await _claimed(session, provider_id, channel_id, now)
                if channel is None:
                    return 0
                await want(await driver_connection(session), await self._messages(session, channel, now))
        except (OSError, TimeoutError):
            raise  # nothing is wrong with the channel
        except Exception:
            JOB_ROW_FAILURES.labels(JOB).inc()
            log.exception("channel pushed aside", extra={"channel": str(channel_id)})
            await self._push(provider_id, channel_id, now)
        return 1

    async def _messages(self, session: AsyncSession, channel: Channel, now: datetime) -> list[Message]:
        """Return the messages that are due, and move their deadlines on."""
        found = []
        due_at = channel.next_digest_at
        if due_at is not None and due_at <= now:
            found.append(
                _message(channel, "digest", due_at, await digest_of(session, channel, due_at - _DAY, now), now)
            )
            channel.next_digest_at = next_at(channel.digest_at, channel.time_zone, now)
        due_at = channel.next_opening_check_at
        if due_at is not None and due_at <= now:
            data = await self._opening(session, channel, now)
            if data is not None:
                found.append(_message(channel, "opening_check", due_at, data, now))
            channel.next_opening_check_at = next_at(channel.opening_check_at, channel.time_zone, now)
        await session.flush()
        return found

    async def _opening(self, session: AsyncSession, channel: Channel, now: datetime) -> dict[str, Any] | None:
        """Return the data of the opening check; None when none of the practices opens."""
        opening = await _opening_next(session, channel, now)
        if not opening:
            return None
        reasons = await self._reasons(session, channel.provider_id, list(opening), now)
        practices = [
            {"id": str(practice), "name": name, **_verdict(reasons.get(practice, ()))}
            for practice, (name, _) in sorted(opening.items(), key=lambda item: (item[1][0], item[0]))
        ]
        return {"opens_at": min(at for _, at in opening.values()).isoformat(), "practices": practices}

    async def _push(self, provider_id: UUID, channel_id: UUID, now: datetime) -> None:
        async with self._database.session(provider_id, write=True) as session:
            channel = await _claimed(session, provider_id, channel_id, now)
            if channel is not None:
                for name in ("next_digest_at", "next_opening_check_at"):
                    due_at = getattr(channel, name)
                    setattr(channel, name, now + _PUSH if due_at is not None and due_at <= now else due_at)


async def _claimed(session: AsyncSession, provider_id: UUID, channel_id: UUID, now: datetime) -> Channel | None:
    """Return a channel with something due, locked; None when somebody else holds it or has done it."""
    statement = select(Channel).where(
        Channel.provider_id == provider_id,
        Channel.id == channel_id,
        or_(Channel.next_digest_at <= now, Channel.next_opening_check_at <= now),
    )
    return (await session.scalars(statement.with_for_update(key_share=True, skip_locked=True))).first()


def _message(channel: Channel, kind: str, due_at: datetime, data: dict[str, Any], now: datetime) -> Message:
    return Message(
        provider_id=channel.provider_id,
        dedup_key=key_of(kind, channel.id, due_at),
        channel_id=channel.id,
        practice_id=channel.practices[0] if channel.practices is not None and len(channel.practices) == 1 else None,
        kind=kind,
        data=data,
        wanted_at=now,
    )


async def _opening_next(session: AsyncSession, channel: Channel, now: datetime) -> dict[UUID, tuple[str, datetime]]:
    """Return the practices of a channel that open on the day asked about, with their names and when.

    Asked in the morning, that is today; from noon on, tomorrow. A practice without opening hours opens every day.
    """
    conditions = [Practice.provider_id == channel.provider_id, Practice.archived_at.is_(None)]
    if channel.practices is not None:
        conditions.append(Practice.id.in_(channel.practices))
    rows = await session.execute(
        select(Practice.id, Practice.name, Practice.time_zone, OpeningHours.hours)
        .outerjoin(
            OpeningHours,
            (OpeningHours.provider_id == Practice.provider_id) & (OpeningHours.practice_id == Practice.id),
        )
        .where(*conditions)
    )
    local = now.astimezone(ZoneInfo(channel.time_zone))
    day = local.date() + (_DAY if local.hour >= _NOON else timedelta(0))
    found = {}
    for row in rows:
        if row.hours is None:
            found[row.id] = (row.name, datetime.combine(day, time(_NOON), ZoneInfo(row.time_zone)))
            continue
        spans = calendar_from(orjson.dumps(row.hours).decode(), row.time_zone).spans(day)
        if spans:
            found[row.id] = (row.name, spans[0][0])
    return found


def _verdict(reasons: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return whether a practice can open: not as usual without its line or a server; with care when anything is amiss."""
    stopped = any(each["code"] in {"line_down", "server_silent"} for each in reasons)
    return {"verdict": "no" if stopped else "attention" if reasons else "yes", "reasons": list(reasons)}
