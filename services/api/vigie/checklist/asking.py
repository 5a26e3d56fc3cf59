"""Which controls people answer, who answers them, and which days an answer may speak of. From the catalogue."""

from datetime import UTC, date, datetime, time, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from vigie.auth.principal import PROVIDER_ROLES, Principal
from vigie.checklist.errors import AutomaticControlError, EffectiveDateError, ReasonRequiredError, WrongSideError
from vigie.core.errors import NotFoundError
from vigie.posture.catalogue import Control, carry, known_versions, load_catalogue
from vigie.posture.rules.answers import Question, months_of
from vigie.posture.rules.records import months_after

MONTHS_BACK: Final = 24
"""An answer may speak of a day this long ago at most: what was true before says nothing about today. Our choice."""
_REASON_AT_LEAST: Final = 10  # characters


def side_of(principal: Principal) -> str:
    """Return the side a person stands on."""
    return "provider" if principal.role in PROVIDER_ROLES else "practice"


def asked_control(control: str, principal: Principal) -> Control:
    """Return a control that this person answers.

    Raises `NotFoundError` for none of the catalogue, `AutomaticControlError` for one that nobody answers, `WrongSideError` for one
    that the other side does: the catalogue's `kind` decides, strictly, whoever else is responsible for what it asks.
    """
    entry = load_catalogue().controls.get(control)
    if entry is None:
        raise NotFoundError
    if entry.kind == "automatic":
        raise AutomaticControlError
    if entry.kind != side_of(principal):
        raise WrongSideError
    return entry


def known_control(control: str) -> Control:
    """Return a control of the catalogue; raises `NotFoundError`."""
    entry = load_catalogue().controls.get(control)
    if entry is None:
        raise NotFoundError
    return entry


@cache
def question_of(control: str) -> Question | None:
    """Return what is asked about a control; None for one that is not answered by people, or that nobody knows any more."""
    entry = load_catalogue().controls.get(control)
    if entry is None or entry.kind == "automatic":
        return None
    months = months_of(entry.every)
    return Question(control, months) if months is not None else None


@cache
def names_of(control: str) -> tuple[str, ...]:
    """Return every id that a control of today has had, its own included."""
    today = load_catalogue().version
    return tuple(sorted({control, *filter(None, (carry(control, today, version) for version in known_versions()))}))


@cache
def zone_of(name: str) -> tzinfo:
    """Return the time zone by which a practice counts its days."""
    return ZoneInfo(name)


def day_of(now: datetime, zone: tzinfo) -> date:
    """Return today's date where a practice is."""
    return now.astimezone(zone).date()


def checked_day(effective_on: date | None, today: date) -> date:
    """Return the day of effect, today when none is given; raises `EffectiveDateError`."""
    if effective_on is None:
        return today
    earliest = months_after(datetime.combine(today, time(12), UTC), -MONTHS_BACK).date()
    if not earliest <= effective_on <= today:
        raise EffectiveDateError(earliest=earliest.isoformat(), latest=today.isoformat())
    return effective_on


def check_reason(reason: str | None) -> None:
    """Raise `ReasonRequiredError` unless somebody wrote why."""
    if reason is None or len(reason) < _REASON_AT_LEAST:
        raise ReasonRequiredError
