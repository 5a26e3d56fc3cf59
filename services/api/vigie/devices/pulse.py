"""Whether it is us: what the intake hears is noted once a minute, and the sweep reads from it when nobody could be heard.

The notes survive every process, so that a worker that starts after an outage knows of it as well as one that watched.
"""

import logging
from datetime import datetime, timedelta

import asyncpg

from vigie.core.metrics import SWEEP_HELD
from vigie.devices import silence_statements as sql
from vigie.devices.cadence import Outage
from vigie.devices.silence_rules import LEAST_FLEET, quiet_times

log = logging.getLogger(__name__)
_MINUTE = timedelta(minutes=1)
_HOLD_AT_MOST = timedelta(hours=12)
_LOOK_BACK = _HOLD_AT_MOST + timedelta(hours=2)
_LATE = timedelta(minutes=5)  # another process may commit its note after a later one was read
_REMEMBERED = timedelta(days=40)  # a practice may be closed that long between an outage and the next report expected
_KEPT = timedelta(days=2)


class PulseNotes:
    """Notes for one intake process that heartbeats are heard: at most once a minute, beside their transaction."""

    def __init__(self) -> None:
        self._noted: datetime | None = None
        self._heard = 0

    async def note(self, connection: asyncpg.Connection, at: datetime, heard: int) -> None:
        """Count accepted reports; the first of a minute writes down how many came since the last note."""
        self._heard += heard
        if not self._heard or (self._noted is not None and self._noted <= at < self._noted + _MINUTE):
            return
        await connection.execute(sql.NOTE_PULSE, at, self._heard)
        self._noted, self._heard = at, 0


class Watch:
    """Reads the notes for one worker process."""

    def __init__(self) -> None:
        self._pulses: dict[datetime, int] = {}
        self._tidied: datetime | None = None
        self._said = False

    async def outages(self, connection: asyncpg.Connection, now: datetime) -> tuple[tuple[Outage, ...], bool]:
        """Return our outages of late, in order, and whether one goes on, so that silence is not told.

        After twelve hours it is told anyway, with us as its cause.
        """
        await self._read(connection, now)
        known = await connection.fetch(sql.OUTAGES, now - _REMEMBERED)
        if await self._record(connection, known, now):
            known = await connection.fetch(sql.OUTAGES, now - _REMEMBERED)
        outages = tuple(Outage(row["since"], row["until"]) for row in known)
        held = bool(outages) and outages[-1].until is None and now - outages[-1].since < _HOLD_AT_MOST
        await self._say(connection, known[-1] if held else None, now)
        return outages, held

    async def _read(self, connection: asyncpg.Connection, now: datetime) -> None:
        first = now - _LOOK_BACK
        newest = max(self._pulses, default=first)
        for row in await connection.fetch(sql.PULSES, max(first, newest - _LATE), now):
            self._pulses[row["at"]] = row["heard"]
        self._pulses = {at: heard for at, heard in sorted(self._pulses.items()) if first < at <= now}
        if self._tidied is None or now - self._tidied > _LOOK_BACK:
            await connection.execute(sql.FORGET_PULSES, now - _KEPT)
            self._tidied = now

    async def _record(self, connection: asyncpg.Connection, known: list[asyncpg.Record], now: datetime) -> bool:
        """Write down outages that begin or end; return whether anything was written."""
        stored = {row["since"]: row["until"] for row in known}
        found = {outage.since: outage.until for outage in quiet_times(list(self._pulses.items()), now)}
        for since, until in stored.items():
            if until is None:  # whatever was heard after it began ended it
                found[since] = min((at for at in self._pulses if at > since), default=None)
        news = [(since, until) for since, until in found.items() if stored.get(since, since) != until]
        if not news or not (stored or await connection.fetchval(sql.IS_FLEET, LEAST_FLEET)):
            return False
        for since, until in news:
            await connection.execute(sql.BEGIN_OUTAGE, since, now, until)
        return True

    async def _say(self, connection: asyncpg.Connection, running: asyncpg.Record | None, now: datetime) -> None:
        """Tell the operator, by metric and log, once somebody's silence is withheld."""
        withheld = False
        if running is not None:
            withheld = running["withheld"] or bool(await connection.fetchval(sql.IS_WITHHELD, now))
            if withheld and not running["withheld"]:
                await connection.execute(sql.WITHHOLD, running["since"])
            if withheld and not self._said:
                log.error("nobody is heard: silence is not told", extra={"since": running["since"].isoformat()})
        if self._said and not withheld:
            log.warning("silence is told again")
        self._said = withheld
        SWEEP_HELD.set(1 if withheld else 0)
