"""The hours in which a device was heard, as a map of days and hours of its practice. Pure.

Hours come from the API in UTC and are shown in the practice's time zone: a column per local day, a row per local hour. Five paths
draw it, however many hours there are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

DAYS: Final = 42
_LEFT, _TOP, _WIDE, _HIGH = 34, 16, 20, 8
_HOUR: Final = timedelta(hours=1)
_MONDAY: Final = 0
Cell = tuple[date, int]


@dataclass(frozen=True, slots=True)
class Presence:
    """The map: its five paths, where its weeks begin, and what it comes to in numbers."""

    opened: str
    seen: str
    quiet: str
    late: str
    missed: str
    weeks: Sequence[tuple[int, date]]
    first: date
    last: date
    hours_seen: int
    hours_late: int
    hours_missed: int
    latest_missed: datetime | None
    hours_known: bool


def presence_of(told: Mapping[str, Any], joined_at: datetime, now: datetime, zone: str) -> Presence:
    """Return the map of the last six weeks. `told`: the answer of `GET /v1/devices/{id}/presence`.

    An hour is missed when the practice was open throughout, the hour is over, the device had joined before, and it was neither
    heard then nor told later that it ran.
    """
    place = ZoneInfo(zone)
    last = now.astimezone(place).date()
    first = last - timedelta(days=DAYS - 1)
    seen = set(_instants(told["items"], "seen_hours"))
    ran = set(_instants(told["items"], "ran_hours")) - seen
    opened = set(_instants(told["open"] or [], "hours"))
    missed = {at for at in opened - seen - ran if at >= joined_at and at + _HOUR <= now}

    def cells(instants: set[datetime]) -> list[Cell]:
        local = sorted({_cell(at, zone) for at in instants})
        return [cell for cell in local if first <= cell[0] <= last]

    in_open = set(cells(opened))
    shown = cells(seen)
    gone = cells(missed)
    return Presence(
        opened=_path(sorted(in_open), first, _band),
        seen=_path([cell for cell in shown if cell in in_open], first, _bar),
        quiet=_path([cell for cell in shown if cell not in in_open], first, _bar),
        late=_path(cells(ran), first, _bar),
        missed=_path(gone, first, _diamond),
        weeks=[
            (_LEFT + _WIDE * number, first + timedelta(days=number))
            for number in range(DAYS - 1)
            if (first + timedelta(days=number)).weekday() == _MONDAY
        ],
        first=first,
        last=last,
        hours_seen=len(shown),
        hours_late=len(cells(ran)),
        hours_missed=len(gone),
        latest_missed=max((at for at in missed), default=None),
        hours_known=told["open"] is not None,
    )


@lru_cache(maxsize=16_384)
def _cell(at: datetime, zone: str) -> Cell:
    """Return the local day and hour of an hour; remembered, because all devices were heard in the same six weeks."""
    there = at.astimezone(ZoneInfo(zone))
    return there.date(), there.hour


def _instants(days: Sequence[Mapping[str, Any]], name: str) -> Iterator[datetime]:
    for each in days:
        day = datetime.combine(date.fromisoformat(each["day"]), time(), UTC)
        for hour in each[name]:
            yield day + timedelta(hours=hour)


def _path(cells: Sequence[Cell], first: date, drawn: Any) -> str:
    return "".join(drawn(_LEFT + _WIDE * (day - first).days, _TOP + _HIGH * hour) for day, hour in cells)


def _band(x: int, y: int) -> str:
    return f"M{x} {y}h20v8h-20z"


def _bar(x: int, y: int) -> str:
    return f"M{x + 2} {y + 1.5}h16v5h-16z"


def _diamond(x: int, y: int) -> str:
    return f"M{x + 1} {y + 4}l9 -4l9 4l-9 4z"
