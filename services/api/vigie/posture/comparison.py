"""What was found of devices against what is stored of them: rows to write, what changed, when to look again."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from vigie.events.log import NewEvent
from vigie.posture.rules.model import Finding, Section, State
from vigie.posture.runs import ReportedRun
from vigie.posture.terms import PracticeKey, Terms

Moves = dict[str, Counter[State]]


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """A device to assess: what is known of it, which controls are touched, and since when it is true.

    `hindsight`: `happened_at` may lie before the last report. A finding that was judged later then stands, because what the
    device told before that report is not known any more.
    """

    provider_id: UUID
    practice_id: UUID
    device_id: UUID
    family: str
    role: str
    enrolled_at: datetime
    seen_at: datetime
    sections: Mapping[str, Section]
    controls: frozenset[str]
    happened_at: datetime
    new_runs: Sequence[ReportedRun] = ()
    hindsight: bool = False


@dataclass(slots=True)
class Assessment:
    """What assessing devices brought: events, the practices to settle, and when each device must be reviewed.

    `moves`: per practice to settle and control, how many devices more or fewer are in each state. `terms`: what the practices
    were judged by.
    """

    events: list[NewEvent] = field(default_factory=list)
    unsettled: dict[PracticeKey, datetime] = field(default_factory=dict)
    moves: dict[PracticeKey, Moves] = field(default_factory=dict)
    review_at: dict[UUID, datetime] = field(default_factory=dict)
    terms: dict[PracticeKey, Terms] = field(default_factory=dict)


class Old(NamedTuple):
    """What is read of a stored finding; whether its reason or evidence differs is left to the statement that writes."""

    state: State
    valid_until: datetime | None
    assessed_at: datetime


@dataclass(slots=True)
class Rows:
    """Findings to write: those of controls not judged before, and per device those that may differ from what is stored."""

    added: list[tuple[Any, ...]] = field(default_factory=list)
    changed: list[tuple[Any, ...]] = field(default_factory=list)


def compare(
    device: DeviceChange, findings: Sequence[Finding], before: Mapping[str, Old], rows: Rows, result: Assessment
) -> None:
    """Note what has to be written of a device, what changed about it, and when it has to be looked at again."""
    kept: list[tuple[Finding, datetime | None]] = []
    changed = []
    ends: list[datetime] = []
    for finding in findings:
        old = before.get(finding.control)
        stands = device.hindsight and old is not None and old.assessed_at > device.happened_at
        valid_until = old.valid_until if stands and old is not None else finding.valid_until
        if valid_until is not None:
            ends.append(valid_until)
        if stands:
            continue
        if old is None:
            key = (device.provider_id, device.device_id, device.practice_id)
            rows.added.append(finding_row(*key, finding, device.happened_at))
        else:
            kept.append((finding, old.valid_until if _only_longer(old, finding, device) else valid_until))
        if old is None or old.state != finding.state:
            changed.append((finding, old.state if old is not None else None))
    if ends:
        result.review_at[device.device_id] = min(ends)
    if kept:
        rows.changed.append(_changed_row(device, kept))
    if changed:
        _note_change(device, changed, result)


def _only_longer(old: Old, finding: Finding, device: DeviceChange) -> bool:
    """Whether a finding of the same state only holds longer than stored: then a report leaves the stored end alone.

    That end is a promise kept: the sweep looks at the device by then, and moves it.
    """
    if device.hindsight or old.state != finding.state or old.valid_until is None:
        return False
    return old.valid_until > device.happened_at and (
        finding.valid_until is None or old.valid_until <= finding.valid_until
    )


def _note_change(device: DeviceChange, changed: Sequence[tuple[Finding, State | None]], result: Assessment) -> None:
    practice = (device.provider_id, device.practice_id)
    result.unsettled[practice] = device.happened_at
    moves = result.moves.setdefault(practice, defaultdict(Counter))
    for finding, before in changed:
        moves[finding.control][finding.state] += 1
        if before is not None:
            moves[finding.control][before] -= 1
    if all(before is None for _, before in changed):  # a first report is told by the posture's own change
        return
    told = [
        {"control": finding.control, "from": before, "to": finding.state, "reason": finding.reason}
        for finding, before in changed
    ]
    result.events.append(
        NewEvent(
            device.provider_id,
            "finding.changed",
            device.practice_id,
            device.device_id,
            device.happened_at,
            {"changes": told},
        )
    )


def finding_row(
    provider_id: UUID, subject_id: UUID, practice_id: UUID, finding: Finding, at: datetime
) -> tuple[Any, ...]:
    """Return a finding as it is stored when there was none before."""
    return (
        *(provider_id, subject_id, finding.control, practice_id, finding.state, finding.reason),
        *(at, finding.valid_until, at, finding.evidence, finding.threshold),
    )


def _changed_row(device: DeviceChange, findings: Sequence[tuple[Finding, datetime | None]]) -> tuple[Any, ...]:
    """Return the row of a device for `CHANGE_FINDINGS`."""
    return (
        *(device.provider_id, device.device_id, device.happened_at),
        {finding.control: finding.state for finding, _ in findings},
        {finding.control: finding.reason for finding, _ in findings},
        {finding.control: until.timestamp() for finding, until in findings if until is not None},
        {finding.control: finding.evidence for finding, _ in findings},
        {finding.control: finding.threshold for finding, _ in findings},
    )
