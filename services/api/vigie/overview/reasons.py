"""Why a light of a practice is what it is, in a few words: the control that decides, and what devices say of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal

from vigie.core.french import french
from vigie.overview.explaining import fill
from vigie.posture.catalogue import Text, load_catalogue
from vigie.posture.rules.model import State
from vigie.posture.rules.practice import HEADLINES, fraction
from vigie.posture.rules.timeline import WORST_FIRST

Language = Literal["fr", "en"]
REASONED: Final = tuple(HEADLINES)
"""The lights that one control decides."""

_COUNTED: Final[Mapping[str, tuple[str, str]]] = {
    "restore_days": ("restore_tested_at", "since"),
    "days_left": ("ends_on", "until"),
}


@dataclass(frozen=True, slots=True)
class Deciding:
    """The control that decides a light: the worst one, the first of the catalogue among equals."""

    control: str
    state: State
    reason: str | None
    since: str | None
    counts: Mapping[State, int]


@dataclass(frozen=True, slots=True)
class Told:
    """What one finding tells of a control in the state that decides: its reason, with evidence and thresholds."""

    reason: str
    values: Mapping[str, Any]
    device_id: Any = None
    alias: str | None = None


def deciding(name: str, controls: Mapping[str, Mapping[str, Any]], answers: Mapping[str, State]) -> Deciding | None:
    """Return what decides a light (`patch`, `backup`) from a stored posture; None while nothing is known of it."""
    known = [
        (WORST_FIRST[controls[control]["state"] if control in controls else answers[control]], place, control)
        for place, control in enumerate(HEADLINES[name])
        if control in controls or control in answers
    ]
    return deciding_of(min(known)[2], controls, answers) if known else None


def deciding_of(control: str, controls: Mapping[str, Mapping[str, Any]], answers: Mapping[str, State]) -> Deciding:
    """Return what a stored posture says of one control that it knows."""
    entry = controls.get(control)
    if entry is None:
        return Deciding(control, answers[control], None, None, {})
    return Deciding(control, entry["state"], entry["reason"], entry["since"], entry["counts"])


def devices_of(found: Deciding) -> tuple[int | None, int | None]:
    """Return how many devices are in the state that decides, of how many; None where the practice itself is judged."""
    return fraction(found.state, found.counts) if found.counts else (None, None)


def points_of(controls: Mapping[str, Mapping[str, Any]], answers: Mapping[str, State], points: int) -> tuple[int, int]:
    """Return how many control points pass, of those that concern the practice; what nobody has answered concerns it.

    `controls`, `answers`: of a stored posture, as `explaining.states_of` reads it. `points`: how many there are.
    """
    known = [entry["state"] for entry in controls.values()]
    known += [state for control, state in answers.items() if control not in controls]
    return known.count("pass"), points - known.count("not_applicable")


@cache
def title_of(control: str, language: Language) -> str:
    """Return what a control of the catalogue is called."""
    return _written(load_catalogue().controls[control].title, language, {})


def say(found: Deciding, told: Told | None, language: Language, now: datetime) -> tuple[str, str, str | None]:
    """Return why, in a few words and as a sentence, and the code of the reason.

    Sentences have their numbers from the evidence; ages are counted up to `now`.
    """
    catalogue = load_catalogue()
    title = catalogue.controls[found.control].title
    code = told.reason if told is not None else found.reason
    text = catalogue.reasons.get(code) if code is not None else None
    if text is None:
        return _written(title, language, {}), _written(title, language, {}), code
    values = {**told.values, **counted(told.values, now)} if told is not None else {}
    return _written(text.short or title, language, values), _written(text.says, language, values), code


def says_of(code: str, values: Mapping[str, Any], language: Language) -> str:
    """Return what a reason says as a sentence."""
    return _written(load_catalogue().reasons[code].says, language, values)


def next_of(code: str | None, values: Mapping[str, Any], language: Language) -> str:
    """Return what to do about a reason; nothing for one the catalogue does not know."""
    text = load_catalogue().reasons.get(code) if code is not None else None
    return _written(text.next, language, values) if text is not None else ""


def counted(values: Mapping[str, Any], now: datetime) -> dict[str, int]:
    """Return the whole days that short sentences hold: since the last good copy, since a restore, until a system ends."""
    days = {
        name: _days(values[key], now) if way == "since" else -_days(values[key], now)
        for name, (key, way) in _COUNTED.items()
        if values.get(key)
    }
    if (copied := last_copy(values)) is not None:
        days["copy_days"] = _days(copied, now)
    return days


def last_copy(values: Mapping[str, Any]) -> str | None:
    """Return when the worst job of a finding last made a good copy, as its evidence has it."""
    jobs = values.get("jobs") or ()
    return next((str(job["last_ok_at"]) for job in jobs if job.get("last_ok_at")), None)


def _days(text: str, now: datetime) -> int:
    at = datetime.fromisoformat(text)
    return (now.date() - at.date()).days if at.tzinfo is None else int((now - at).total_seconds() // 86_400)


def _written(text: Text, language: Language, values: Mapping[str, Any]) -> str:
    said = fill(text, language, values)
    return french(said) if language == "fr" else said
