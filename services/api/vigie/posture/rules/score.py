"""The score of a practice and the light of its checklist: every control counts, and the points add up exactly.

A control weighs one point, an essential one three. Points are counted in halves, so that nothing is rounded before the end:
a pass earns all of them, a warning (an accepted deviation is one) half, a failure and what nobody knows nothing. What does not
apply counts on neither side.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from vigie.posture.rules.model import State
from vigie.posture.rules.practice import HEADLINES, Headline

ESSENTIAL_WEIGHT = 3
_HALVES: Mapping[State, int] = {"pass": 2, "warn": 1, "fail": 0, "unknown": 0}
_HALF = 50  # percent
_TOLD_ELSEWHERE = frozenset(HEADLINES["patch"]) | frozenset(HEADLINES["backup"])


class Points(NamedTuple):
    """Half points of one control, of a rule or of all."""

    earned: int
    possible: int

    @property
    def percent(self) -> int | None:
        """Return the score, rounded down; None when nothing applies."""
        return self.earned * 100 // self.possible if self.possible else None

    def __add__(self, other: object) -> "Points":
        """Return the sum of both sides."""
        if not isinstance(other, Points):
            return NotImplemented
        return Points(self.earned + other.earned, self.possible + other.possible)


@dataclass(frozen=True, slots=True)
class Checklist:
    """The light and the points; `score` in percent, None while nothing at all is known."""

    light: Headline
    score: int | None
    points: Points


def points_of(weight: int, state: State) -> Points:
    """Return the half points of a control in a state."""
    if state == "not_applicable":
        return Points(0, 0)
    return Points(weight * _HALVES[state], weight * 2)


def judge_checklist(states: Mapping[str, State], weights: Mapping[str, int]) -> Checklist:
    """Return the light and the score of a practice from its states by control; what has none is unknown.

    ``weights``: every control of the catalogue and its weight. Critical: the score is under half, or an essential control
    fails that the lights of patches and backups do not tell already. Warning: anything fails, warns or is unknown. Unknown:
    nothing is known at all.
    """
    total = Points(0, 0)
    perfect, known, critical = True, False, False
    for control, weight in weights.items():
        state = states.get(control, "unknown")
        total += points_of(weight, state)
        known = known or state != "unknown"
        perfect = perfect and state in {"pass", "not_applicable"}
        if state == "fail" and weight == ESSENTIAL_WEIGHT and control not in _TOLD_ELSEWHERE:
            critical = True
    if not known:
        return Checklist("unknown", None, total)
    score = total.percent
    if critical or (score is not None and score < _HALF):
        return Checklist("critical", score, total)
    return Checklist("ok" if perfect else "warning", score, total)
