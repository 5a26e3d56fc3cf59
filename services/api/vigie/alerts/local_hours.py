"""When a daily message is due next. Pure."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def next_at(local: str | None, time_zone: str, after: datetime) -> datetime | None:
    """Return the first instant after `after` at which the clocks of a zone show `local` (HH:MM); None for no time.

    A time that the clocks jump over in spring is taken as they stood before; one that comes twice in autumn counts once.
    """
    if local is None:
        return None
    zone = ZoneInfo(time_zone)
    at = time.fromisoformat(local)
    day = after.astimezone(zone).date()
    for number in range(3):
        found = datetime.combine(day + timedelta(days=number), at, zone).astimezone(UTC)
        if found > after:
            return found
    raise AssertionError("two days later is later")
