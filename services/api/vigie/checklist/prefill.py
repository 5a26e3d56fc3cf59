"""Pre-answers: what is known of a practice's controls answers a question, with its date. Pure.

A question names the controls that answer it, and others that can only deny it because they look at a part of what is asked.
Any of them fails: no. All that answer pass: yes. Anything in between is left to a person, and the reason is told.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from vigie.posture.rules.model import State
from vigie.posture.rules.practice import practice_state
from vigie.posture.rules.reading import stamp
from vigie.posture.rules.timeline import WORST_FIRST

Choice = Literal["yes", "no", "not_applicable"]
Origin = Literal["telemetry", "attestation"]
Why = Literal[
    "nobody_asked", "all_pass", "some_fail", "none_applies", "some_unknown", "some_warn", "not_denied", "not_observed"
]
"""Why a pre-answer is what it is: ``nobody_asked``, no control speaks of the question; ``not_denied``, only controls that could
have said no do, and none did; ``not_observed``, nothing has been found about one of them yet."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The state of a control on one device of a practice, or on the practice itself. ``since`` is when it became true.

    ``reference``: the id of the attestation or record behind it, where there is one.
    """

    control: str
    on_device: bool
    state: State
    since: datetime
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a control of a practice, made from its observations."""

    state: State
    evidence: Mapping[str, Any]
    origin: Origin


@dataclass(frozen=True, slots=True)
class PreAnswer:
    """A pre-answer: ``answer`` None is left open. ``evidence`` holds one entry per control that was looked at."""

    answer: Choice | None
    why: Why
    origin: Origin | None
    evidence: tuple[Mapping[str, Any], ...]


NOTHING_KNOWN = PreAnswer(None, "nobody_asked", None, ())


def stand(observations: Iterable[Observation], automatic: Collection[str], as_of: datetime) -> Mapping[str, Standing]:
    """Return control → how it stands for the practice. ``automatic``: the controls that telemetry or dated records decide.

    Devices make a state as everywhere (`practice_state`); what is found on the practice itself can only make it worse.
    """
    by_control: dict[str, list[Observation]] = {}
    for observation in observations:
        by_control.setdefault(observation.control, []).append(observation)
    return {control: _standing(control, found, control in automatic, as_of) for control, found in by_control.items()}


def _standing(control: str, found: Sequence[Observation], automatic: bool, as_of: datetime) -> Standing:  # noqa: FBT001
    on_devices = Counter(each.state for each in found if each.on_device)
    states: list[State] = [each.state for each in found if not each.on_device]
    if on_devices:
        states.append(practice_state(control, on_devices)[0])
    applying = [state for state in states if state != "not_applicable"]
    state = min(applying, key=WORST_FIRST.__getitem__) if applying else "not_applicable"
    deciding = [each for each in found if each.state == state] or list(found)
    references = sorted({each.reference for each in deciding if each.reference is not None})
    origin: Origin = "telemetry" if automatic else "attestation"
    evidence: dict[str, Any] = {
        "control": control,
        "state": state,
        "source": origin,
        "as_of": stamp(as_of),
        "since": stamp(min(each.since for each in deciding)),
        "devices": None,
        "references": references,
    }
    if on_devices:
        concerned = sum(count for known, count in on_devices.items() if known != "not_applicable")
        evidence["devices"] = {"in_state": on_devices[state], "concerned": concerned}
    return Standing(state, evidence, origin)


def pre_answer(answered_by: Sequence[str], denied_by: Sequence[str], standings: Mapping[str, Standing]) -> PreAnswer:
    """Answer a question from how the controls stand that speak of it."""
    if not answered_by and not denied_by:
        return NOTHING_KNOWN
    seen = [standings[name] for name in (*answered_by, *denied_by) if name in standings]
    evidence = tuple(each.evidence for each in seen)
    failing = [each for each in seen if each.state == "fail"]
    if failing:
        return PreAnswer("no", "some_fail", _origin(failing), evidence)
    answering = [standings[name] for name in answered_by if name in standings]
    if len(answering) < len(answered_by):
        return PreAnswer(None, "not_observed", None, evidence)
    answer, why = _together({each.state for each in answering})
    return PreAnswer(answer, why, _origin(answering) if answer is not None else None, evidence)


def _together(states: Collection[State]) -> tuple[Choice | None, Why]:
    """Return what controls say together of which none fails; what does not apply says nothing beside one that does."""
    if not states:
        return None, "not_denied"
    if "unknown" in states:
        return None, "some_unknown"
    if "warn" in states:
        return None, "some_warn"
    return ("yes", "all_pass") if "pass" in states else ("not_applicable", "none_applies")


def _origin(deciding: Sequence[Standing]) -> Origin:
    """Return `attestation` as soon as somebody's word takes part: it is not to pass for a measurement."""
    return "telemetry" if all(each.origin == "telemetry" for each in deciding) else "attestation"
