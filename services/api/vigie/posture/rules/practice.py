"""From devices to a practice: the state of a control, the inventory, the headlines, the rank in the list."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from vigie.posture.rules.model import Calendar, Finding, Policy, State
from vigie.posture.rules.reading import verdict, whole_days
from vigie.posture.rules.reasons import Reason
from vigie.posture.rules.timeline import BEST_FIRST, WORST_FIRST, Timeline, combine

Counts = Mapping[State, int]
"""How many devices are in each state of one control."""

Headline = Literal["ok", "warning", "critical", "unknown"]

INVENTORY = "ANS-5.11"
"""The control that is judged of the practice itself, from which of its devices are seen."""

BEST_OF: frozenset[str] = frozenset({"ANS-5.3", "ANS-5.4", "ANS-5.5", "ANS-5.7"})
"""Controls that one device's copy satisfies for the whole practice; the catalogue says the same as ``aggregate``."""

TOLD_BEFORE_UNTOLD: frozenset[str] = frozenset({"ANS-5.7"})
"""Of these, the ones where silence leaves no hope: a job that tells of no restore does not outweigh a test that failed."""

REQUIRE_A_BACKUP: frozenset[str] = frozenset({"ANS-5.1", "ANS-5.3", "ANS-5.4", "ANS-5.5"})
"""Controls that fail when no device of the practice has a backup at all: nobody else will say so."""

HEADLINES: Mapping[str, tuple[str, ...]] = {
    "patch": ("ANS-2.1", "ANS-2.2", "ANS-2.3", "ANS-2.4", "ANS-2.5"),
    "backup": ("ANS-5.1", "ANS-5.2", "ANS-5.3", "ANS-5.4", "ANS-5.5", "ANS-5.6", "ANS-5.7", "ANS-5.8"),
}
"""The controls behind each light. Those without a state yet (5.8: attested) do not count."""

_HEADLINE_OF: Mapping[State, Headline] = {
    "fail": "critical",
    "unknown": "unknown",
    "warn": "warning",
    "pass": "ok",
    "not_applicable": "unknown",
}
_SEVERITY: Mapping[Headline, int] = {"critical": 0, "unknown": 1, "warning": 2, "ok": 3}
_MOST_HEADLINES = 7

_WORST_REASONS: Mapping[State, Reason] = {
    "fail": "some_devices_fail",
    "unknown": "some_devices_unknown",
    "warn": "some_devices_warn",
    "pass": "all_devices_pass",
}
_BEST_REASONS: Mapping[State, Reason] = {
    "pass": "best_copy_passes",
    "warn": "best_copy_warns",
    "unknown": "best_copy_unknown",
    "fail": "best_copy_fails",
}
_LISTED = 5


def practice_state(control: str, counts: Counts) -> tuple[State, Reason]:
    """Return the state of a control for a practice, from how many of its devices are in which state.

    The worst device decides, except for the controls in `BEST_OF`, where a finding of the practice itself (a restore that was
    tried by hand) counts as one device more. Devices it does not apply to do not count. When it applies to none: not
    applicable, but a failure for the controls that require a backup somewhere. No assessed device at all: unknown.
    """
    present = [state for state, count in counts.items() if count > 0]
    if not present:
        return "unknown", "no_device_assessed"
    applicable = [state for state in present if state != "not_applicable"]
    if not applicable:
        if control in REQUIRE_A_BACKUP:
            return "fail", "no_backup_seen"
        return "not_applicable", "no_device_concerned"
    if control in BEST_OF:
        told = [state for state in applicable if state != "unknown"] if control in TOLD_BEFORE_UNTOLD else applicable
        best = min(told or applicable, key=BEST_FIRST.__getitem__)
        return best, _BEST_REASONS[best]
    worst = min(applicable, key=WORST_FIRST.__getitem__)
    return worst, _WORST_REASONS[worst]


def accepted_state(state: State, reason: Reason) -> tuple[State, Reason]:
    """Return what an exception of the whole practice makes of the state that its devices give a control.

    The failures of devices are accepted one by one (`exceptions.accept`); what is left is the failure no device has, because
    none has a backup at all.
    """
    return ("warn", "no_backup_accepted") if reason == "no_backup_seen" else (state, reason)


def fraction(state: State, counts: Counts) -> tuple[int, int]:
    """Return numerator and denominator to show beside a state: devices in it, of the devices the control applies to."""
    return counts.get(state, 0), sum(count for known, count in counts.items() if known != "not_applicable")


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """A device of the inventory. ``declared`` is false for an agent nobody has claimed; ``last_seen_at`` None: never."""

    device_id: str
    enrolled_at: datetime
    last_seen_at: datetime | None
    declared: bool = True


def assess_practice_inventory(
    devices: Sequence[DeviceSeen], policy: Policy, calendar: Calendar, now: datetime
) -> Finding:
    """ANS-5.11: every declared device reports, and no device reports that nobody declared.

    Pass: all seen within ``unseen_pass_days``; warn up to ``unseen_warn_days``; then fail, as does an undeclared device
    that lives. Counted in the practice's open time; a device that never reported is counted from its enrolment.
    """
    control = INVENTORY
    bounds = policy.equipment
    threshold = {"pass_days": bounds.unseen_pass_days, "warn_days": bounds.unseen_warn_days}
    undeclared = [device for device in devices if not device.declared]
    declared = [device for device in devices if device.declared]
    evidence: dict[str, Any] = {"declared": len(declared), "undeclared": len(undeclared)}
    if undeclared:
        evidence["devices"] = [device.device_id for device in undeclared[:_LISTED]]
        return verdict(control, "fail", "device_undeclared", evidence, threshold)
    if not declared:
        return verdict(control, "unknown", "inventory_empty", evidence, threshold)
    timelines: list[Timeline] = []
    unseen: list[tuple[datetime, str]] = []
    for device in declared:
        seen_at = device.last_seen_at or device.enrolled_at
        late_at = calendar.elapse(seen_at, timedelta(days=bounds.unseen_pass_days + 1))
        timeline: Timeline = (
            ("pass", "inventory_seen", late_at),
            ("warn", "device_unseen", calendar.elapse(seen_at, timedelta(days=bounds.unseen_warn_days + 1))),
            ("fail", "device_lost", None),
        )
        timelines.append(timeline)
        if now >= late_at:
            unseen.append((seen_at, device.device_id))
    state, reason, until = combine(timelines, now, WORST_FIRST)
    unseen.sort()
    evidence["unseen"] = len(unseen)
    if unseen:
        evidence["devices"] = [device_id for _, device_id in unseen[:_LISTED]]
        evidence["longest_unseen_days"] = whole_days(unseen[0][0], now)
    return verdict(control, state, reason, evidence, threshold, until)


def headline(states: Iterable[State]) -> Headline:
    """Return the light of a group of controls: its worst one. None that applies: unknown, never ok."""
    known = list(states)
    return _HEADLINE_OF[min(known, key=WORST_FIRST.__getitem__)] if known else "unknown"


def headline_of(name: str, states: Mapping[str, State]) -> Headline:
    """Return the light called ``name`` (a key of `HEADLINES`) from the practice's states by control id."""
    return headline(states[control] for control in HEADLINES[name] if control in states)


def lights_with(state: State) -> tuple[Headline, ...]:
    """Return what a light may be behind which a control is in a state: that of the state, or a worse one."""
    return tuple(_HEADLINE_OF[each] for each, place in WORST_FIRST.items() if place <= WORST_FIRST[state])


def overall(*headlines: Headline) -> Headline:
    """Return the worst of several lights: critical, unknown, warning, ok. None at all: unknown."""
    return min(headlines, key=_SEVERITY.__getitem__, default="unknown")


def rank(*headlines: Headline) -> int:
    """Return the place of a practice in the list, ascending, worst first; 0 to 31.

    The worst light decides; among equals, the practice with more lights in that state comes first. Patch, backup and
    liveness take part.
    """
    worst = overall(*headlines)
    sharing = min(sum(1 for light in headlines if light == worst), _MOST_HEADLINES)
    return _SEVERITY[worst] * (_MOST_HEADLINES + 1) + _MOST_HEADLINES - sharing
