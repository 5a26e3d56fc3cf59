"""Opening hours of practices: told, read, forgotten."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from vigie.auth.dependencies import Call
from vigie.events.log import NewEvent
from vigie.practices.calendar import PracticeCalendar, day_of
from vigie.practices.models import OpeningHours, Practice
from vigie.practices.opening_hours_schemas import OpeningHoursIn, OpeningHoursOut, PreviewDay, PreviewSpan
from vigie.practices.public_holidays import public_holidays

PREVIEW_DAYS = 14


async def read_hours(call: Call, practice: Practice) -> OpeningHoursOut:
    """Return when a practice is open, with the two weeks that follow."""
    row = await _row(call, practice)
    told = OpeningHoursIn.model_validate(row.hours) if row else None
    calendar = PracticeCalendar(told.hours(), practice.time_zone) if told else None
    return OpeningHoursOut(
        practice_id=practice.id,
        time_zone=practice.time_zone,
        hours=row.hours if row else None,
        changed_at=row.changed_at if row else None,
        open_now=calendar is None or calendar.is_open(call.now),
        next_opening=calendar.next_opening(call.now) if calendar else None,
        preview=preview(told, calendar, practice.time_zone, call.now) if told and calendar else [],
    )


async def calendar_of(call: Call, practice: Practice) -> PracticeCalendar | None:
    """Return the calendar of the hours told now; None of a practice that never closes."""
    row = await _row(call, practice)
    return PracticeCalendar(OpeningHoursIn.model_validate(row.hours).hours(), practice.time_zone) if row else None


def preview(told: OpeningHoursIn, calendar: PracticeCalendar, time_zone: str, now: datetime) -> list[PreviewDay]:
    """Return the next two weeks of local days, today first."""
    hours = told.hours()
    first = now.astimezone(ZoneInfo(time_zone)).date()
    return [
        PreviewDay(
            day=day,
            spans=[PreviewSpan(opens_at=start, closes_at=end) for start, end in calendar.spans(day)],
            because=day_of(hours, day).because,
            holiday=public_holidays(told.territory, day.year).get(day),
        )
        for day in _days_from(first)
    ]


def _days_from(first: date) -> Sequence[date]:
    return [first + timedelta(days=number) for number in range(PREVIEW_DAYS)]


async def set_hours(call: Call, practice: Practice, told: OpeningHoursIn) -> NewEvent | None:
    """Store when a practice is open; return the event, or None when it already was so."""
    document = told.model_dump(mode="json", by_alias=True)
    row = await _row(call, practice)
    if row is not None and row.hours == document:
        call.audit(details={"repeated": True})
        return None
    statement = insert(OpeningHours).values(
        provider_id=practice.provider_id, practice_id=practice.id, hours=document, changed_at=call.now
    )
    await call.session.execute(
        statement.on_conflict_do_update(
            index_elements=["provider_id", "practice_id"],
            set_={"hours": statement.excluded.hours, "changed_at": statement.excluded.changed_at},
        )
    )
    return _changed(call, practice, document)


async def forget_hours(call: Call, practice: Practice) -> NewEvent | None:
    """Forget the hours of a practice, which then never closes; return the event, or None when there were none."""
    gone = await call.session.scalars(
        delete(OpeningHours)
        .where(OpeningHours.provider_id == practice.provider_id, OpeningHours.practice_id == practice.id)
        .returning(OpeningHours.practice_id)
    )
    return _changed(call, practice, None) if gone.first() else None


def _changed(call: Call, practice: Practice, hours: dict[str, Any] | None) -> NewEvent:
    """Return the event. It says the hours themselves: whoever replays the log counts by those of the time."""
    payload = {"by": call.principal.subject, "hours": hours, "time_zone": practice.time_zone}
    return NewEvent(practice.provider_id, "practice.opening_hours_changed", practice.id, None, call.now, payload)


async def _row(call: Call, practice: Practice) -> OpeningHours | None:
    found = await call.session.scalars(
        select(OpeningHours).where(
            OpeningHours.provider_id == practice.provider_id, OpeningHours.practice_id == practice.id
        )
    )
    return found.first()
