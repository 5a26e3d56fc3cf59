"""The server owns the cadence: when a device is heard next, and when its silence counts. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from vigie.posture.rules.model import Calendar

INTERVAL_S: Final = 3600
CONFIG_REV: Final = 1
_LEAST_GAP_S = 300  # a run that would follow this soon is left out
_GRACE = timedelta(seconds=300)


def slot_of(device_id: UUID) -> int:
    """Return the second within the hour at which a device reports; devices spread evenly, and keep theirs for life."""
    return device_id.int % INTERVAL_S


def next_run(now: datetime, slot_s: int) -> datetime:
    """Return the next instant of a slot, at least five minutes away."""
    seconds = int(now.timestamp()) + 1
    wait = (slot_s - seconds) % INTERVAL_S + 1
    if wait < _LEAST_GAP_S:
        wait += INTERVAL_S
    return datetime.fromtimestamp(seconds - 1 + wait, tz=UTC)


def silent_after(last_seen: datetime, slot_s: int, calendar: Calendar) -> datetime:
    """Return the instant at which a device counts as silent: its second missed slot in opening hours, and five minutes."""
    soonest = last_seen + timedelta(seconds=_LEAST_GAP_S - 1)
    missed = calendar.next_expected(soonest, slot_s, INTERVAL_S)
    return calendar.next_expected(missed, slot_s, INTERVAL_S) + _GRACE
