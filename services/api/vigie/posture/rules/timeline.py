"""Several things judged at once: each has a timeline of states, together they have a state and a next change."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from vigie.posture.rules.model import State
from vigie.posture.rules.reasons import Reason

WORST_FIRST: Mapping[State, int] = {"fail": 0, "unknown": 1, "warn": 2, "pass": 3, "not_applicable": 4}
"""Order of a control that every device must meet (domain controls, evaluation conventions)."""

BEST_FIRST: Mapping[State, int] = {"pass": 0, "warn": 1, "unknown": 2, "fail": 3, "not_applicable": 4}
"""Order of a control that one good copy satisfies."""


_BEGINNING = datetime.min.replace(tzinfo=UTC)

Step = tuple[State, Reason, datetime | None]
"""A state and its reason that hold until an instant; None: for good."""

Timeline = Sequence[Step]
"""Steps in the order of time; the last one holds for good."""


def step_at(timeline: Timeline, moment: datetime) -> Step:
    """Return the step that holds at an instant."""
    for step in timeline:
        until = step[2]
        if until is None or moment < until:
            return step
    return timeline[-1]


def together(timelines: Sequence[Timeline], order: Mapping[State, int]) -> Timeline:
    """Return the one timeline of several: at every instant the step that decides, in ``order``. There must be some."""
    ends = sorted({step[2] for timeline in timelines for step in timeline if step[2] is not None})
    steps: list[Step] = []
    for begin, end in zip([_BEGINNING, *ends], [*ends, None], strict=True):
        state, reason, _ = _deciding(timelines, begin, order)
        if steps and steps[-1][:2] == (state, reason):
            steps.pop()
        steps.append((state, reason, end))
    return tuple(steps)


def combine(timelines: Sequence[Timeline], now: datetime, order: Mapping[State, int]) -> Step:
    """Return the deciding step now, with the instant at which the common verdict next changes.

    The deciding one is the first in ``order``; among equals, the first in the list. ``timelines`` must not be empty.
    """
    if len(timelines) == 1:
        return step_at(timelines[0], now)
    current = _deciding(timelines, now, order)
    changes = {step[2] for timeline in timelines for step in timeline if step[2] is not None and step[2] > now}
    for moment in sorted(changes):
        later = _deciding(timelines, moment, order)
        if later[1] != current[1] or later[0] != current[0]:
            return current[0], current[1], moment
    return current[0], current[1], None


def _deciding(timelines: Sequence[Timeline], moment: datetime, order: Mapping[State, int]) -> Step:
    deciding = step_at(timelines[0], moment)
    place = order[deciding[0]]
    for timeline in timelines:
        step = step_at(timeline, moment)
        if order[step[0]] < place:
            deciding, place = step, order[step[0]]
    return deciding
