"""From stored rows to the checklist as it is shown: every state with its sentence, its points and what it rests on.

Hundreds of findings are shown at once: they are plain values in the order of `checklist_schemas`, because making and
validating a model of each costs more than reading them all. A test holds the answer against those shapes.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, cast
from uuid import UUID

from vigie.overview import checklist_schemas as shapes
from vigie.overview.checklist_queries import BEHIND_LIGHTS, WHOLE, Answered, Extent, Found, Reported
from vigie.overview.explaining import (
    Language,
    Standing,
    Tally,
    absent_reason,
    earliest,
    fill,
    improvements,
    leaves_open,
    states_of,
    tally,
    threshold_of,
)
from vigie.overview.headlines import checklist_headline, counts_of, headline
from vigie.posture.catalogue import Catalogue, Control, current_id
from vigie.posture.models import ControlException, Posture
from vigie.posture.rules.model import Policy, State
from vigie.posture.rules.practice import Headline, fraction
from vigie.posture.rules.score import Points

_INVENTORY = "ANS-5.11"
_MOST_IMPROVEMENTS = 10
_FILES = "evidence_ids"
_DEFAULTS = Policy()
_WITHOUT_PROOF: Mapping[str, Any] = {"evidence": {}, "threshold": {}}
_ANSWER = tuple(name for name in shapes.AttestationOut.model_fields if name != _FILES)
_ACCEPTED = tuple(shapes.AcceptedOut.model_fields)
Shown = dict[str, Any]
"""What is shown, by the fields of one of `checklist_schemas`."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the checklist of a practice is shown from.

    `ends`: when the first finding of each control ends, where not all findings on devices are here.
    """

    posture: Posture
    findings: Sequence[Found]
    devices: Mapping[UUID, Reported]
    policy: Policy
    exceptions: Sequence[ControlException]
    answers: Sequence[Answered]
    trend: Sequence[tuple[date, int | None]]
    standing: Standing | None
    extent: Extent = WHOLE
    ends: Mapping[str, datetime | None] | None = None

    @property
    def brief(self) -> bool:
        """Whether it is shown without proofs."""
        return self.extent.brief

    @property
    def controls(self) -> frozenset[str] | None:
        """The controls that are shown; None: all of them."""
        return self.extent.controls


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is shown of one control, before it is put into words."""

    state: State
    reason: str
    since: datetime | None
    own: Found | None
    found: Sequence[Found]
    counts: Mapping[Any, int]


class _Heard(NamedTuple):
    """A device as it vouches for its findings: its name, its last heartbeat, and those that carried its sections."""

    device_id: str
    alias: str
    last: Shown | None
    sections: Mapping[str, Shown]


def catalogue_control(control: Control, language: Language) -> dict[str, Any]:
    """Return a control point of the catalogue in a language, by the fields of `CatalogueControl`."""
    return {
        **{name: getattr(control, name) for name in ("id", "rule", "kind", "every", "essential", "weight", "effort")},
        "bulk": control.bulk,
        "grade": control.grade,
        "title": getattr(control.title, language),
        "meaning": getattr(control.meaning, language),
        "remediation": getattr(control.remediation, language),
        "steps": list(getattr(control.steps, language)),
        "responsible": list(control.responsible),
        "telemetry": list(control.telemetry),
        "sources": list(control.source),
        "thresholds": [shapes.DefaultOut(key=key, default=threshold_of(_DEFAULTS, key)) for key in control.policy_keys],
    }


def checklist(facts: Facts, catalogue: Catalogue, language: Language) -> Shown:
    """Return the checklist of a practice, by the fields of `ChecklistOut`.

    The points of its controls add up to those of the rules, these to the score.
    """
    posture = facts.posture
    controls = catalogue.controls
    states = states_of(posture.controls, posture.answers)
    points = tally(controls.values(), states)
    shown = _shown(facts, catalogue, states)
    said: dict[str, Shown] = {}
    writer = _Writer(
        facts, catalogue, language, _by_control(facts.answers), _heard(facts.devices), _accepted(facts.exceptions)
    )
    spoken = None if facts.controls is None else facts.controls | BEHIND_LIGHTS
    for control in controls.values():
        if spoken is not None and control.id not in spoken:  # it is counted, no more
            told = shown[control.id]
            said[control.id] = {"kind": control.kind, "state": told.state, "reason": told.reason}
            continue
        said[control.id] = writer.control(control, shown[control.id], points.controls[control.id])
    return {
        "practice_id": posture.practice_id,
        "as_of": posture.assessed_at,
        "catalogue_version": catalogue.version,
        "language": language,
        "notice": shapes.NOTICE[language],
        "light": posture.checklist,
        "light_since": datetime.fromisoformat(posture.since.get("checklist", posture.since["overall"])),
        "score": posture.score,
        "points": _points(points.total),
        **_in_a_sentence(posture, said, language),
        "rules": _rules(facts, catalogue, points, said, language),
        "improvements": [] if facts.brief else _improvements(facts, controls, points, states, language),
        "trend": [{"day": day, "score": score} for day, score in facts.trend],
        "compared": _compared(facts.standing),
        "not_compared": _not_compared(facts),
    }


def _rules(
    facts: Facts, catalogue: Catalogue, points: Tally, said: Mapping[str, Shown], language: Language
) -> list[Shown]:
    """Return the rules with their controls, or with those that were asked for; a rule without any of these is left out."""
    of_rule: dict[int, list[Shown]] = defaultdict(list)
    for control in catalogue.controls.values():
        if facts.controls is None or control.id in facts.controls:
            of_rule[control.rule].append(said[control.id])
    return [
        {
            "id": rule.id,
            "title": getattr(rule.title, language),
            "points": _points(points.rules.get(rule.id, Points(0, 0))),
            "controls": of_rule[rule.id],
        }
        for rule in catalogue.rules.values()
        if facts.controls is None or rule.id in of_rule
    ]


def _in_a_sentence(posture: Posture, controls: Mapping[str, Shown], language: Language) -> Shown:
    """Return what the controls add up to in numbers, and the three lights in a sentence each."""
    counts = counts_of(controls.values())
    sentences = {
        "patch": headline("patch", cast("Headline", posture.patch), controls, language),
        "backup": headline("backup", cast("Headline", posture.backup), controls, language),
        "checklist": checklist_headline(counts, language),
    }
    opened = posture.since["overall"]
    lights = [
        {
            "name": name,
            "state": getattr(posture, name),
            "since": datetime.fromisoformat(posture.since.get(name, opened)),
            **said,
        }
        for name, said in sentences.items()
    ]
    return {"counts": counts, "headlines": lights}


def _points(points: Points) -> Shown:
    return {"earned": points.earned / 2, "possible": points.possible / 2}


def _compared(standing: Standing | None) -> Shown | None:
    if standing is None:
        return None
    return {"median": standing.median, "place": standing.place, "practices": standing.practices}


def _not_compared(facts: Facts) -> Literal["too_few_practices", "nothing_known"] | None:
    if facts.standing is not None or facts.brief:
        return None
    return "too_few_practices" if facts.posture.score else "nothing_known"


def _shown(facts: Facts, catalogue: Catalogue, states: Mapping[str, State]) -> dict[str, _Shown]:
    """Return every control of the catalogue with what is stored of it."""
    own: dict[str, Found] = {}
    found: dict[str, list[Found]] = {}
    for finding in facts.findings:
        if finding.subject_id == facts.posture.practice_id:
            own[finding.control] = finding
        else:
            found.setdefault(finding.control, []).append(finding)
    shown = {}
    for control in catalogue.controls.values():
        entry, answer = facts.posture.controls.get(control.id), own.get(control.id)
        if entry is not None:
            reason, since, counts = entry["reason"], datetime.fromisoformat(entry["since"]), entry["counts"]
        elif answer is not None:
            reason, since, counts = answer.reason, answer.since, {}
        else:
            reason, since, counts = absent_reason(control), None, {}
        state = states.get(control.id, "unknown")
        shown[control.id] = _Shown(state, reason, since, answer, found.get(control.id, ()), counts)
    return shown


def _by_control(answers: Sequence[Answered]) -> dict[str, Answered]:
    """Return answers by the control they count for now."""
    current = {current_id(each.answer.control, each.answer.catalogue_version): each for each in answers}
    return {control: each for control, each in current.items() if control is not None}


def _improvements(
    facts: Facts, controls: Mapping[str, Control], points: Tally, states: Mapping[str, State], language: Language
) -> list[Shown]:
    accepted = {each.control for each in facts.exceptions if states.get(each.control) == "warn"}
    return [
        {
            "control": found.control,
            "title": getattr(control.title, language),
            "responsible": control.responsible,
            "effort": control.effort,
            "gain": found.gain / 2,
            "score_then": found.score_then,
            "first_step": getattr(control.steps, language)[0],
        }
        for found in improvements(controls, points, accepted)[:_MOST_IMPROVEMENTS]
        if (control := controls[found.control])
    ]


def _accepted(exceptions: Sequence[ControlException]) -> dict[str, list[Shown]]:
    """Return the exceptions in force by their controls."""
    accepted: dict[str, list[Shown]] = defaultdict(list)
    for each in exceptions:
        accepted[each.control].append({name: getattr(each, name) for name in _ACCEPTED})
    return accepted


def _heard(devices: Mapping[UUID, Reported]) -> dict[UUID, _Heard]:
    """Return what each device said, made once for all the controls it vouches for."""
    heard = {}
    for device_id, device in devices.items():
        last = None
        if device.last_seen_at is not None:
            last = {"sequence": device.sequence, "received_at": device.last_seen_at}
        sections = {
            name: {"sequence": sequence, "received_at": received_at, "section": name}
            for name, (sequence, received_at) in device.sections.items()
        }
        heard[device_id] = _Heard(str(device_id), device.alias, last, sections)
    return heard


def _all(shown: _Shown) -> list[Found]:
    return [*([shown.own] if shown.own is not None else []), *shown.found]


@dataclass(frozen=True, slots=True)
class _Writer:
    """Puts what is shown into words of one language."""

    facts: Facts
    catalogue: Catalogue
    language: Language
    answers: Mapping[str, Answered]
    heard: Mapping[UUID, _Heard]
    accepted: Mapping[str, Sequence[Shown]]
    unchanging: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Sentences that leave nothing open, by their reasons: found once, however many findings say so."""

    def control(self, control: Control, shown: _Shown, points: Points) -> Shown:
        """Return a control with everything that stands behind it, by the fields of `ChecklistControl`."""
        own = shown.own
        known = [own.threshold, own.evidence] if own is not None and own.reason == shown.reason else []
        says, following = self._sentences(shown.reason, *known)
        in_state, concerned = fraction(shown.state, shown.counts) if shown.counts else (None, None)
        return {
            "id": control.id,
            "title": getattr(control.title, self.language),
            "kind": control.kind,
            "responsible": control.responsible,
            "essential": control.essential,
            "state": shown.state,
            "reason": shown.reason,
            "says": says,
            "next": following,
            "since": shown.since,
            "valid_until": self._end(control, shown),
            "points": _points(points),
            "devices_in_state": in_state,
            "devices_concerned": concerned,
            "thresholds": [] if self.facts.brief else self._thresholds(control),
            "accepted": self.accepted.get(control.id, ()),
            "answer": self._answer(control, own) if own is not None else None,
            "devices": [self._device(control, finding) for finding in shown.found],
        }

    def _end(self, control: Control, shown: _Shown) -> datetime | None:
        if self.facts.ends is not None:
            return self.facts.ends.get(control.id)
        return earliest(finding.valid_until for finding in _all(shown))

    def _thresholds(self, control: Control) -> list[Shown]:
        return [
            {"key": key, "default": threshold_of(_DEFAULTS, key), "applied": threshold_of(self.facts.policy, key)}
            for key in control.policy_keys
        ]

    def _sentences(self, reason: str, *known: Mapping[str, Any]) -> tuple[str, str]:
        """Return what a reason says and what to do next; a code that only a newer program knows stands for itself."""
        if (unchanging := self.unchanging.get(reason)) is not None:
            return unchanging
        text = self.catalogue.reasons.get(reason)
        if text is None:
            return reason, reason
        sentences = fill(text.says, self.language, *known), fill(text.next, self.language, *known)
        if not leaves_open(text.says, self.language) and not leaves_open(text.next, self.language):
            self.unchanging[reason] = sentences
        return sentences

    def _sentence(self, finding: Found) -> Shown:
        says, following = self._sentences(finding.reason, finding.threshold, finding.evidence)
        return {
            "state": finding.state,
            "reason": finding.reason,
            "says": says,
            "next": following,
            "valid_until": finding.valid_until,
            "evidence": finding.evidence,
            "threshold": finding.threshold,
        }

    def _answer(self, control: Control, finding: Found) -> Shown:
        source = "records" if control.kind == "automatic" else "attestation"
        if control.id == _INVENTORY:
            source = "inventory"
        attestation = None
        if (told := self.answers.get(control.id)) is not None:
            attestation = {**{name: getattr(told.answer, name) for name in _ANSWER}, _FILES: told.files}
        return {
            **self._sentence(finding),
            "source": source,
            "attestation": attestation,
            "since": finding.since,
            "assessed_at": finding.assessed_at,
        }

    def _device(self, control: Control, finding: Found) -> Shown:
        device = self.heard[finding.subject_id]
        return {
            **self._sentence(finding),
            **(_WITHOUT_PROOF if self.facts.brief else {}),
            "device_id": device.device_id,
            "alias": device.alias,
            "since": finding.since,
            "assessed_at": finding.assessed_at,
            "told_by": [device.sections[name] for name in control.telemetry if name in device.sections],
            "last_heartbeat": device.last,
        }
