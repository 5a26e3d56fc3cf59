"""Periods, numbers, codes of verification, and when a report is due. Pure: no database, no clock, no framework."""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from vigie.core.crypto import b64url, b64url_decode

USUAL_DAYS: Final = 30
MOST_DAYS: Final = 396
"""Thirteen months: events are kept no longer (docs/operators)."""
HOUR_OF_REPORT: Final = time(8)
LAST_DAY: Final = 28
"""The greatest day of the month a report can be made on by itself: every month has it."""
_ID_BYTES: Final = 16
_CODE_BYTES: Final = 32
_GROUP: Final = 8


@dataclass(frozen=True, slots=True)
class Period:
    """Days of a report, both included, in the time zone of the practice."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def begins_at(self) -> datetime:
        """Return the instant at which the first day begins."""
        return datetime.combine(self.first, time(0), self.zone).astimezone(UTC)

    @property
    def ends_at(self) -> datetime:
        """Return the instant at which the last day has ended."""
        return datetime.combine(self.last + timedelta(days=1), time(0), self.zone).astimezone(UTC)

    @property
    def days(self) -> int:
        """Return how many days it has."""
        return (self.last - self.first).days + 1


def period_of(first: date | None, last: date | None, zone: ZoneInfo, now: datetime) -> Period | None:
    """Return the period asked for, by default the last thirty days; None when it is not possible.

    Not possible is what ends before it begins or after today, and what is longer than thirteen months.
    """
    today = now.astimezone(zone).date()
    last = last or today
    first = first or last - timedelta(days=USUAL_DAYS - 1)
    if last > today or first > last or (last - first).days >= MOST_DAYS:
        return None
    return Period(first, last, zone)


def month_before(day: date) -> tuple[date, date]:
    """Return the first and the last day of the month before the one of `day`."""
    last = day.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def number_of(number: int, issued_on: date) -> str:
    """Return the number of a report as people read it: the month it was issued in, and how many the provider had issued."""
    return f"{issued_on:%Y-%m}-{number:04d}"


def code_of(provider_id: UUID, secret: bytes) -> str:
    """Return the code in the address of the verification page: it names the provider's drawer, and a row nobody can guess."""
    return b64url(provider_id.bytes + secret)


def provider_of_code(code: str) -> UUID | None:
    """Return whose report a code speaks of; None when it is no code of ours."""
    try:
        raw = b64url_decode(code)
    except ValueError:
        return None
    return UUID(bytes=raw[:_ID_BYTES]) if len(raw) == _CODE_BYTES and b64url(raw) == code else None


def grouped(digest: bytes) -> list[str]:
    """Return a digest in groups of eight hexadecimal digits, as people compare it."""
    text = digest.hex()
    return [text[start : start + _GROUP] for start in range(0, len(text), _GROUP)]


def due_at(day: int, month: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which the report of a month is due: its day at eight in the morning, by the practice's clock.

    Where a clock is set forward over that time, or back, the first of the two instants counts.
    """
    return datetime.combine(month.replace(day=day), HOUR_OF_REPORT, zone).astimezone(UTC)


def next_due_at(day: int, zones: Iterable[ZoneInfo], after: datetime) -> datetime | None:
    """Return the first instant after `after` at which a report is due in one of the zones; None without a zone."""
    found = []
    for zone in zones:
        month = after.astimezone(zone).date().replace(day=1)
        at = due_at(day, month, zone)
        if at <= after:
            at = due_at(day, _following(month), zone)
        found.append(at)
    return min(found, default=None)


def _following(month: date) -> date:
    return month.replace(day=1) + timedelta(days=calendar.monthrange(month.year, month.month)[1])
