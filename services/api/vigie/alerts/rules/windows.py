"""Maintenance windows: when one holds, when it ends, and whether it covers what an alert is about. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from vigie.alerts.rules.local_time import DAY_MINUTES, instant_of, local_day

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Weekly:
    """A window that comes back on some days of the week: local minutes, into the next day where it ends before it begins."""

    zone: ZoneInfo
    weekdays: frozenset[int]
    start: int
    end: int
    first: date
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Work that is announced. Practice and device None: of the whole provider, of every device.

    ``made_at``, ``cancelled_at``: from when until when it was known, so that a replay sees what was known then. ``span``: of a
    window that comes once. ``causes`` and ``controls``: what it covers; none named: everything.
    """

    id: UUID
    practice_id: UUID | None
    device_id: UUID | None
    made_at: datetime
    cancelled_at: datetime | None
    span: tuple[datetime, datetime] | None
    weekly: Weekly | None = None
    causes: frozenset[str] = frozenset()
    controls: frozenset[str] = frozenset()

    def end_at(self, at: datetime) -> datetime | None:
        """Return when the window that holds at an instant ends; None when it does not hold then."""
        if at < self.made_at or (self.cancelled_at is not None and at >= self.cancelled_at):
            return None
        if self.span is not None:
            return self.span[1] if self.span[0] <= at < self.span[1] else None
        return _weekly_end(self.weekly, at) if self.weekly is not None else None

    def covers(self, practice_id: UUID, cause: str, members: Collection[str]) -> bool:
        """Whether everything an alert is about lies in the window; members: ids of devices, or of controls."""
        if self.practice_id is not None and self.practice_id != practice_id:
            return False
        if self.causes and cause not in self.causes:
            return False
        if self.device_id is not None and set(members) != {str(self.device_id)}:
            return False
        return not self.controls or set(members) <= self.controls


def _weekly_end(weekly: Weekly, at: datetime) -> datetime | None:
    today = local_day(at, weekly.zone)
    end = weekly.end if weekly.end > weekly.start else weekly.end + DAY_MINUTES
    found: datetime | None = None
    for day in (today - _DAY, today):
        if (
            day.weekday() not in weekly.weekdays
            or day < weekly.first
            or (weekly.last is not None and day > weekly.last)
        ):
            continue
        starts, ends = instant_of(day, weekly.start, weekly.zone), instant_of(day, end, weekly.zone)
        if starts <= at < ends:
            found = max(found or ends, ends)
    return found
