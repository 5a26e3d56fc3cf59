"""Why a practice has its score: points that add up exactly, sentences with their numbers filled in, and what would help most.

Pure: no database, no clock, no framework. Points are counted in halves, as the rules do, and shown in points.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from string import Formatter
from typing import Any, Literal, NamedTuple, cast, get_args

from vigie.posture.catalogue import Control, Text
from vigie.posture.rules.model import Policy, State
from vigie.posture.rules.score import Points, points_of

Language = Literal["fr", "en"]
ENOUGH_PRACTICES = 10
"""With fewer practices a median and a place would tell one practice what another one has (docs/adr/0025)."""

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}Z)?")
_MONTHS: Mapping[Language, tuple[str, ...]] = {
    "fr": (
        *("janvier", "février", "mars", "avril", "mai", "juin", "juillet"),
        *("août", "septembre", "octobre", "novembre", "décembre"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June", "July"),
        *("August", "September", "October", "November", "December"),
    ),
}
_UNTOLD = "?"
_NO_RECORDS = {"ANS-5.11": "inventory_empty", "ANS-10.2": "card_missing"}
_WORST_FIRST: tuple[State, ...] = ("fail", "unknown", "warn")


class Tally(NamedTuple):
    """The points of every control, of every rule and of the whole; each level is the sum of the one below."""

    controls: Mapping[str, Points]
    rules: Mapping[int, Points]
    total: Points


@dataclass(frozen=True, slots=True)
class Improvement:
    """What one control put right would bring: half points, and the score of the practice with nothing else changed."""

    control: str
    gain: int
    score_then: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The practice among those of its provider: the median of their scores, its place, and how many there are."""

    median: int
    place: int
    practices: int


def states_of(controls: Mapping[str, Mapping[str, Any]], answers: Mapping[str, str]) -> dict[str, State]:
    """Return the state of each control from a stored posture; where devices decide, what they say counts."""
    judged = {control: entry["state"] for control, entry in controls.items()}
    return cast("dict[str, State]", {**answers, **judged})


def tally(controls: Iterable[Control], states: Mapping[str, State]) -> Tally:
    """Count the half points of every control (one without a state is unknown), of every rule, and of all."""
    each: dict[str, Points] = {}
    rules: dict[int, Points] = {}
    for control in controls:
        points = points_of(control.weight, states.get(control.id, "unknown"))
        each[control.id] = points
        rules[control.rule] = rules.get(control.rule, Points(0, 0)) + points
    return Tally(each, rules, sum(rules.values(), Points(0, 0)))


def improvements(controls: Mapping[str, Control], points: Tally, accepted: Iterable[str] = ()) -> list[Improvement]:
    """Return what would raise the score, the most first, among equals the least effort; accepted deviations stay out.

    The gains of all are exactly what is missing to a score of 100, apart from what was accepted.
    """
    left_alone = frozenset(accepted)
    total = points.total
    found = [
        Improvement(control, gain, (total.earned + gain) * 100 // total.possible)
        for control, (earned, possible) in points.controls.items()
        if (gain := possible - earned) and control not in left_alone
    ]
    order = {control: place for place, control in enumerate(controls)}
    return sorted(found, key=lambda item: (-item.gain, controls[item.control].effort, order[item.control]))


def standing(scores: Mapping[int, int], score: int | None) -> Standing | None:
    """Return how a practice stands among others; None while there are too few of them to hide each one, or no score.

    `scores`: how many practices of the provider, itself included, have which score. The median is a score that exists: the
    lower of the two in the middle.
    """
    practices = sum(scores.values())
    if practices < ENOUGH_PRACTICES or score is None:
        return None
    passed = 0
    for median in sorted(scores):
        passed += scores[median]
        if passed * 2 >= practices:
            break
    return Standing(median, 1 + sum(count for other, count in scores.items() if other > score), practices)


def trend(changes: Sequence[tuple[date, int | None]], first: date, last: date) -> list[tuple[date, int | None]]:
    """Return the score of every day from `first` to `last`: that of the latest change up to it.

    `changes`: days on which the score changed, in their order; days before the first of them are left out.
    """
    days = []
    following = list(changes)[::-1]
    score: int | None = None
    known = False
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        while following and following[-1][0] <= day:
            score, known = following.pop()[1], True
        if known:
            days.append((day, score))
    return days


def absent_reason(control: Control) -> str:
    """Return the reason to show for a control of which nothing is stored: nobody reported, or nobody answered."""
    if control.kind != "automatic":
        return "not_answered"
    return "no_device_assessed" if control.telemetry else _NO_RECORDS.get(control.id, "suppliers_not_listed")


def all_states(counts: Mapping[State, int], practices: int) -> dict[State, int]:
    """Return how many practices are in each state of a control; those of which nothing is stored are unknown."""
    untold = practices - sum(counts.values())
    every: tuple[State, ...] = get_args(State)
    return {state: counts.get(state, 0) + (untold if state == "unknown" else 0) for state in every}


def worst_first(counts: Mapping[State, int]) -> tuple[int, ...]:
    """Return what controls are sorted by: the one that most practices fail, then what is unknown, then what warns."""
    return tuple(-counts[state] for state in _WORST_FIRST)


def fill(text: Text, language: Language, *values: Mapping[str, Any]) -> str:
    """Return a sentence in a language with its placeholders filled; a later mapping has the last word.

    Dates and instants are written out; what the evidence does not hold is a question mark, never a guess.
    """
    template = str(getattr(text, language))
    names = _placeholders(template)
    if not names:
        return template
    return template.format_map({name: _written(_last(name, values), language) for name in names})


def leaves_open(text: Text, language: Language) -> bool:
    """Whether a sentence has places for numbers; one without them always says the same."""
    return bool(_placeholders(str(getattr(text, language))))


@lru_cache(maxsize=2048)
def _placeholders(template: str) -> tuple[str, ...]:
    """Return the names a sentence leaves open; parsed once, because most sentences leave none."""
    return tuple(name for _, name, _, _ in Formatter().parse(template) if name is not None)


def _last(name: str, values: Sequence[Mapping[str, Any]]) -> object:
    return next((mapping[name] for mapping in reversed(values) if name in mapping), None)


def _written(value: object, language: Language) -> str:
    if value is None:
        return _UNTOLD
    if isinstance(value, str):
        return written_day(datetime.fromisoformat(value).date(), language) if _INSTANT.fullmatch(value) else value
    if isinstance(value, list | tuple):  # not an abstract `Sequence`: to ask for one costs more than all the rest
        return ", ".join(_written(item, language) for item in value)
    return str(value)


def written_day(day: date, language: Language) -> str:
    """Return a day as people write it: ``1er mars 2026``, ``1 March 2026``."""
    number = "1er" if language == "fr" and day.day == 1 else str(day.day)
    return f"{number} {_MONTHS[language][day.month - 1]} {day.year}"


def earliest(ends: Iterable[datetime | None]) -> datetime | None:
    """Return the first instant at which something may change by itself; None when nothing will."""
    return min((end for end in ends if end is not None), default=None)


def threshold_of(policy: Policy, key: str) -> int | list[str] | None:
    """Return the value of ``family.key`` in a policy, as it is written in JSON."""
    family, _, name = key.partition(".")
    value = getattr(getattr(policy, family), name)
    return list(value) if isinstance(value, tuple) else value
