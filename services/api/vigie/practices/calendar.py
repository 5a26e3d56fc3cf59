"""When a practice is open: opening hours, closures and public holidays in its own time zone. Pure.

Two things are counted. Ages ("the last backup is 26 h old") count whole days: a local day on which the practice opens counts from
midnight to midnight, any other day not at all, so that a Monday is as good as a Friday. Missed reports count hours: a device is
expected at its slot when the practice is open then and has been for half an hour, so that nights, lunch and the minutes in which
the first one switches the machines on are silent.

Local times become instants through the time zone: a night of the clock change has 23 or 25 hours, and an opening time that does
not exist that night begins when the clock has jumped.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from vigie.core.sentences import BadValueError
from vigie.practices.public_holidays import public_holidays

DAY_MINUTES = 24 * 60
SETTLE = timedelta(minutes=30)
"""How long after opening a report is not yet expected."""

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_SECOND = timedelta(seconds=1)
_REACH = 366 * 4  # days looked ahead for an opening; schemas allow no closure that long
_KEPT_DAYS = 64  # local days whose spans are remembered per calendar


class Span(NamedTuple):
    """Minutes of a local day, from midnight: open from ``start`` until before ``end``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hours:
    """What a practice told of its opening hours.

    ``weekly``: Monday to Sunday, spans in order that do not overlap. ``closures``: first and last day, both closed. ``openings``:
    days that open at these hours whatever else says otherwise. ``territory``: whose public holidays it keeps.
    """

    weekly: tuple[tuple[Span, ...], ...]
    closures: tuple[tuple[date, date], ...] = ()
    openings: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)
    territory: str = "metropolitan"


Because = Literal["weekly", "closure", "public_holiday", "opening"]
"""Why a day is as it is: the hours of every week, a closure, a public holiday, or hours of its own."""


class Day(NamedTuple):
    """A local day: when it is open, and which word decided that."""

    spans: tuple[Span, ...]
    because: Because


def day_of(hours: Hours, day: date) -> Day:
    """Return what a local day is. The nearer word wins: hours of its own, then a closure, a public holiday, the week."""
    own = hours.openings.get(day)
    if own is not None:
        return Day(own, "opening")
    if any(first <= day <= last for first, last in hours.closures):
        return Day((), "closure")
    if day in public_holidays(hours.territory, day.year):
        return Day((), "public_holiday")
    return Day(hours.weekly[day.weekday()], "weekly")


class PracticeCalendar:
    """The calendar the rules count by (`vigie.posture.rules.model.Calendar`). Keeps what it computed of the last days."""

    __slots__ = ("_bounds", "_hours", "_spans", "_zone")

    def __init__(self, hours: Hours, time_zone: str) -> None:
        self._hours = hours
        self._zone = ZoneInfo(time_zone)
        self._spans: dict[date, tuple[tuple[datetime, datetime], ...]] = {}
        self._bounds: dict[date, tuple[datetime, datetime]] = {}

    def spans(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """Return the opening times of a local day as instants, in order."""
        found = self._spans.get(day)
        if found is None:
            if len(self._spans) > _KEPT_DAYS:
                self._spans.clear()
            made = [(self._at(day, span.start), self._at(day, span.end)) for span in day_of(self._hours, day).spans]
            found = self._spans[day] = tuple((start, end) for start, end in made if start < end)
        return found

    def span_at(self, at: datetime) -> tuple[datetime, datetime] | None:
        """Return from when until when the practice is open around an instant; None when it is closed then."""
        return next((span for span in self.spans(self._local(at)) if span[0] <= at < span[1]), None)

    def is_open(self, at: datetime) -> bool:
        """Whether the practice is open at an instant."""
        return self.span_at(at) is not None

    def next_opening(self, at: datetime) -> datetime | None:
        """Return when the practice opens next, after `at`; None when it does not within four years."""
        for day in self._days(at):
            for start, _ in self.spans(day):
                if start > at:
                    return start
        return None

    def next_expected(self, after: datetime, slot_s: int, interval_s: int) -> datetime:
        """Return the first slot after an instant at which a report is expected; slots lie every `interval_s`, at `slot_s`.

        When the practice does not open within four years, the first slot after them.
        """
        for day in self._days(after):
            for start, end in self.spans(day):
                slot = slot_after(max(after, start + SETTLE - _SECOND), slot_s, interval_s)
                if slot < end:
                    return slot
        return slot_after(after + _DAY * _REACH, slot_s, interval_s)

    def elapse(self, start: datetime, amount: timedelta) -> datetime:
        """Return the instant at which `amount` of opening days has passed since `start`."""
        left = amount
        at = start
        for day in self._days(start):
            begins, ends = self._day_bounds(day)
            at = max(start, begins)
            if not self.spans(day):
                continue
            if left <= ends - at:
                return at + left
            left -= ends - at
        return at + left

    def open_between(self, start: datetime, end: datetime) -> timedelta:
        """Return how much of opening days lies between two instants; never negative."""
        total = timedelta(0)
        for day in self._days(start):
            begins, ends = self._day_bounds(day)
            if begins >= end:
                break
            if self.spans(day):
                total += min(end, ends) - max(start, begins)
        return max(total, timedelta(0))

    def _days(self, start: datetime) -> Iterator[date]:
        first = self._local(start)
        return (first + timedelta(days=number) for number in range(_REACH))

    def _local(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()

    def _day_bounds(self, day: date) -> tuple[datetime, datetime]:
        found = self._bounds.get(day)
        if found is None:
            if len(self._bounds) > _KEPT_DAYS:
                self._bounds.clear()
            found = self._bounds[day] = (self._at(day, 0), self._at(day, DAY_MINUTES))
        return found

    def _at(self, day: date, minute: int) -> datetime:
        """Return the instant of a local time; one that the clock jumps over is taken as the clock stood before it jumped."""
        whole_days, minute = divmod(minute, DAY_MINUTES)
        hour, minute = divmod(minute, 60)
        local = datetime.combine(day + _DAY * whole_days, time(hour, minute), self._zone)
        return local.astimezone(UTC)


def open_hours(calendar: PracticeCalendar, first: date, last: date) -> list[tuple[date, list[int]]]:
    """Return the days (UTC) of a span, latest first, with the hours during the whole of which a practice is open."""
    found: dict[date, set[int]] = {}
    day = first - timedelta(days=1)  # where it is a day later or earlier than in UTC
    while day <= last + timedelta(days=1):
        for start, end in calendar.spans(day):
            at = start.astimezone(UTC)
            hour = at.replace(minute=0, second=0, microsecond=0)
            hour += _HOUR if hour < at else timedelta(0)
            while hour + _HOUR <= end:
                found.setdefault(hour.date(), set()).add(hour.hour)
                hour += _HOUR
        day += timedelta(days=1)
    return [(each, sorted(found[each])) for each in sorted(found, reverse=True) if first <= each <= last]


def slot_after(at: datetime, slot_s: int, interval_s: int) -> datetime:
    """Return the first slot strictly after an instant."""
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds + (slot_s - seconds - 1) % interval_s + 1, tz=UTC)


def ordered(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return spans in order. Raises `BadValueError` when one is empty, outside its day, or overlaps another."""
    found = tuple(sorted(spans))
    for span in found:
        if not 0 <= span.start < span.end <= DAY_MINUTES:
            raise BadValueError(
                "a span must begin before it ends, within its day", "Une plage commence avant de finir, le même jour."
            )
    for one, next_one in itertools.pairwise(found):
        if one.end > next_one.start:
            raise BadValueError("spans of a day must not overlap", "Les plages d'un jour ne se chevauchent pas.")
    return found
