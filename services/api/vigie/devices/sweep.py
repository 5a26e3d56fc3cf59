"""The sweep: verdicts change and devices fall silent without anybody reporting, at their deadline and not at the sweep's time.

1. Ask, without a lock, which providers have devices whose deadline has passed.
2. Per provider, one short transaction: claim the liveness rows that nobody else holds (`SKIP LOCKED`), look again at their deadlines.
3. Assess each device at each deadline it has passed, in order, so that every crossing is recorded when it happened.
4. Settle the practices, move the deadlines ahead, append the events.

Two workers are harmless: whoever comes second finds the rows held, or the deadlines moved. A row that raises is pushed an hour ahead
and counted, so that the loop does not meet it for ever.
"""

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from vigie.core.batch import Form, fetch
from vigie.core.db import bind_provider
from vigie.core.metrics import JOB_OLDEST_DUE, JOB_ROW_FAILURES, JOB_ROWS, SWEEP_HELD
from vigie.devices import sweep_statements as sql
from vigie.devices.cadence import INTERVAL_S, silent_after
from vigie.devices.census import take_census
from vigie.events.log import NewEvent, append
from vigie.posture.assessment import Assessor, DeviceChange, PracticeChange, PracticeKey
from vigie.posture.rules.device import DEVICE_CONTROLS

log = logging.getLogger(__name__)
JOB = "devices.sweep"
_PROVIDERS = 20
_CLAIM = 200
_PUSH = timedelta(hours=1)
_MOST_STEPS = 12  # deadlines a device may pass between two looks before the rest waits for the next
_ALL = frozenset(DEVICE_CONTROLS)
# "The whole fleet went quiet" is only told from "this practice went quiet" when the fleet is large enough.
_FLEET = 50
_HOLD_AFTER = timedelta(seconds=INTERVAL_S + 600)
_HOLD_AT_MOST = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class _Step:
    """One crossing: a device at one instant, with what is true of its silence then."""

    row: asyncpg.Record
    at: datetime


class Sweep:
    """Runs the sweep for one worker process."""

    def __init__(self, form: Form, assessor: Assessor) -> None:
        self._form: Form = form
        self._assessor = assessor
        self._hold_until: datetime | None = None

    async def run(self, connection: asyncpg.Connection, now: datetime) -> int:
        """Work on everything that is due at `now`; return how many devices were looked at."""
        done = 0
        hold = await self._holds(connection, now)
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
        if pulse is None or pulse["devices"] < _FLEET or pulse["newest"] is None:
            SWEEP_HELD.set(0)
            return False
        quiet = now - pulse["newest"]
        if _HOLD_AFTER < quiet < _HOLD_AT_MOST:
            self._hold_until = now + timedelta(seconds=INTERVAL_S)
        held = quiet < _HOLD_AT_MOST and self._hold_until is not None and now < self._hold_until
        if held and not SWEEP_HELD._value.get():  # noqa: SLF001 - say it once
            log.error("the whole fleet is quiet: silence is not told until heartbeats return")
        SWEEP_HELD.set(1 if held else 0)
        return held

    async def _provider(self, connection: asyncpg.Connection, provider_id: UUID, now: datetime, *, hold: bool) -> int:
        due = await connection.fetch(sql.DUE_DEVICES, provider_id, now, hold, _CLAIM)
        devices = [row["device_id"] for row in due]
        if not devices:
            return 0
        try:
            return await self._work(connection, provider_id, devices, now, hold=hold)
        except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError):
            raise
        except Exception:
            if len(devices) > 1:
                log.exception("sweep of a batch failed, trying its rows one by one", extra={"size": len(devices)})
        done = 0
        for device_id in devices:
            try:
                done += await self._work(connection, provider_id, [device_id], now, hold=hold)
            except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError):
                raise
            except Exception:
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
            events: list[NewEvent] = []
            reviews = await self._review(connection, due, deadlines, sections, now, events)
            silenced = self._silent(due, deadlines, now) if not hold else {}
            events += await self._tell_silence(connection, provider_id, silenced)
            reviews = await self._count_inventory(connection, due, reviews, silenced, now, events)
            await fetch(
                connection,
                "citus",
                sql.MOVE_DEADLINES,
                [self._next_deadline(row, deadlines[row["device_id"]], reviews, silenced) for row in due],
            )
            await append(connection, "citus", events, now)
            return len(due)

    async def _sections(
        self, connection: asyncpg.Connection, provider_id: UUID, due: Sequence[asyncpg.Record]
    ) -> dict[UUID, dict[str, Any]]:
        found: dict[UUID, dict[str, Any]] = {row["device_id"]: {} for row in due}
        for row in await connection.fetch(sql.SECTIONS, provider_id, list(found)):
            found[row["device_id"]][row["section"]] = row["body"]
        return found

    async def _review(  # noqa: PLR0913, PLR0917 - the state of one pass
        self,
        connection: asyncpg.Connection,
        due: Sequence[asyncpg.Record],
        deadlines: Mapping[UUID, asyncpg.Record],
        sections: Mapping[UUID, Mapping[str, Any]],
        now: datetime,
        events: list[NewEvent],
    ) -> dict[UUID, datetime | None]:
        """Assess each device at each deadline it has passed; return when each must be reviewed next (None: never)."""
        reviews: dict[UUID, datetime | None] = {}
        waiting = {
            row["device_id"]: _Step(row, deadline)
            for row in due
            if (deadline := deadlines[row["device_id"]]["review_at"]) is not None and deadline <= now
        }
        for _ in range(_MOST_STEPS):
            if not waiting:
                break
            changes = [_device_change(step, sections[device]) for device, step in waiting.items()]
            assessment = await self._assessor.assess_devices(connection, changes)
            events += assessment.events
            for happened_at, practices in _by_instant(assessment.unsettled):
                settled = [PracticeChange(*key, happened_at) for key in practices]
                told, _ = await self._assessor.settle_practices(connection, settled, now)
                events += told
            following = {}
            for device, step in waiting.items():
                review = reviews[device] = assessment.review_at.get(device)
                if review is None or review > now:
                    continue
                if review > step.at:
                    following[device] = replace(step, at=review)
                else:  # a verdict that claims to have ended already must not be met for ever
                    reviews[device] = now + _PUSH
            waiting = following
        return reviews

    def _silent(
        self, due: Sequence[asyncpg.Record], deadlines: Mapping[UUID, asyncpg.Record], now: datetime
    ) -> dict[UUID, tuple[asyncpg.Record, datetime]]:
        """Return the devices whose second slot has passed unheard, each with the instant at which it counted."""
        silenced = {}
        for row in due:
            if row["silent_since"] is not None or deadlines[row["device_id"]]["silent_after"] is None:
                continue
            at = self._silent_after(row)
            if at <= now:
                silenced[row["device_id"]] = (row, at)
        return silenced

    def _silent_after(self, row: asyncpg.Record) -> datetime:
        heard = row["last_seen_at"] or row["expected_from"]
        return silent_after(heard, row["slot_s"], self._assessor.calendar_of(row["practice_id"]))

    async def _tell_silence(
        self,
        connection: asyncpg.Connection,
        provider_id: UUID,
        silenced: Mapping[UUID, tuple[asyncpg.Record, datetime]],
    ) -> list[NewEvent]:
        if not silenced:
            return []
        marks = [(provider_id, device, at) for device, (_, at) in silenced.items()]
        await fetch(connection, "citus", sql.MARK_SILENT, marks)
        return [
            NewEvent(provider_id, "device.silent", row["practice_id"], device, at, {"alias": row["alias"]})
            for device, (row, at) in sorted(silenced.items(), key=lambda item: item[1][1])
        ]

    async def _count_inventory(  # noqa: PLR0913, PLR0917 - the state of one pass
        self,
        connection: asyncpg.Connection,
        due: Sequence[asyncpg.Record],
        reviews: dict[UUID, datetime | None],
        silenced: Mapping[UUID, tuple[asyncpg.Record, datetime]],
        now: datetime,
        events: list[NewEvent],
    ) -> dict[UUID, datetime | None]:
        """Settle the practices whose devices fell silent, or have been silent for days; their next step is a review too."""
        instants: dict[PracticeKey, datetime] = {}
        for row, at in silenced.values():
            key = (row["provider_id"], row["practice_id"])
            instants[key] = max(at, instants.get(key, at))
        for row in due:
            key = (row["provider_id"], row["practice_id"])
            if row["silent_since"] is not None:
                instants.setdefault(key, now)
        if not instants:
            return reviews
        practices = await take_census(connection, "citus", instants.items())
        told, inventory = await self._assessor.settle_practices(connection, practices, now)
        events += told
        merged = dict(reviews)
        for row in due:
            step = inventory.get((row["provider_id"], row["practice_id"]))
            if step is not None and step > now:
                merged[row["device_id"]] = min(step, merged.get(row["device_id"]) or step)
        return merged

    def _next_deadline(
        self,
        row: asyncpg.Record,
        deadline: asyncpg.Record,
        reviews: Mapping[UUID, datetime | None],
        silenced: Mapping[UUID, tuple[asyncpg.Record, datetime]],
    ) -> tuple[Any, ...]:
        device = row["device_id"]
        silent = None if device in silenced or row["silent_since"] is not None else self._silent_after(row)
        review = reviews[device] if device in reviews else deadline["review_at"]
        return (row["provider_id"], device, silent, review)


def _is_due(deadline: asyncpg.Record | None, now: datetime, *, hold: bool) -> bool:
    if deadline is None:
        return False
    at = deadline["review_at"] if hold else deadline["due_at"]
    return at is not None and at <= now


def _by_instant(unsettled: Mapping[PracticeKey, datetime]) -> list[tuple[datetime, list[PracticeKey]]]:
    grouped: dict[datetime, list[PracticeKey]] = {}
    for key, at in unsettled.items():
        grouped.setdefault(at, []).append(key)
    return sorted(grouped.items())


def _device_change(step: _Step, sections: Mapping[str, Any]) -> DeviceChange:
    row = step.row
    return DeviceChange(
        provider_id=row["provider_id"],
        practice_id=row["practice_id"],
        device_id=row["device_id"],
        family=row["family"],
        role=row["role"],
        enrolled_at=row["enrolled_at"],
        seen_at=row["last_seen_at"] or row["enrolled_at"],
        sections=sections,
        controls=_ALL,
        happened_at=step.at,
    )
