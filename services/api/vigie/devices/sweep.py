"""The sweep: verdicts change and devices fall silent without anybody reporting, at their deadline and not at the sweep's time.

1. Ask, without a lock, which providers have devices whose deadline has passed.
2. Per provider, one short transaction: claim the liveness rows that nobody else holds (`SKIP LOCKED`), read their deadlines again.
3. Walk through the deadlines that passed in the order of time: assess the device, or call it silent, as of that instant, and
   settle its practice; so every crossing is recorded when it happened, and each change begins where the one before ended.
4. Move the deadlines ahead, append the events.

Two workers are harmless: whoever comes second finds the rows held, or the deadlines moved. A row that raises is pushed an hour
ahead and counted, so that the loop does not meet it for ever.
"""

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from vigie.core.batch import Form, fetch
from vigie.core.db import bind_provider
from vigie.core.metrics import JOB_OLDEST_DUE, JOB_ROW_FAILURES, JOB_ROWS, SWEEP_HELD
from vigie.devices import sweep_statements as sql
from vigie.devices.cadence import INTERVAL_S, silent_after
from vigie.devices.census import lock_practices, take_census
from vigie.devices.silence_events import silent
from vigie.events.log import NewEvent, append
from vigie.posture.assessment import Assessor, DeviceChange, PracticeChange, PracticeKey
from vigie.posture.rules.device import CONTROLS_READING, DEVICE_CONTROLS
from vigie.posture.rules.model import Calendar

log = logging.getLogger(__name__)
JOB = "devices.sweep"
_PROVIDERS = 20
_CLAIM = 200
_PUSH = timedelta(hours=1)
_MOST_STEPS = 50  # instants a practice may pass in one transaction before the rest waits for the next
_ALL = frozenset(DEVICE_CONTROLS)
SECTIONS_READ = list(CONTROLS_READING)
# "The whole fleet went quiet" is only told from "this practice went quiet" when the fleet is large enough.
_FLEET = 50
# A device that was heard last an interval before all others counts as silent five minutes after this.
_HOLD_AFTER = timedelta(seconds=INTERVAL_S + 120)
_HOLD_AT_MOST = timedelta(hours=12)
_INTERVAL = timedelta(seconds=INTERVAL_S)
_AWAY = timedelta(minutes=5)  # a sweep that did not run for this long may have missed that the fleet was quiet
# The server or the line, or another transaction in the way: nothing is wrong with the row.
NOT_THE_ROW = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what the driver says when the line breaks while it rolls back
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
)


@dataclass(slots=True)
class _Course:
    """A device on its way through the deadlines it has passed."""

    row: asyncpg.Record
    sections: Mapping[str, Any]
    review_at: datetime | None  # its findings, or the inventory of its practice, change by themselves
    silent_after: datetime | None  # it counts as silent; None: it is already
    told: bool  # whether silence may be told now

    @property
    def practice(self) -> PracticeKey:
        """Return the key of the practice."""
        return self.row["provider_id"], self.row["practice_id"]

    def next_instant(self, now: datetime) -> datetime | None:
        """Return the earliest instant that has passed and is not dealt with."""
        silent_after = self.silent_after if self.told else None
        return min((at for at in (self.review_at, silent_after) if at is not None and at <= now), default=None)


class Sweep:
    """Runs the sweep for one worker process. `may_hold`: false for a replay, which knows that the fault is not ours."""

    def __init__(self, form: Form, assessor: Assessor, *, may_hold: bool = True) -> None:
        self._form: Form = form
        self._may_hold = may_hold
        self._assessor = assessor
        self._hold_until: datetime | None = None
        self._last_run: datetime | None = None

    async def run(self, connection: asyncpg.Connection, now: datetime) -> int:
        """Work on everything that is due at `now`; return how many devices were looked at."""
        done = 0
        hold = self._may_hold and await self._holds(connection, now)
        while True:
            due = await connection.fetch(sql.DUE_PROVIDERS, now, hold, _PROVIDERS)
            JOB_OLDEST_DUE.labels(JOB).set(max(0.0, (now - due[0]["due_at"]).total_seconds()) if due else 0.0)
            if not due:
                return done
            providers = [row["provider_id"] for row in due]
            random.shuffle(providers)  # so that two workers begin at different ends
            progress = 0
            for provider_id in providers:
                progress += await self._provider(connection, provider_id, now, hold=hold)
            done += progress
            JOB_ROWS.labels(JOB).inc(progress)
            if progress == 0:  # what is left is held by another worker
                return done

    async def _holds(self, connection: asyncpg.Connection, now: datetime) -> bool:
        """Whether silence is not told for now, because it seems to be ours: nobody at all was heard for over an interval.

        Once heartbeats return, one more interval passes before silence is told again. After twelve hours it is told anyway.
        """
        pulse = await connection.fetchrow(sql.PULSE)
        watched = self._last_run is not None and now - self._last_run < _AWAY
        self._last_run = now
        if pulse is None or pulse["devices"] < _FLEET or pulse["newest"] is None:
            SWEEP_HELD.set(0)
            return False
        quiet = now - pulse["newest"]
        if _HOLD_AFTER < quiet < _HOLD_AT_MOST:
            self._hold_until = now + _INTERVAL
        elif not watched and (returned := await self._returned(connection, now)) is not None:
            self._hold_until = returned + _INTERVAL
        held = quiet < _HOLD_AT_MOST and self._hold_until is not None and now < self._hold_until
        if held and not SWEEP_HELD._value.get():  # noqa: SLF001 - say it once
            log.error("the whole fleet is quiet: silence is not told until heartbeats return")
        SWEEP_HELD.set(1 if held else 0)
        return held

    async def _returned(self, connection: asyncpg.Connection, now: datetime) -> datetime | None:
        """Return when heartbeats came back after a quiet that nobody watched: the database was away from us as well."""
        since = now - _HOLD_AT_MOST - _INTERVAL
        found: datetime | None = await connection.fetchval(sql.RETURNED, since, _HOLD_AFTER, now - _INTERVAL)
        return found

    async def _provider(self, connection: asyncpg.Connection, provider_id: UUID, now: datetime, *, hold: bool) -> int:
        due = await connection.fetch(sql.DUE_DEVICES, provider_id, now, hold, _CLAIM)
        devices = [row["device_id"] for row in due]
        if not devices:
            return 0
        try:
            return await self._work(connection, provider_id, devices, now, hold=hold)
        except NOT_THE_ROW:
            raise
        except Exception:
            if connection.is_closed():
                raise
            if len(devices) > 1:
                log.exception("sweep of a batch failed, trying its rows one by one", extra={"size": len(devices)})
        done = 0
        for device_id in devices:
            try:
                done += await self._work(connection, provider_id, [device_id], now, hold=hold)
            except NOT_THE_ROW:
                raise
            except Exception:
                if connection.is_closed():
                    raise
                JOB_ROW_FAILURES.labels(JOB).inc()
                log.exception("device pushed aside", extra={"device_id": str(device_id)})
                await self._push(connection, provider_id, device_id, now)
        return done

    async def _push(self, connection: asyncpg.Connection, provider_id: UUID, device_id: UUID, now: datetime) -> None:
        async with connection.transaction():
            await bind_provider(connection, provider_id)
            await connection.execute(sql.PUSH, provider_id, device_id, now + _PUSH)

    async def _work(
        self,
        connection: asyncpg.Connection,
        provider_id: UUID,
        devices: Sequence[UUID],
        now: datetime,
        *,
        hold: bool,
    ) -> int:
        async with connection.transaction():
            await bind_provider(connection, provider_id)
            rows = await connection.fetch(sql.CLAIM, provider_id, devices)
            deadlines = {row["device_id"]: row for row in await connection.fetch(sql.DEADLINES, provider_id, devices)}
            due = [row for row in rows if _is_due(deadlines.get(row["device_id"]), now, hold=hold)]
            if not due:
                return 0
            sections = await self._sections(connection, provider_id, due)
            terms = await self._assessor.terms_of(connection, {(provider_id, row["practice_id"]): now for row in due})
            courses = [
                _course(
                    row,
                    deadlines[row["device_id"]],
                    sections[row["device_id"]],
                    terms[provider_id, row["practice_id"]].calendar,
                    hold=hold,
                )
                for row in due
            ]
            await lock_practices(connection, "citus", (course.practice for course in courses))
            events: list[NewEvent] = []
            for _ in range(_MOST_STEPS):
                if not await self._step(connection, courses, now, events):
                    break
            moved = [(provider_id, c.row["device_id"], c.silent_after, c.review_at) for c in courses]
            await fetch(connection, "citus", sql.MOVE_DEADLINES, moved)
            await append(connection, "citus", sorted(events, key=lambda event: event.happened_at), now)
            return len(due)

    async def _sections(
        self, connection: asyncpg.Connection, provider_id: UUID, due: Sequence[asyncpg.Record]
    ) -> dict[UUID, dict[str, Any]]:
        found: dict[UUID, dict[str, Any]] = {row["device_id"]: {} for row in due}
        for row in await connection.fetch(sql.SECTIONS, provider_id, list(found), SECTIONS_READ):
            found[row["device_id"]][row["section"]] = row["body"]
        return found

    async def _step(
        self, connection: asyncpg.Connection, courses: Sequence[_Course], now: datetime, events: list[NewEvent]
    ) -> bool:
        """Bring each practice to the next instant at which one of its devices has a deadline; return whether any had."""
        instants: dict[PracticeKey, datetime] = {}
        for course in courses:
            at = course.next_instant(now)
            if at is not None:
                instants[course.practice] = min(at, instants.get(course.practice, at))
        if not instants:
            return False
        reached = [course for course in courses if course.practice in instants]
        reviewed = [course for course in reached if course.review_at == instants[course.practice]]
        silenced = [course for course in reached if course.told and course.silent_after == instants[course.practice]]
        events += await self._tell_silence(connection, silenced)
        unsettled = await self._review(connection, reviewed, instants, now, events)
        counted = {c.practice for c in reviewed if c.silent_after is None} | {c.practice for c in silenced}
        practices = await take_census(connection, "citus", [(key, instants[key]) for key in counted])
        practices += [PracticeChange(*key, instants[key]) for key in unsettled if key not in counted]
        told, inventory = await self._assessor.settle_practices(connection, practices, now)
        events += told
        for course in (*reviewed, *silenced):
            step = inventory.get(course.practice)
            if course.silent_after is None and step is not None and step > instants[course.practice]:
                course.review_at = min(step, course.review_at or step)
        return True

    async def _review(
        self,
        connection: asyncpg.Connection,
        courses: Sequence[_Course],
        instants: Mapping[PracticeKey, datetime],
        now: datetime,
        events: list[NewEvent],
    ) -> set[PracticeKey]:
        """Assess devices at the instants of their practices; return the practices whose findings changed."""
        changes = [_device_change(course, instants[course.practice]) for course in courses]
        assessment = await self._assessor.assess_devices(connection, changes)
        events += assessment.events
        for course in courses:
            review = assessment.review_at.get(course.row["device_id"])
            if review is not None and review <= instants[course.practice]:
                review = now + _PUSH  # a verdict that claims to have ended already must not be met for ever
            course.review_at = review
        return set(assessment.unsettled)

    async def _tell_silence(self, connection: asyncpg.Connection, courses: Sequence[_Course]) -> list[NewEvent]:
        """Mark devices as silent since their deadline; return the events."""
        marks = [(course.row["provider_id"], course.row["device_id"], course.silent_after) for course in courses]
        await fetch(connection, "citus", sql.MARK_SILENT, marks)
        for course in courses:
            course.silent_after = None
        return [
            silent(course.row, at, "unknown", {})
            for course, (_, _, at) in zip(courses, marks, strict=True)
            if at is not None
        ]


def _course(
    row: asyncpg.Record,
    deadline: asyncpg.Record,
    sections: Mapping[str, Any],
    calendar: Calendar,
    *,
    hold: bool,
) -> _Course:
    expected: datetime | None = deadline["silent_after"]  # exact for a device that was never heard
    if row["silent_since"] is not None:
        expected = None
    elif expected is not None and row["last_seen_at"] is not None:  # quiet heartbeats do not move it
        expected = silent_after(row["last_seen_at"], row["slot_s"], calendar)
    return _Course(row, sections, deadline["review_at"], expected, told=not hold)


def _is_due(deadline: asyncpg.Record | None, now: datetime, *, hold: bool) -> bool:
    if deadline is None:
        return False
    at = deadline["review_at"] if hold else deadline["due_at"]
    return at is not None and at <= now


def _device_change(course: _Course, at: datetime) -> DeviceChange:
    row = course.row
    return DeviceChange(
        provider_id=row["provider_id"],
        practice_id=row["practice_id"],
        device_id=row["device_id"],
        family=row["family"],
        role=row["role"],
        enrolled_at=row["enrolled_at"],
        seen_at=row["last_seen_at"] or row["enrolled_at"],
        sections=course.sections,
        controls=_ALL,
        happened_at=at,
        hindsight=True,
    )
