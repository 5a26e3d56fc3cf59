"""Time comes from a `Clock`, so that a month of history or a missed deadline can be produced by the real code."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the current instant, timezone-aware, in UTC."""

    def now(self) -> datetime:
        """Return the current instant."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the current instant of the machine."""
        return datetime.now(UTC)


class MovableClock:
    """A clock that stands still until it is moved; for tests and for producing history."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the instant the clock was last set to."""
        return self._now

    def move_to(self, instant: datetime) -> None:
        """Set the clock."""
        self._now = instant

    def advance(self, amount: timedelta) -> None:
        """Move the clock by an amount."""
        self._now += amount


def wire_time(instant: datetime) -> str:
    """Return an instant in the wire format `YYYY-MM-DDTHH:MM:SSZ`."""
    # isoformat costs a tenth of strftime, and this is called several times per heartbeat
    return (instant if instant.tzinfo is UTC else instant.astimezone(UTC)).isoformat(timespec="seconds")[:19] + "Z"
