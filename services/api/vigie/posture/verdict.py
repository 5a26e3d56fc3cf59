"""From counted findings to the verdict on a practice, and what changed about it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vigie.core.clock import wire_time
from vigie.posture.rules.device import DEVICE_CONTROLS
from vigie.posture.rules.model import Finding, State
from vigie.posture.rules.practice import Headline, accepted_state, headline_of, overall, practice_state, rank
from vigie.posture.rules.reasons import Reason
from vigie.posture.rules.score import Points, judge_checklist

HEADLINE_NAMES = ("patch", "backup", "checklist", "liveness")
_TODAY = ("patch", "backup", "liveness")  # what a technician acts on today; the checklist is the work of a year


@dataclass(frozen=True, slots=True)
class Census:
    """How many devices a practice has: active ones, of these those silent and those never heard; and pending ones."""

    active: int = 0
    silent: int = 0
    never: int = 0
    pending: int = 0

    def as_json(self) -> dict[str, int]:
        """Return the counts as they are stored and shown."""
        return {"active": self.active, "silent": self.silent, "never": self.never, "pending": self.pending}

    def liveness(self) -> Headline:
        """Return the light: nobody was ever heard: unknown; some silent: warning; nobody heard now: critical."""
        heard = self.active - self.silent - self.never
        if heard == 0:
            return "critical" if self.silent else "unknown"
        return "warning" if self.silent else "ok"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The materialised posture of a practice."""

    rank: int
    headlines: Mapping[str, Headline]
    overall: Headline
    since: Mapping[str, str]
    controls: Mapping[str, Mapping[str, Any]]
    answers: Mapping[str, State]
    score: int | None
    points: Points
    devices: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """What a new verdict changes: lights and practice-level controls, each from what to what."""

    headlines: list[dict[str, Any]]
    controls: list[dict[str, Any]]

    def __bool__(self) -> bool:
        return bool(self.headlines or self.controls)


def moved_counts(
    controls: Mapping[str, Mapping[str, Any]], moves: Mapping[str, Mapping[State, int]]
) -> dict[str, dict[State, int]] | None:
    """Return the counts stored in a posture moved by what changed; None when they do not add up: then count anew."""
    counts: dict[str, dict[State, int]] = {control: entry["counts"] for control, entry in controls.items()}
    for control, moved in moves.items():
        states: dict[State, int] = dict(counts.get(control, {}))
        for state, change in moved.items():
            states[state] = states.get(state, 0) + change
        if min(states.values()) < 0:
            return None
        counts[control] = {state: count for state, count in states.items() if count}
    return counts


@dataclass(frozen=True, slots=True)
class Basis:
    """What a practice is judged by, beside what is stored: counted devices, its own findings, the census.

    `answers`: findings of the practice itself that may have changed; those not named stay as they are stored. `accepted`:
    controls from which the practice as a whole may deviate.
    """

    counts: Mapping[str, Mapping[State, int]]
    inventory: Finding | None
    answers: Sequence[Finding]
    census: Census
    accepted: frozenset[str] = frozenset()


def judge(stored: Mapping[str, Any], basis: Basis, weights: Mapping[str, int], happened_at: datetime) -> Verdict:
    """Return the verdict on a practice; `stored` is its posture row, whose instants stay where nothing changed."""
    at = wire_time(happened_at)
    controls = {
        control: _practice_control(control, *_of_devices(control, counted, basis), counted, stored["controls"], at)
        for control in DEVICE_CONTROLS
        if (counted := basis.counts.get(control, {}))
    }
    if basis.inventory is not None:
        controls["ANS-5.11"] = _practice_control(
            "ANS-5.11", basis.inventory.state, basis.inventory.reason, {}, stored["controls"], at
        )
    answers: dict[str, State] = {**stored["answers"], **{answer.control: answer.state for answer in basis.answers}}
    states: dict[str, State] = {**answers, **{control: entry["state"] for control, entry in controls.items()}}
    checklist = judge_checklist(states, weights)
    headlines: dict[str, Headline] = {
        "patch": headline_of("patch", states),
        "backup": headline_of("backup", states),
        "checklist": checklist.light,
        "liveness": basis.census.liveness(),
    }
    lights = tuple(headlines[name] for name in _TODAY)
    whole = overall(*lights)
    since = {
        name: stored["since"].get(name, at) if light == stored[name] and name in stored["since"] else at
        for name, light in {**headlines, "overall": whole}.items()
    }
    return Verdict(
        rank(*lights),
        headlines,
        whole,
        since,
        controls,
        answers,
        checklist.score,
        checklist.points,
        basis.census.as_json(),
    )


def _of_devices(control: str, counts: Mapping[State, int], basis: Basis) -> tuple[State, Reason]:
    state, reason = practice_state(control, counts)
    return accepted_state(state, reason) if control in basis.accepted else (state, reason)


def _practice_control(
    control: str, state: State, reason: str, counts: Mapping[State, int], stored: Mapping[str, Any], at: str
) -> dict[str, Any]:
    before = stored.get(control)
    since = before["since"] if before is not None and before["state"] == state else at
    return {"state": state, "reason": reason, "since": since, "counts": dict(counts)}


def changes(stored: Mapping[str, Any], verdict: Verdict, answers: Sequence[Finding] = ()) -> VerdictChange:
    """Return what differs between the stored posture and a new verdict; `answers` as the verdict was judged by."""
    lights = {**verdict.headlines, "overall": verdict.overall}
    headlines = [
        {"headline": name, "from": stored[name], "to": light} for name, light in lights.items() if stored[name] != light
    ]
    controls = []
    for control, entry in verdict.controls.items():
        before = stored["controls"].get(control, {}).get("state")
        if before != entry["state"]:
            controls.append({"control": control, "from": before, "to": entry["state"], "reason": entry["reason"]})
    controls += [
        {"control": answer.control, "from": before, "to": answer.state, "reason": answer.reason}
        for answer in answers
        if (before := stored["answers"].get(answer.control)) != answer.state
    ]
    gone = [name for name in stored["controls"] if name not in verdict.controls]
    controls += [
        {"control": name, "from": stored["controls"][name]["state"], "to": None, "reason": "no_device_assessed"}
        for name in gone
    ]
    return VerdictChange(headlines, controls)
