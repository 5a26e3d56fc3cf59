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
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from vigie.core.batch import Form, fetch
from vigie.core.db import bind_provider
from vigie.core.metrics import JOB_OLDEST_DUE, JOB_ROW_FAILURES, JOB_ROWS
from vigie.devices import silence
from vigie.devices import silence_statements as silences
from vigie.devices import sweep_statements as sql
from vigie.devices.census import lock_practices, take_census
from vigie.devices.courses import Course, SweepTime, course_of
from vigie.devices.pulse import Watch
from vigie.events.log import NewEvent, append
from vigie.posture.assessment import Assessor, DeviceChange, PracticeChange, PracticeKey
from vigie.posture.rules.device import CONTROLS_READING, DEVICE_CONTROLS

log = logging.getLogger(__name__)
JOB = "devices.sweep"
_PROVIDERS = 20
_CLAIM = 200
_PUSH = timedelta(hours=1)
_MOST_STEPS = 50  # instants a practice may pass in one transaction before the rest waits for the next
_ALL = frozenset(DEVICE_CONTROLS)
SECTIONS_READ = list(CONTROLS_READING)
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


class Sweep:
    """Runs the sweep for one worker process. `may_hold`: false for a replay, which knows that the fault is not ours."""

    def __init__(self, form: Form, assessor: Assessor, *, may_hold: bool = True) -> None:
        self._form: Form = form
        self._may_hold = may_hold
        self._assessor = assessor
        self._watch = Watch()

    async def run(self, connection: asyncpg.Connection, now: datetime) -> int:
        """Work on everything that is due at `now`; return how many devices were looked at."""
        outages, hold = await self._watch.outages(connection, now) if self._may_hold else ((), False)
        time = SweepTime(now, outages, hold)
        done = 0
        while True:
            due = await connection.fetch(sql.DUE_PROVIDERS, now, hold, _PROVIDERS)
            JOB_OLDEST_DUE.labels(JOB).set(max(0.0, (now - due[0]["due_at"]).total_seconds()) if due else 0.0)
            providers = [row["provider_id"] for row in due]
            random.shuffle(providers)  # so that two workers begin at different ends
            progress = 0
            for provider_id in providers:
                progress += await self._provider(connection, provider_id, time)
            done += progress
            JOB_ROWS.labels(JOB).inc(progress)
            if progress == 0:  # nothing is due, or what is left is held by another worker
                return done + await self._judge_again(connection, time)

    async def _judge_again(self, connection: asyncpg.Connection, time: SweepTime) -> int:
        """Judge the causes of silences that are due for it; what cannot be judged is pushed aside."""
        done = 0
        for row in await connection.fetch(silences.DUE_PROVIDERS, time.now):
            try:
                async with connection.transaction():
                    await bind_provider(connection, row["provider_id"])
                    done += await silence.judge_again(connection, row["provider_id"], time.now, time.outages)
            except NOT_THE_ROW:
                raise
            except Exception:
                if connection.is_closed():
                    raise
                JOB_ROW_FAILURES.labels(JOB).inc()
                log.exception("silences pushed aside", extra={"provider_id": str(row["provider_id"])})
                async with connection.transaction():
                    await bind_provider(connection, row["provider_id"])
                    await connection.execute(silences.PUSH, row["provider_id"], time.now, time.now + _PUSH)
        return done

    async def _provider(self, connection: asyncpg.Connection, provider_id: UUID, time: SweepTime) -> int:
        due = await connection.fetch(sql.DUE_DEVICES, provider_id, time.now, time.hold, _CLAIM)
        devices = [row["device_id"] for row in due]
        if not devices:
            return 0
        try:
            return await self._work(connection, provider_id, devices, time)
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
                done += await self._work(connection, provider_id, [device_id], time)
            except NOT_THE_ROW:
                raise
            except Exception:
                if connection.is_closed():
                    raise
                JOB_ROW_FAILURES.labels(JOB).inc()
                log.exception("device pushed aside", extra={"device_id": str(device_id)})
                await self._push(connection, provider_id, device_id, time.now)
        return done

    async def _push(self, connection: asyncpg.Connection, provider_id: UUID, device_id: UUID, now: datetime) -> None:
        async with connection.transaction():
            await bind_provider(connection, provider_id)
            await connection.execute(sql.PUSH, provider_id, device_id, now + _PUSH)

    async def _work(
        self, connection: asyncpg.Connection, provider_id: UUID, devices: Sequence[UUID], time: SweepTime
    ) -> int:
        async with connection.transaction():
            await bind_provider(connection, provider_id)
            courses, looked_at = await self._claim(connection, provider_id, devices, time)
            if not courses:
                return 0
            await lock_practices(connection, "citus", (course.practice for course in courses))
            events: list[NewEvent] = []
            for _ in range(_MOST_STEPS):
                if not await self._step(connection, courses, time.now, events):
                    break
            moved = [(provider_id, c.row["device_id"], c.silent_after, c.review_at) for c in courses if c.due]
            await fetch(connection, "citus", sql.MOVE_DEADLINES, moved)
            beside = [(provider_id, c.row["device_id"], c.carried) for c in courses if not c.due and c.fell_silent]
            await fetch(connection, "citus", sql.SILENT_BESIDE, beside)
            await append(connection, "citus", sorted(events, key=lambda event: event.happened_at), time.now)
            return looked_at

    async def _claim(
        self, connection: asyncpg.Connection, provider_id: UUID, devices: Sequence[UUID], time: SweepTime
    ) -> tuple[list[Course], int]:
        """Lock the devices that are due, and with one that fell silent all of its practice: they tell why.

        Returns their courses, and how many of them were due. Where another device of the practice is being heard right now, it is
        left for the next look: whoever is heard proves the line.
        """
        rows = await connection.fetch(sql.CLAIM, provider_id, devices)
        # Another worker may have dealt with some of them in between.
        courses = [course for course in await self._courses(connection, provider_id, rows, time) if course.due]
        silent = {
            c.practice[1] for c in courses if c.told and c.silent_after is not None and c.silent_after <= time.now
        }
        if not silent:
            return courses, len(courses)
        own = [course.row["device_id"] for course in courses]
        beside = await connection.fetch(silences.SIBLINGS, provider_id, sorted(silent), own)
        siblings = await self._courses(connection, provider_id, beside, time, due=False)
        together = [*courses, *siblings]
        held = Counter(course.practice[1] for course in together)
        counts = await connection.fetch(silences.COUNT_ACTIVE, provider_id, sorted(silent))
        busy = {row["practice_id"] for row in counts if held[row["practice_id"]] < row["devices"]}
        for course in together:
            course.told = course.told and course.practice[1] not in busy
        waiting = sum(1 for c in courses if not c.told and c.next_instant(time.now) is None and not time.hold)
        return sorted(together, key=lambda course: str(course.row["device_id"])), len(courses) - waiting

    async def _courses(
        self,
        connection: asyncpg.Connection,
        provider_id: UUID,
        rows: Sequence[asyncpg.Record],
        time: SweepTime,
        *,
        due: bool = True,
    ) -> list[Course]:
        devices = [row["device_id"] for row in rows]
        deadlines = {row["device_id"]: row for row in await connection.fetch(sql.DEADLINES, provider_id, devices)}
        expected = [row for row in rows if row["device_id"] in deadlines]
        practices = {(provider_id, row["practice_id"]): time.now for row in expected}
        terms = await self._assessor.terms_of(connection, practices)
        found = []
        for row in expected:
            own = terms[provider_id, row["practice_id"]]
            course = course_of(row, deadlines[row["device_id"]], own, time)
            course.due = course.due and due
            found.append(course)
        return found

    async def _read_sections(self, connection: asyncpg.Connection, courses: Sequence[Course]) -> None:
        unread = {course.row["device_id"]: course for course in courses if course.sections is None}
        if not unread:
            return
        found: dict[UUID, dict[str, Any]] = {device_id: {} for device_id in unread}
        provider_id = courses[0].practice[0]
        for row in await connection.fetch(sql.SECTIONS, provider_id, list(unread), SECTIONS_READ):
            found[row["device_id"]][row["section"]] = row["body"]
        for device_id, course in unread.items():
            course.sections = found[device_id]

    async def _step(
        self, connection: asyncpg.Connection, courses: Sequence[Course], now: datetime, events: list[NewEvent]
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
        reviewed = [course for course in reached if course.due and course.review_at == instants[course.practice]]
        silenced, told_silent = await silence.tell(connection, reached[0].practice[0], reached, instants, now)
        events += told_silent
        unsettled = await self._review(connection, reviewed, instants, now, events)
        counted = {c.practice for c in reviewed if c.silent_after is None} | {c.practice for c in silenced}
        practices = await take_census(connection, "citus", [(key, instants[key]) for key in counted])
        practices += [PracticeChange(*key, instants[key]) for key in unsettled if key not in counted]
        told, inventory = await self._assessor.settle_practices(connection, practices, now)
        events += told
        for course in (*reviewed, *silenced):
            step = inventory.get(course.practice)
            if course.silent_after is None and step is not None and step > instants[course.practice]:
                course.carried = step
                course.review_at = min(step, course.review_at or step)
        return True

    async def _review(
        self,
        connection: asyncpg.Connection,
        courses: Sequence[Course],
        instants: Mapping[PracticeKey, datetime],
        now: datetime,
        events: list[NewEvent],
    ) -> set[PracticeKey]:
        """Assess devices at the instants of their practices; return the practices whose findings changed."""
        await self._read_sections(connection, courses)
        changes = [_device_change(course, instants[course.practice]) for course in courses]
        assessment = await self._assessor.assess_devices(connection, changes)
        events += assessment.events
        for course in courses:
            review = assessment.review_at.get(course.row["device_id"])
            if review is not None and review <= instants[course.practice]:
                review = now + _PUSH  # a verdict that claims to have ended already must not be met for ever
            course.review_at = review
        return set(assessment.unsettled)


def _device_change(course: Course, at: datetime) -> DeviceChange:
    row = course.row
    return DeviceChange(
        provider_id=row["provider_id"],
        practice_id=row["practice_id"],
        device_id=row["device_id"],
        family=row["family"],
        role=row["role"],
        enrolled_at=row["enrolled_at"],
        seen_at=row["last_seen_at"] or row["enrolled_at"],
        sections=course.sections or {},
        controls=_ALL,
        happened_at=at,
        hindsight=True,
    )
