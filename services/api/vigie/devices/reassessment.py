"""Judging practices anew because what they are judged by changed: a policy, an exception, the role of a device.

A request names the controls whose terms changed, or none: then all are judged.

1. Ask, without a lock, which providers have practices to judge, and take some practices of one of them.
2. One short transaction for about two hundred devices: claim the requests that nobody else holds (`SKIP LOCKED`), lock the
   devices, judge the controls asked for from the stored sections, settle the practices in which anything turned, tell which
   exceptions ended, take the requests off the queue.
3. Rest for twice the processor time that took here, for the database takes about as much again: reports need the same processors
   and the same rows, and are not slowed. What others took meanwhile they have had already.

Two workers are harmless: whoever comes second finds the requests held, or gone. A request that was made again meanwhile carries
another id and stays. A practice that raises is pushed ahead and counted, so that the loop does not meet it for ever.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.checklist import settling
from vigie.core.batch import fetch
from vigie.core.db import Database
from vigie.core.metrics import JOB_OLDEST_DUE, JOB_ROW_FAILURES, JOB_ROWS
from vigie.devices import reassessment_statements as sql
from vigie.devices.census import take_census
from vigie.devices.statements import LOWER_REVIEW
from vigie.devices.sweep import NOT_THE_ROW, SECTIONS_READ
from vigie.devices.sweep_statements import SECTIONS
from vigie.events.log import NewEvent
from vigie.events.session import driver_connection, record
from vigie.posture import reassessments
from vigie.posture.assessment import Assessment, Assessor, DeviceChange, PracticeChange, PracticeKey
from vigie.posture.reassessments import Request
from vigie.posture.rules.device import ALSO_ON_RECORD, DEVICE_CONTROLS
from vigie.posture.rules.practice import INVENTORY

log = logging.getLogger(__name__)
JOB = "devices.reassess"
_PROVIDERS = 20
_PRACTICES = 100
_DEVICES = 200
_PUSH = timedelta(hours=1)
_ALL = frozenset(DEVICE_CONTROLS)
_OF_DEVICES_ALONE = _ALL - ALSO_ON_RECORD | {INVENTORY}
_FIRST = UUID(int=0)


class Reassessment:
    """Runs the job for one worker process. `devices`: how many one transaction judges; `rest`: in its processor time."""

    def __init__(self, assessor: Assessor, database: Database, *, devices: int = _DEVICES, rest: float = 2.0) -> None:
        self._assessor = assessor
        self._database = database
        self._devices = devices
        self._rest = rest

    async def run(self, connection: asyncpg.Connection, now: datetime) -> int:
        """Judge every practice that is due at `now`; return how many were judged. `connection`: bound to no provider."""
        done = 0
        while True:
            due = await connection.fetch(reassessments.DUE_PROVIDERS, now, _PROVIDERS)
            JOB_OLDEST_DUE.labels(JOB).set(max(0.0, (now - due[0]["due_at"]).total_seconds()) if due else 0.0)
            progress = 0
            for row in due:
                progress += await self._provider(row["provider_id"], now)
            JOB_ROWS.labels(JOB).inc(progress)
            done += progress
            if progress == 0:  # nothing is due, or what is left is held by another worker
                return done

    async def _provider(self, provider_id: UUID, now: datetime) -> int:
        async with self._database.session(provider_id, write=False) as session:
            connection = await driver_connection(session)
            practices = await reassessments.due_practices(connection, provider_id, now, _PRACTICES)
            counted = await connection.fetch(sql.COUNT_DEVICES, provider_id, practices)
        sizes = {row["practice_id"]: row["devices"] for row in counted}
        done = 0
        for batch in _batches([(practice, sizes.get(practice, 0)) for practice in practices], self._devices):
            used = time.process_time()
            done += await self._batch(provider_id, batch, now)
            await asyncio.sleep((time.process_time() - used) * self._rest)
        return done

    async def _batch(self, provider_id: UUID, practices: Sequence[UUID], now: datetime) -> int:
        try:
            return await self._judge(provider_id, practices, now)
        except NOT_THE_ROW:
            raise
        except Exception:
            if len(practices) > 1:
                log.exception("judging practices anew failed, trying them one by one", extra={"size": len(practices)})
                return sum([await self._batch(provider_id, [practice], now) for practice in practices])
            JOB_ROW_FAILURES.labels(JOB).inc()
            log.exception("practice pushed aside", extra={"practice_id": str(practices[0])})
        async with self._database.session(provider_id, write=True) as session:
            await reassessments.postpone(await driver_connection(session), provider_id, practices[0], now + _PUSH)
        return 0

    async def _judge(self, provider_id: UUID, practices: Sequence[UUID], now: datetime) -> int:
        """Judge practices in one transaction; one with very many devices in several, of which the last takes it off the queue.

        What is asked for between two of them finds its own request on the queue, and all devices are judged once more.
        """
        after: UUID | None = _FIRST
        requests: dict[UUID, Request] = {}
        while after is not None:
            async with self._database.session(provider_id, write=True) as session:
                held = await reassessments.claim(await driver_connection(session), provider_id, practices, now)
                requests = held if after is _FIRST else {each: requests[each] for each in requests if each in held}
                if not requests:
                    break
                after = await self._part(session, provider_id, requests, after, now)
        return len(requests)

    async def _part(
        self, session: AsyncSession, provider_id: UUID, requests: Mapping[UUID, Request], after: UUID, now: datetime
    ) -> UUID | None:
        """Judge the devices that follow a device; return the last of them, or None when there are no more."""
        connection = await driver_connection(session)
        practices = sorted(requests)
        rows = []
        if any(_device_controls(each) or each.names(INVENTORY) for each in requests.values()):
            rows = await connection.fetch(sql.LOCK_DEVICES, provider_id, practices, after, self._devices)
        devices = await self._devices_of(connection, provider_id, requests, rows, now)
        assessment = await self._assessor.assess_devices(connection, [each for each in devices if each.controls])
        own = [practice for practice in practices if _names_own(requests[practice])]
        settled, inventory = await self._settle(connection, provider_id, requests, own, assessment, now)
        await fetch(connection, "citus", LOWER_REVIEW, _reviews(devices, assessment, inventory))
        events = [*assessment.events, *settled]
        events += await reassessments.tell_exceptions(connection, provider_id, practices, now)
        events.sort(key=lambda event: event.happened_at)
        if own:
            await settling.settle(session, self._assessor, provider_id, own, now, events=events)
        else:
            await record(session, events, now)
        if len(rows) == self._devices:
            last: UUID = rows[-1]["device_id"]
            return last
        await reassessments.finish(connection, provider_id, requests, now)
        return None

    async def _settle(
        self,
        connection: asyncpg.Connection,
        provider_id: UUID,
        requests: Mapping[UUID, Request],
        own: Sequence[UUID],
        assessment: Assessment,
        now: datetime,
    ) -> tuple[list[NewEvent], dict[PracticeKey, datetime]]:
        """Settle the practices whose devices turned, or are counted, or which deviate as a whole; return what settling does.

        `own`: those that the caller settles afterwards by what is judged of themselves; all postures are locked here, in one order.
        """
        whole = {practice for practice, each in requests.items() if each.controls is None}
        restated = whole | await reassessments.deviating(connection, provider_id, requests)
        counted = {(provider_id, practice): now for practice, each in requests.items() if each.names(INVENTORY)}
        counted |= {key: at for key, at in assessment.unsettled.items() if key in counted}
        settled = {*assessment.unsettled, *((provider_id, practice) for practice in restated)} - counted.keys()
        beside = settled | {(provider_id, practice) for practice in own}
        practices = await take_census(connection, "citus", counted.items(), beside=beside) if counted or own else []
        for key in sorted(settled):
            moves = None if key[1] in restated else assessment.moves[key]
            practices.append(PracticeChange(*key, assessment.unsettled.get(key, now), moves=moves))
        if restated:
            living = await reassessments.judged(connection, provider_id, sorted(restated))
            told = [each for each in practices if each.practice_id in living]
            practices = [each for each in practices if each.practice_id not in restated]
            practices += await self._assessor.restated(connection, told, assessment.terms)
        return await self._assessor.settle_practices(connection, practices, now, assessment.terms)

    async def _devices_of(
        self,
        connection: asyncpg.Connection,
        provider_id: UUID,
        requests: Mapping[UUID, Request],
        rows: Sequence[asyncpg.Record],
        now: datetime,
    ) -> list[DeviceChange]:
        """Return the devices to judge, by the controls asked for; one of which nothing is stored has nothing to be judged by."""
        controls = {practice: _device_controls(each) for practice, each in requests.items()}
        read = {section for named in controls.values() for name in named for section in DEVICE_CONTROLS[name].reads}
        devices = [row["device_id"] for row in rows]
        reported = await connection.fetch(sql.REPORTED, provider_id, devices, SECTIONS_READ) if devices else []
        sections: dict[UUID, dict[str, Any]] = {row["device_id"]: {} for row in reported}
        for row in await connection.fetch(SECTIONS, provider_id, devices, sorted(read)) if devices and read else []:
            sections[row["device_id"]][row["section"]] = row["body"]
        return [
            DeviceChange(
                provider_id=provider_id,
                practice_id=row["practice_id"],
                device_id=row["device_id"],
                family=row["family"],
                role=row["role"],
                enrolled_at=row["enrolled_at"],
                seen_at=row["last_seen_at"],
                sections=sections[row["device_id"]],
                controls=controls[row["practice_id"]],
                happened_at=max(now, row["last_seen_at"]),  # it may have reported while we waited for its row
            )
            for row in rows
            if row["device_id"] in sections and row["last_seen_at"] is not None
        ]


def _device_controls(request: Request) -> frozenset[str]:
    """Return the controls that each device is to be judged by."""
    return _ALL if request.controls is None else _ALL & request.controls


def _names_own(request: Request) -> bool:
    """Whether a control is to be judged of which people or records speak."""
    return request.controls is None or bool(request.controls - _OF_DEVICES_ALONE)


def _reviews(
    devices: Sequence[DeviceChange], assessment: Assessment, inventory: Mapping[PracticeKey, datetime]
) -> list[tuple[UUID, UUID, datetime]]:
    """Return when each device has to be looked at again: its findings, or the inventory of its practice, change by themselves.

    What was not judged keeps its own deadline: an instant is only ever brought forward, and the sweep judges everything.
    """
    found = []
    for device in devices:
        ends = (
            assessment.review_at.get(device.device_id),
            inventory.get((device.provider_id, device.practice_id)),
        )
        if known := [at for at in ends if at is not None]:
            found.append((device.provider_id, device.device_id, min(known)))
    return found


def _batches(practices: Sequence[tuple[UUID, int]], most: int) -> list[list[UUID]]:
    """Return practices in batches of at most so many devices; a practice with more is a batch of its own."""
    batches: list[list[UUID]] = []
    room = 0
    for practice, devices in practices:
        if not batches or devices > room:
            batches.append([])
            room = most
        batches[-1].append(practice)
        room -= devices
    return batches
