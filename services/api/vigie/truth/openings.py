"""When the practices of the simulated world work. Pure, and written anew: what is judged must not draw its own yardstick.

Instants are whole seconds since the epoch (UTC). Public holidays are computed from Easter and the Code du travail (L3133-1,
L3134-13, L3422-2), not by the library that the product asks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

DAY_S = 86400
HOUR_S = 3600
MINUTE_S = 60
_DAY = timedelta(days=1)
_FAR = 4_102_444_800
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FIXED = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
_AFTER_EASTER = (1, 39, 50)  # Easter Monday, Ascension, Whit Monday


class Span(NamedTuple):
    """From an instant until before another."""

    start: int
    end: int

    def holds(self, instant: int) -> bool:
        """Whether an instant lies within."""
        return self.start <= instant < self.end


Minutes = tuple[int, int]
Week = tuple[tuple[Minutes, ...], ...]
"""Monday to Sunday: minutes of the local day from which until which the practice works."""


def _week(*days: tuple[Minutes, ...]) -> Week:
    return (*days, *((),) * (7 - len(days)))


_LONG = ((8 * 60 + 30, 12 * 60 + 30), (14 * 60, 18 * 60 + 30))
_LATE = ((9 * 60, 12 * 60), (14 * 60, 19 * 60))
_THROUGH = ((9 * 60, 19 * 60),)
_EARLY = ((8 * 60, 12 * 60), (13 * 60, 18 * 60))
_MORNING = ((9 * 60, 12 * 60),)
WEEKS: tuple[Week, ...] = (
    _week(*(_LONG,) * 5),
    _week(*(_LATE,) * 5, _MORNING),
    _week(_LONG, _LONG, (), _LONG, _LONG),
    _week(*(_THROUGH,) * 5),
    _week(*(_EARLY,) * 4, ((8 * 60, 13 * 60),), ((8 * 60 + 30, 12 * 60 + 30),)),
    _week(_LATE, _LATE, _MORNING, _LATE, _LATE, _MORNING),
)
"""Patterns of French practices: with lunch or through, closed on Wednesdays, open on Saturday mornings."""


@cache
def easter(year: int) -> date:
    """Return Easter Sunday (Meeus, Jones, Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * k) // 451
    month, day = divmod(h + k - 7 * m + 114, 31)
    return date(year, month, day + 1)


@cache
def holidays_of(territory: str, year: int) -> frozenset[date]:
    """Return the public holidays of a year."""
    found = {date(year, month, day) for month, day in _FIXED} | {easter(year) + _DAY * n for n in _AFTER_EASTER}
    if territory == "alsace_moselle":
        found |= {easter(year) - 2 * _DAY, date(year, 12, 26)}
    elif territory == "guadeloupe":
        found.add(date(year, 5, 27))
    elif territory == "reunion":
        found.add(date(year, 12, 20))
    return frozenset(found)


@dataclass(frozen=True)
class Openings:
    """The hours of one practice. ``closures``: told to the service; ``untold``: days on which it stays closed all the same."""

    week: Week
    zone: ZoneInfo
    territory: str
    closures: tuple[tuple[date, date], ...] = ()
    untold: frozenset[date] = frozenset()
    _told: dict[date, tuple[Span, ...]] = field(default_factory=dict, compare=False, repr=False)

    def told(self, day: date) -> tuple[Span, ...]:
        """Return when the service has to believe that the practice is open on a local day."""
        found = self._told.get(day)
        if found is None:
            closed = day in holidays_of(self.territory, day.year) or any(a <= day <= b for a, b in self.closures)
            minutes = () if closed else self.week[day.weekday()]
            found = tuple(Span(self.at(day, start), self.at(day, end)) for start, end in minutes)
            self._told[day] = found
        return found

    def works(self, day: date) -> tuple[Span, ...]:
        """Return when people are really there."""
        return () if day in self.untold else self.told(day)

    def at(self, day: date, minute: int) -> int:
        """Return the instant of a local time."""
        whole, minute = divmod(minute, 24 * 60)
        local = datetime.combine(day + _DAY * whole, datetime.min.time(), self.zone)
        return int(local.replace(hour=minute // 60, minute=minute % 60).timestamp())

    def day_of(self, instant: int) -> date:
        """Return the local day of an instant."""
        return datetime.fromtimestamp(instant, self.zone).date()

    def is_open(self, instant: int) -> bool:
        """Whether the service has to believe that the practice is open."""
        return any(span.holds(instant) for span in self.told(self.day_of(instant)))

    def spans_from(self, instant: int) -> Iterator[Span]:
        """Yield the told opening times that end after an instant, in order, for two years; none after the year 2100."""
        if instant >= _FAR:
            return
        day = self.day_of(instant)
        for number in range(730):
            yield from (span for span in self.told(day + _DAY * number) if span.end > instant)

    def open_seconds(self, start: int, end: int) -> int:
        """Return how long the practice was open, by its told hours, between two instants."""
        total = 0
        for span in self.spans_from(start):
            if span.start >= end:
                break
            total += min(end, span.end) - max(start, span.start)
        return total

    def opening_days(self, instant: int, days: float) -> int:
        """Return the instant at which so many opening days have passed; a day that opens counts whole, others not at all."""
        left, at = int(days * DAY_S), instant
        day = self.day_of(instant)
        for number in range(730):
            begins, ends = self.at(day + _DAY * number, 0), self.at(day + _DAY * (number + 1), 0)
            if not self.told(day + _DAY * number):
                continue
            at = max(instant, begins)
            if left <= ends - at:
                return at + left
            left -= ends - at
        return at + left

    def document(self) -> dict[str, Any]:
        """Return what the practice tells the service."""
        weekly = {
            name: [{"from": _clock(start), "to": _clock(end)} for start, end in spans]
            for name, spans in zip(_WEEKDAYS, self.week, strict=True)
        }
        closures = [{"first": first.isoformat(), "last": last.isoformat()} for first, last in self.closures]
        return {"territory": self.territory, "weekly": weekly, "closures": closures}


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def when(instant: int) -> datetime:
    """Return an instant as a datetime in UTC."""
    return datetime.fromtimestamp(instant, UTC)
