"""Reading a stored section without ever taking "could not look" for "is fine"."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from vigie.posture.rules.model import DeviceFacts, Finding, State
from vigie.posture.rules.reasons import Reason

DAY = timedelta(days=1)

FUTURE_TOLERANCE = DAY
"""A date further ahead is the work of a wrong clock: believing it would keep a light green for years."""


class Reading(NamedTuple):
    """The data of a section that could be read, when it was collected, and where the evidence of a finding starts."""

    data: Mapping[str, Any]
    collected_at: datetime
    evidence: dict[str, Any]


def verdict(
    control: str,
    state: State,
    reason: Reason,
    evidence: Mapping[str, Any],
    threshold: Mapping[str, Any],
    valid_until: datetime | None = None,
) -> Finding:
    """Build a finding with a reason the catalogue knows."""
    return Finding(control, state, reason, evidence, threshold, valid_until)


def read(
    facts: DeviceFacts,
    control: str,
    name: str,
    threshold: Mapping[str, Any],
    absent: tuple[State, Reason] = ("unknown", "section_unreadable"),
) -> Reading | Finding:
    """Return the data of a section, or the finding that explains why there is none.

    ``absent`` is what it means for this control that the thing was looked for and does not exist.
    """
    section = facts.sections.get(name)
    if section is None:
        return verdict(control, "unknown", "section_missing", {"section": name}, threshold)
    collected_at = section.get("collected_at")
    evidence = {"section": name, "collected_at": collected_at}
    data = section.get("data")
    status = section.get("status")
    if data is not None and (status == "ok" or status == "partial"):  # noqa: PLR1714 - the hot path, twice as fast
        return Reading(data, past(collected_at, facts.seen_at) or facts.seen_at, evidence)
    if status == "absent":
        return verdict(control, *absent, evidence, threshold)
    if status == "not_applicable":
        return verdict(control, "not_applicable", "section_not_applicable", evidence, threshold)
    if status == "disabled":
        return verdict(control, "unknown", "collection_disabled", evidence, threshold)
    errors = section.get("errors") or ()
    evidence["errors"] = sorted({str(error.get("code")) for error in errors})[:4]
    return verdict(control, "unknown", "section_unreadable", evidence, threshold)


def instant(value: object) -> datetime | None:
    """Return the instant a report wrote as ``YYYY-MM-DDTHH:MM:SSZ``; None when it wrote none."""
    return _parse_instant(value) if isinstance(value, str) else None


@lru_cache(maxsize=4096)
def _parse_instant(value: str) -> datetime | None:
    """Parse once: several rules read the same instants of the same report."""
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else None


def past(value: object, now: datetime) -> datetime | None:
    """Return an instant that lies in the past; None when it is unknown or too far ahead to be believed."""
    parsed = instant(value)
    if parsed is None or parsed <= now or parsed - now <= FUTURE_TOLERANCE:
        return parsed
    return None


def midnight(value: object) -> datetime | None:
    """Return the first instant (UTC) of a ``YYYY-MM-DD`` date; None when it is none."""
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    except ValueError:
        return None


def stamp(value: datetime) -> str:
    """Return an instant in wire format."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat()[:19] + "Z"


@lru_cache(maxsize=256)
def days_of(days: int) -> timedelta:
    """Return a number of days; thresholds are few, building them anew for every report is not."""
    return timedelta(days=days)


@lru_cache(maxsize=256)
def hours_of(hours: int) -> timedelta:
    """Return a number of hours, for the same reason."""
    return timedelta(hours=hours)


def whole_days(start: datetime, now: datetime) -> int:
    """Return elapsed days, rounded down; a start in the future counts as today."""
    return max((now - start).days, 0)


def after_day(start: datetime, days: int) -> datetime:
    """Return the instant at which an age in whole days first exceeds ``days``."""
    return start + days_of(days + 1)


def graded(start: datetime, pass_days: int, warn_days: int, now: datetime) -> tuple[State, datetime | None]:
    """Grade an age in whole days against two inclusive bounds; say when the grade changes."""
    pass_until = after_day(start, pass_days)
    if now < pass_until:
        return "pass", pass_until
    warn_until = after_day(start, warn_days)
    if now < warn_until:
        return "warn", warn_until
    return "fail", None
