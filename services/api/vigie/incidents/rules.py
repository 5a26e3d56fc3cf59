"""The clocks of an incident, and which span of time its evidence covers. Pure.

Both clocks count 72 elapsed hours from when the incident became known, not from its declaration here: the complaint without which
a cyber-insurance does not pay (Code des assurances, art. L. 12-10-1), and the notification of a breach of personal data to the CNIL
(GDPR, art. 33 §1). Hours elapse alike in a night of the clock change, on Sundays and in August.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args

Clock = Literal["complaint", "cnil"]
Outcome = Literal["done", "not_required"]
ClockState = Literal["running", "urgent", "overdue", "done", "done_late", "not_required"]

CLOCKS: Final[tuple[Clock, ...]] = get_args(Clock)
ALLOWED: Final = timedelta(hours=72)
URGENT: Final = timedelta(hours=24)
"""What is left when a clock becomes urgent: 48 of the 72 hours are over. Our choice (ANS-6.5)."""
LOOKS_BACK: Final = timedelta(days=366)
"""How long ago an incident may have become known, or something that is logged may have happened. Our choice."""
EVIDENCE_BEFORE: Final = timedelta(days=30)
EVIDENCE_AFTER: Final = timedelta(days=30)
LAWS: Final[Mapping[Clock, str]] = {
    "complaint": "Code des assurances, art. L. 12-10-1",
    "cnil": "RGPD, art. 33",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A clock at an instant. `remaining`: until the deadline, negative after it; None once nothing is left to do."""

    state: ClockState
    deadline: datetime
    remaining: timedelta | None


def deadline_of(known_at: datetime) -> datetime:
    """Return the last instant of the 72 hours (UTC)."""
    return known_at.astimezone(UTC) + ALLOWED  # in UTC: on a local clock, an hour would come or go with the season


def read_clock(known_at: datetime, now: datetime, outcome: Outcome | None, done_at: datetime | None) -> Reading:
    """Return how a clock stands. `outcome`, `done_at`: what was noted of it, None while nothing was."""
    deadline = deadline_of(known_at)
    if outcome == "not_required":
        return Reading("not_required", deadline, None)
    if outcome == "done" and done_at is not None:
        return Reading("done" if done_at <= deadline else "done_late", deadline, None)
    remaining = deadline - now.astimezone(UTC)
    if remaining < timedelta(0):
        return Reading("overdue", deadline, remaining)
    return Reading("urgent" if remaining <= URGENT else "running", deadline, remaining)


def may_have_been(at: datetime, now: datetime) -> bool:
    """Whether something may be said to have happened at an instant: not in the future, and not beyond `LOOKS_BACK`."""
    return now - LOOKS_BACK <= at <= now


def window_of(known_at: datetime, now: datetime) -> tuple[datetime, datetime]:
    """Return from when until when evidence is kept: thirty days before it became known, and at most thirty after."""
    return known_at - EVIDENCE_BEFORE, min(now, known_at + EVIDENCE_AFTER)
