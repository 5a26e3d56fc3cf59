"""The job that makes the reports of a month by themselves and has somebody told where they are.

1. Ask, without a lock, which schedules are to be looked at.
2. Per schedule: which of its practices are due and have no report of the month yet; afterwards, when to look again.
3. Per practice, one transaction: claim the month (a row that exists once), make the report, write the entry and the messages.

So a month is told of once, by whichever worker comes first and whatever was restarted. What fails is tried again in an hour.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.alerts.channel_models import Channel
from vigie.alerts.outbox import Message, want
from vigie.audit.actions import Action
from vigie.audit.log import SYSTEM, NewEntry, append
from vigie.checklist.queries import sees_practice
from vigie.core.db import Database
from vigie.core.metrics import JOB_OLDEST_DUE, JOB_ROW_FAILURES, JOB_ROWS
from vigie.events.session import driver_connection
from vigie.practices.models import Practice
from vigie.reports.facts import Language
from vigie.reports.issuing import House, Order, anchor_of, issue
from vigie.reports.models import Report, ReportRun, ReportSchedule
from vigie.reports.rules import Period, due_at, month_before, next_due_at, number_of
from vigie.reports.schedules import LOOK_AGAIN

log = logging.getLogger(__name__)
JOB: Final = "reports.monthly"
KIND: Final = "report"
_DUE: Final = "SELECT provider_id, practice_id, next_at FROM report_schedule WHERE next_at <= $1 ORDER BY 3 LIMIT $2"
_SCHEDULES: Final = 100
_RETRY: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Due:
    """A practice whose report of a month is to be made."""

    practice_id: UUID
    month: date
    period: Period


class Monthly:
    """Makes reports for one worker process. `database`: as the role of the worker."""

    def __init__(self, database: Database, house: House) -> None:
        self._database = database
        self._house = house

    async def run(self, connection: asyncpg.Connection, now: datetime) -> int:
        """Make what is due at `now`; return how many reports were made."""
        due = await connection.fetch(_DUE, now, _SCHEDULES)
        JOB_OLDEST_DUE.labels(JOB).set(max(0.0, (now - due[0]["next_at"]).total_seconds()) if due else 0.0)
        made = 0
        for row in due:
            made += await self._look_at(row["provider_id"], row["practice_id"], now)
        JOB_ROWS.labels(JOB).inc(made)
        return made

    async def _look_at(self, provider_id: UUID, practice_id: UUID | None, now: datetime) -> int:
        """Make what is due of one schedule, then say when to look at it again."""
        async with self._database.session(provider_id, write=False) as session:
            schedule = await session.get(ReportSchedule, (provider_id, practice_id or provider_id))
            if schedule is None or schedule.next_at is None:
                return 0
            practices = await _practices_of(session, schedule)
            waiting = await _due_of(session, schedule, practices, now)
        made = sum([await self._make(schedule, due, now) for due in waiting])
        async with self._database.session(provider_id, write=True) as session:
            await _look_again(session, schedule, practices, now)
        return made

    async def _make(self, schedule: ReportSchedule, due: _Due, now: datetime) -> int:
        try:
            async with self._database.session(schedule.provider_id, write=True) as session:
                if not await _claimed(session, schedule.provider_id, due, now):
                    return 0
                practice = await session.get_one(Practice, (schedule.provider_id, due.practice_id))
                order = Order(due.period, cast("Language", schedule.language), "schedule", None, None)
                report = await issue(session, self._house, practice, order, now)
                run = await session.get_one(ReportRun, (schedule.provider_id, due.practice_id, due.month))
                run.report_id, run.retry_at = report.id, None
                await want(await driver_connection(session), await _messages(session, schedule, report, now))
                await append(session, _entry(report), now)
        except (OSError, TimeoutError):
            raise  # nothing is wrong with the practice
        except Exception:
            JOB_ROW_FAILURES.labels(JOB).inc()
            log.exception("report pushed aside", extra={"practice": str(due.practice_id)})
            async with self._database.session(schedule.provider_id, write=True) as session:
                await _claimed(session, schedule.provider_id, due, now, failures=1)
            return 0
        return 1


async def _practices_of(session: AsyncSession, schedule: ReportSchedule) -> Sequence[Practice]:
    """Return the practices a schedule is for: its own, or all that have none of their own; archived ones apart."""
    chosen = select(Practice).where(Practice.provider_id == schedule.provider_id, Practice.archived_at.is_(None))
    if schedule.practice_id is not None:
        chosen = chosen.where(Practice.id == schedule.practice_id)
    else:
        own = select(ReportSchedule.practice_id).where(
            ReportSchedule.provider_id == schedule.provider_id, ReportSchedule.practice_id.is_not(None)
        )
        chosen = chosen.where(Practice.id.not_in(own))
    return (await session.scalars(chosen.order_by(Practice.id))).all()


async def _due_of(
    session: AsyncSession, schedule: ReportSchedule, practices: Sequence[Practice], now: datetime
) -> list[_Due]:
    """Return whose report of this month is due and not made; what was due before the schedule was set is not made up for."""
    waiting = []
    for practice in practices:
        zone = ZoneInfo(practice.time_zone)
        month = now.astimezone(zone).date().replace(day=1)
        if max(schedule.changed_at, practice.created_at) <= due_at(schedule.day, month, zone) <= now:
            first, last = month_before(month)
            waiting.append(_Due(practice.id, month, Period(first, last, zone)))
    done = await session.execute(
        select(ReportRun.practice_id, ReportRun.month).where(
            ReportRun.provider_id == schedule.provider_id,
            ReportRun.month.in_({each.month for each in waiting}),
            or_(ReportRun.retry_at.is_(None), ReportRun.retry_at > now),
        )
    )
    over = {(row.practice_id, row.month) for row in done}
    return [each for each in waiting if (each.practice_id, each.month) not in over]


async def _claimed(session: AsyncSession, provider_id: UUID, due: _Due, now: datetime, *, failures: int = 0) -> bool:
    """Take the month of a practice until the end of this unit of work; False when somebody else has it or has done it."""
    fresh = insert(ReportRun).values(
        provider_id=provider_id,
        practice_id=due.practice_id,
        month=due.month,
        failures=failures,
        retry_at=now + _RETRY,
    )
    claim = fresh.on_conflict_do_update(
        index_elements=["provider_id", "practice_id", "month"],
        set_={"retry_at": now + _RETRY, "failures": ReportRun.failures + failures},
        where=ReportRun.retry_at <= now,
    ).returning(ReportRun.practice_id)
    return (await session.execute(claim)).first() is not None


async def _look_again(
    session: AsyncSession, looked_at: ReportSchedule, practices: Sequence[Practice], now: datetime
) -> None:
    """Set when a schedule is to be looked at next, unless somebody changed it meanwhile."""
    chosen = select(ReportSchedule).where(
        ReportSchedule.provider_id == looked_at.provider_id,
        ReportSchedule.subject_id == looked_at.subject_id,
        ReportSchedule.changed_at == looked_at.changed_at,
        ReportSchedule.next_at.is_not(None),
    )
    schedule = (await session.scalars(chosen.with_for_update(key_share=True))).first()
    if schedule is None:
        return
    retry = await session.scalar(
        select(func.min(ReportRun.retry_at)).where(
            ReportRun.provider_id == schedule.provider_id,
            ReportRun.practice_id.in_({each.id for each in practices}),
            ReportRun.retry_at > now,
        )
    )
    following = next_due_at(schedule.day, {ZoneInfo(each.time_zone) for each in practices}, now)
    schedule.next_at = min(filter(None, (following, retry, now + LOOK_AGAIN)))


async def _messages(session: AsyncSession, schedule: ReportSchedule, report: Report, now: datetime) -> list[Message]:
    """Return a message to each who is to be told, and may know of this practice."""
    data = {
        "report": str(report.id),
        "number": number_of(report.number, report.issued_on),
        "period_from": report.period_from.isoformat(),
        "period_to": report.period_to.isoformat(),
    }
    common: dict[str, Any] = {
        "provider_id": report.provider_id,
        "practice_id": report.practice_id,
        "kind": KIND,
        "data": data,
        "wanted_at": now,
    }
    found = []
    channel = await session.get(Channel, (report.provider_id, schedule.channel_id)) if schedule.channel_id else None
    if channel is not None and _carries(channel, report.practice_id):
        found.append(Message(dedup_key=f"{KIND}|{report.id}|{channel.id}", channel_id=channel.id, **common))
    seeing = [
        member
        for member in dict.fromkeys(schedule.members)
        if await sees_practice(session, report.provider_id, member, report.practice_id) is not None
    ]
    found += [Message(dedup_key=f"{KIND}|{report.id}|{each}", member_id=each, **common) for each in seeing]
    return found


def _carries(channel: Channel, practice_id: UUID) -> bool:
    """Whether a channel is on, and is there for a practice."""
    on = channel.removed_at is None and channel.disabled_at is None
    return on and (channel.practices is None or practice_id in channel.practices)


def _entry(report: Report) -> NewEntry:
    return NewEntry(
        provider_id=report.provider_id,
        actor=SYSTEM,
        action=Action.REPORT_ISSUE,
        object_id=str(report.id),
        practice_id=report.practice_id,
        details=anchor_of(report),
    )
