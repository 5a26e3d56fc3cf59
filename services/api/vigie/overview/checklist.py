"""From stored rows to the checklist as it is shown: every state with its sentence, its points and what it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from vigie.overview import checklist_schemas as shapes
from vigie.overview.checklist_queries import Reported
from vigie.overview.explaining import (
    ACCEPTED,
    Language,
    Standing,
    Tally,
    absent_reason,
    earliest,
    fill,
    improvements,
    states_of,
    tally,
    threshold_of,
)
from vigie.posture.catalogue import Catalogue, Control
from vigie.posture.models import Finding, Posture
from vigie.posture.rules.model import Policy
from vigie.posture.rules.practice import fraction
from vigie.posture.rules.score import Points

_INVENTORY = "ANS-5.11"
_MOST_IMPROVEMENTS = 10


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the checklist of a practice is shown from."""

    posture: Posture
    findings: Sequence[Finding]
    devices: Mapping[UUID, Reported]
    policy: Policy
    trend: Sequence[shapes.ScoreDayOut]
    standing: Standing | None


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is shown of one control, before it is put into words."""

    state: shapes.State
    reason: str
    since: datetime | None
    own: Finding | None
    found: Sequence[Finding]
    counts: Mapping[Any, int]


def catalogue_control(control: Control, language: Language) -> dict[str, Any]:
    """Return a control point of the catalogue in a language, by the fields of `CatalogueControl`."""
    policy = Policy()
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
        "thresholds": [shapes.DefaultOut(key=key, default=threshold_of(policy, key)) for key in control.policy_keys],
    }


def checklist(facts: Facts, catalogue: Catalogue, language: Language) -> shapes.ChecklistOut:
    """Return the checklist of a practice; the points of its controls add up to those of the rules, these to the score."""
    posture = facts.posture
    controls = catalogue.controls
    states = states_of(posture.controls, posture.answers)
    points = tally(controls.values(), states)
    shown = _shown(facts, catalogue, states)
    by_rule: dict[int, list[shapes.ChecklistControl]] = {rule: [] for rule in catalogue.rules}
    writer = _Writer(facts, catalogue, language)
    for control in controls.values():
        by_rule[control.rule].append(writer.control(control, shown[control.id], points.controls[control.id]))
    return shapes.ChecklistOut(
        practice_id=posture.practice_id,
        as_of=posture.assessed_at,
        catalogue_version=catalogue.version,
        language=language,
        notice=shapes.NOTICE[language],
        light=cast("shapes.Light", posture.checklist),
        light_since=datetime.fromisoformat(posture.since.get("checklist", posture.since["overall"])),
        score=posture.score,
        points=_points(points.total),
        rules=[
            shapes.ChecklistRule(
                id=rule.id,
                title=getattr(rule.title, language),
                points=_points(points.rules.get(rule.id, Points(0, 0))),
                controls=by_rule[rule.id],
            )
            for rule in catalogue.rules.values()
        ],
        improvements=_improvements(controls, points, shown, language),
        trend=list(facts.trend),
        compared=_compared(facts.standing),
        not_compared=_not_compared(facts),
    )


def _points(points: Points) -> shapes.PointsOut:
    return shapes.PointsOut(earned=points.earned / 2, possible=points.possible / 2)


def _compared(standing: Standing | None) -> shapes.ComparedOut | None:
    if standing is None:
        return None
    return shapes.ComparedOut(median=standing.median, place=standing.place, practices=standing.practices)


def _not_compared(facts: Facts) -> Literal["too_few_practices", "nothing_known"] | None:
    if facts.standing is not None:
        return None
    return "nothing_known" if facts.posture.score is None else "too_few_practices"


def _shown(facts: Facts, catalogue: Catalogue, states: Mapping[str, shapes.State]) -> dict[str, _Shown]:
    """Return every control of the catalogue with what is stored of it."""
    own: dict[str, Finding] = {}
    found: dict[str, list[Finding]] = {}
    for finding in facts.findings:
        if finding.subject_id == finding.practice_id:
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


def _improvements(
    controls: Mapping[str, Control], points: Tally, shown: Mapping[str, _Shown], language: Language
) -> list[shapes.ImprovementOut]:
    accepted = [
        control
        for control, entry in shown.items()
        if entry.state == "warn" and any(finding.reason == ACCEPTED for finding in _all(entry))
    ]
    return [
        shapes.ImprovementOut(
            control=found.control,
            title=getattr(control.title, language),
            responsible=list(control.responsible),
            effort=control.effort,
            gain=found.gain / 2,
            score_then=found.score_then,
            first_step=getattr(control.steps, language)[0],
        )
        for found in improvements(controls, points, accepted)[:_MOST_IMPROVEMENTS]
        if (control := controls[found.control])
    ]


def _all(shown: _Shown) -> list[Finding]:
    return [*([shown.own] if shown.own is not None else []), *shown.found]


@dataclass(frozen=True, slots=True)
class _Writer:
    """Puts what is shown into words of one language."""

    facts: Facts
    catalogue: Catalogue
    language: Language

    def control(self, control: Control, shown: _Shown, points: Points) -> shapes.ChecklistControl:
        """Return a control with everything that stands behind it."""
        own = shown.own
        known = [own.threshold, own.evidence] if own is not None and own.reason == shown.reason else []
        says, following = self._sentences(shown.reason, *known)
        in_state, concerned = fraction(shown.state, shown.counts) if shown.counts else (None, None)
        return shapes.ChecklistControl(
            id=control.id,
            title=getattr(control.title, self.language),
            kind=control.kind,
            responsible=list(control.responsible),
            essential=control.essential,
            state=shown.state,
            reason=shown.reason,
            says=says,
            next=following,
            since=shown.since,
            valid_until=earliest(finding.valid_until for finding in _all(shown)),
            points=_points(points),
            devices_in_state=in_state,
            devices_concerned=concerned,
            thresholds=self._thresholds(control),
            accepted=[
                shapes.AcceptedOut(device_id=None if finding is own else finding.subject_id, evidence=finding.evidence)
                for finding in _all(shown)
                if finding.reason == ACCEPTED
            ],
            answer=self._answer(control, own) if own is not None else None,
            devices=[self._device(control, finding) for finding in shown.found],
        )

    def _sentences(self, reason: str, *known: Mapping[str, Any]) -> tuple[str, str]:
        """Return what a reason says and what to do next; a code that only a newer program knows stands for itself."""
        text = self.catalogue.reasons.get(reason)
        if text is None:
            return reason, reason
        return fill(text.says, self.language, *known), fill(text.next, self.language, *known)

    def _sentence(self, finding: Finding) -> dict[str, Any]:
        says, following = self._sentences(finding.reason, finding.threshold, finding.evidence)
        copied = ("state", "reason", "valid_until", "evidence", "threshold", "since", "assessed_at")
        return {"says": says, "next": following, **{name: getattr(finding, name) for name in copied}}

    def _answer(self, control: Control, finding: Finding) -> shapes.PracticeProofOut:
        if control.id == _INVENTORY:
            source: Literal["attestation", "records", "inventory"] = "inventory"
        else:
            source = "records" if control.kind == "automatic" else "attestation"
        return shapes.PracticeProofOut(source=source, **self._sentence(finding))

    def _device(self, control: Control, finding: Finding) -> shapes.DeviceProofOut:
        device = self.facts.devices[finding.subject_id]
        told_by = [
            shapes.SectionProofOut(
                section=name, sequence=device.sections[name][0], received_at=device.sections[name][1]
            )
            for name in control.telemetry
            if name in device.sections
        ]
        last = None
        if device.last_seen_at is not None:
            last = shapes.HeartbeatOut(sequence=device.sequence, received_at=device.last_seen_at)
        return shapes.DeviceProofOut(
            device_id=finding.subject_id,
            alias=device.alias,
            told_by=told_by,
            last_heartbeat=last,
            **self._sentence(finding),
        )

    def _thresholds(self, control: Control) -> list[shapes.ThresholdOut]:
        default = Policy()
        return [
            shapes.ThresholdOut(
                key=key, default=threshold_of(default, key), applied=threshold_of(self.facts.policy, key)
            )
            for key in control.policy_keys
        ]
