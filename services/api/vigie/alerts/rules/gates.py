"""What holds a notification back, and until when. Pure."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from vigie.alerts.rules.local_time import end_of_spans
from vigie.alerts.rules.model import Alert, Calendar, Terms
from vigie.alerts.rules.policy import Policy

SETTLE = timedelta(minutes=90)
"""How long after opening a device may still come back by itself: half an hour to be switched on, an hour to its next report."""

_SECOND = timedelta(seconds=1)
_MOST = 50


class Gate(NamedTuple):
    """Why a notification is held back, and when to try again."""

    why: str
    until: datetime


def watchful(calendar: Calendar | None, at: datetime, settle: timedelta = timedelta(0)) -> datetime | None:
    """Return the first instant from `at` on at which the practice is open, and has been for `settle` (or soon closes).

    None when it does not open for years. Without opening hours a practice never closes.
    """
    if calendar is None:
        return at
    span = calendar.span_at(at)
    if span is None:
        opening = calendar.next_opening(at)
        if opening is None:
            return None
        at = opening
        span = calendar.span_at(at) or (at, at + settle + _SECOND)
    return max(at, min(span[0] + settle, span[1] - _SECOND))


def window_over(terms: Terms, practice_id: UUID, cause: str, members: Collection[str], at: datetime) -> datetime | None:
    """Return when the maintenance windows that cover all that an alert is about end; None when none holds."""
    reached: datetime | None = None
    for _ in range(_MOST):  # one window may begin before another ends
        ends = [
            end
            for window in terms.windows
            if window.covers(practice_id, cause, members) and (end := window.end_at(reached or at)) is not None
        ]
        if not ends:
            break
        reached = max(ends)
    return reached


def gate_of(
    alert: Alert,
    members: Collection[str],
    at: datetime,
    where: tuple[UUID, Calendar | None],
    laws: tuple[Terms, Policy],
) -> Gate | None:
    """Return what holds a notification of an alert back at an instant; None: it may be sent."""
    practice_id, calendar = where
    terms, policy = laws
    if alert.snoozed_until is not None and at < alert.snoozed_until:
        return Gate("snoozed", alert.snoozed_until)
    over = window_over(terms, practice_id, alert.cause, members, at)
    if over is not None:
        return Gate("window", over)
    if policy.causes[alert.cause].while_closed == "wait" and calendar is not None and calendar.span_at(at) is None:
        opening = calendar.next_opening(at)
        return Gate("closed_hours", opening or at + timedelta(days=365))
    if policy.quiet is not None and alert.severity not in policy.quiet.passes:
        ends = end_of_spans(policy.quiet.weekly, policy.quiet.zone, at)
        if ends is not None:
            return Gate("quiet_hours", ends)
    return None
