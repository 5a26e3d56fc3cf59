"""Several things judged at once: each has a timeline of states, together they have a state and a next change."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from vigie.posture.rules.model import State
from vigie.posture.rules.reasons import Reason

WORST_FIRST: Mapping[State, int] = {"fail": 0, "unknown": 1, "warn": 2, "pass": 3, "not_applicable": 4}
"""Order of a control that every device must meet (domain controls, evaluation conventions)."""

BEST_FIRST: Mapping[State, int] = {"pass": 0, "warn": 1, "unknown": 2, "fail": 3, "not_applicable": 4}
"""Order of a control that one good copy satisfies."""


class Step(NamedTuple):
    """A state that holds until an instant; None: for good."""

    state: State
    reason: Reason
    until: datetime | None


Timeline = Sequence[Step]
"""Steps in the order of time; the last one holds for good."""


def step_at(timeline: Timeline, moment: datetime) -> Step:
    """Return the step that holds at an instant."""
    for step in timeline:
        if step.until is None or moment < step.until:
            return step
    return timeline[-1]


def combine(timelines: Sequence[Timeline], now: datetime, order: Mapping[State, int]) -> Step:
    """Return the deciding step now, with the instant at which the common verdict next changes.

    The deciding one is the first in ``order``; among equals, the first in the list. ``timelines`` must not be empty.
    """
    current = _deciding(timelines, now, order)
    changes = {step.until for timeline in timelines for step in timeline if step.until is not None and step.until > now}
    for moment in sorted(changes):
        later = _deciding(timelines, moment, order)
        if (later.state, later.reason) != (current.state, current.reason):
            return Step(current.state, current.reason, moment)
    return Step(current.state, current.reason, None)


def _deciding(timelines: Iterable[Timeline], moment: datetime, order: Mapping[State, int]) -> Step:
    return min((step_at(timeline, moment) for timeline in timelines), key=lambda step: order[step.state])
