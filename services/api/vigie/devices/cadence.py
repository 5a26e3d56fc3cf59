"""The server owns the cadence: when a device is heard next, and when its silence counts. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from vigie.posture.rules.model import Calendar, SilencePolicy

INTERVAL_S: Final = 3600
CONFIG_REV: Final = 1
_LEAST_GAP_S = 300  # a run that would follow this soon is left out
GRACE = timedelta(seconds=300)
_TELLING = timedelta(seconds=60)  # from a deadline until the sweep has told it, at the latest
_ENOUGH = 100  # slots looked at for one that does not end as the practice closes


class Patience(NamedTuple):
    """How long a device may stay away: whole opening days, then missed reports in a row."""

    days: int
    slots: int


class Outage(NamedTuple):
    """A time in which nobody could be heard because of us; ``until`` None: it goes on."""

    since: datetime
    until: datetime | None


def patience_of(role: str, policy: SilencePolicy) -> Patience:
    """Return how long a device of this role may stay away. A laptop travels; a server does not."""
    if role == "laptop":
        return Patience(policy.laptop_days, 1)
    return Patience(0, policy.workstation_slots if role == "workstation" else policy.server_slots)


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


def silent_after(
    last_seen: datetime, slot_s: int, calendar: Calendar, patience: Patience, outages: Iterable[Outage] = ()
) -> datetime:
    """Return the instant at which a device counts as silent: five minutes after the last report its patience allows to miss.

    Reports are expected in opening hours only, and no silence begins as the practice closes: nobody would be there to look.
    `outages`: ours, in the order of time; one that began before the silence would have counted gives the device one more report to
    come back with, from when we could hear again.
    """
    soonest = last_seen + timedelta(seconds=_LEAST_GAP_S - 1)
    if patience.days:
        soonest = max(soonest, calendar.elapse(last_seen, timedelta(days=patience.days)))
    silent = _after_slots(soonest, slot_s, calendar, patience.slots)
    for outage in outages:
        if outage.until is not None and outage.until > last_seen and outage.since < silent:
            silent = max(silent, _after_slots(outage.until, slot_s, calendar, 1))
    return silent


def first_missed(last_seen: datetime, slot_s: int, calendar: Calendar, outages: Iterable[Outage] = ()) -> datetime:
    """Return the instant at which the first expected report of a device is missing, our outages allowed for."""
    missed = calendar.next_expected(last_seen + timedelta(seconds=_LEAST_GAP_S - 1), slot_s, INTERVAL_S) + GRACE
    for outage in outages:
        if outage.until is not None and outage.until > last_seen and outage.since < missed:
            missed = max(missed, calendar.next_expected(outage.until, slot_s, INTERVAL_S) + GRACE)
    return missed


def _after_slots(after: datetime, slot_s: int, calendar: Calendar, slots: int) -> datetime:
    for _ in range(slots):
        after = calendar.next_expected(after, slot_s, INTERVAL_S)
    for _ in range(_ENOUGH):
        if calendar.is_open(after + GRACE + _TELLING):
            break
        after = calendar.next_expected(after, slot_s, INTERVAL_S)
    return after + GRACE
