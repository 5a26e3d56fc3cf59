"""Local times as instants, as `vigie.practices.calendar` makes them: correct in the nights in which the clock changes. Pure."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60
_DAY = timedelta(days=1)
_WEEK_AND_A_DAY = 8


class Span(NamedTuple):
    """Minutes of a local day, from midnight: from ``start`` until before ``end``."""

    start: int
    end: int


Weekly = tuple[tuple[Span, ...], ...]
"""Monday to Sunday, the spans of each day."""


def instant_of(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """Return the instant of a local time; minutes beyond a day's end are of the days after it.

    A time that the clock jumps over is taken as the clock stood before it jumped.
    """
    whole_days, minute = divmod(minute, DAY_MINUTES)
    hour, minute = divmod(minute, 60)
    return datetime.combine(day + _DAY * whole_days, time(hour, minute), zone).astimezone(UTC)


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """Return the local date at an instant."""
    return at.astimezone(zone).date()


def end_of_spans(weekly: Weekly, zone: ZoneInfo, at: datetime) -> datetime | None:
    """Return when the spans of the week that hold ``at`` end, joined where one ends as the next begins; None: in none of them.

    Spans that never end within a week are ended after it: whoever waits asks again then.
    """
    first = local_day(at, zone)
    reached: datetime | None = None
    for number in range(_WEEK_AND_A_DAY):
        day = first + _DAY * number
        for span in weekly[day.weekday()]:
            start, end = instant_of(day, span.start, zone), instant_of(day, span.end, zone)
            if start <= (reached or at) < end:
                reached = end
        if reached is None or reached < instant_of(day, DAY_MINUTES, zone):
            return reached
    return reached
