"""Assessing devices and practices inside the transaction that stores what they reported.

Two steps, both set-based over many providers: `assess_devices` turns facts into findings; `settle_practices` turns counted
findings into the verdict each list reads. Both return events and write none: the caller appends them last, in lock order.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from vigie.core.batch import Form, fetch
from vigie.core.clock import wire_time
from vigie.events.log import NewEvent
from vigie.posture import statements as sql
from vigie.posture.catalogue import load_catalogue, load_lifecycle
from vigie.posture.rules.device import CONTROLS_READING, assess_device
from vigie.posture.rules.lifecycle import Lifecycle
from vigie.posture.rules.model import AlwaysOpen, BackupRun, Calendar, DeviceFacts, Finding, Policy, Section, State
from vigie.posture.rules.practice import DeviceSeen, assess_practice_inventory, rank
from vigie.posture.runs import ReportedRun
from vigie.posture.verdict import HEADLINE_NAMES, Basis, Census, Verdict, changes, judge, moved_counts

PracticeKey = tuple[UUID, UUID]
Moves = dict[str, Counter[State]]
_RUNS_REACH = timedelta(days=45)  # covers the 30-day median of ANS-5.2
_BACKUP_CONTROLS = CONTROLS_READING["backup"]
_REMEMBERED = (
    "reboot_required",
    "encryption_suspended",
)  # columns of STORED_FINDINGS, keys of `DeviceFacts.first_seen`


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

    `moves`: per practice to settle and control, how many devices more or fewer are in each state.
    """

    events: list[NewEvent] = field(default_factory=list)
    unsettled: dict[PracticeKey, datetime] = field(default_factory=dict)
    moves: dict[PracticeKey, Moves] = field(default_factory=dict)
    review_at: dict[UUID, datetime] = field(default_factory=dict)


class _Old(NamedTuple):
    """What is read of a stored finding; whether its reason or evidence differs is left to the statement that writes."""

    state: State
    valid_until: datetime | None
    assessed_at: datetime


@dataclass(slots=True)
class _Stored:
    """The stored findings of one device, and since when flags without a date have been up, as far as these remember."""

    findings: dict[str, _Old] = field(default_factory=dict)
    first_seen: dict[str, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class _Rows:
    """Findings to write: those of controls not judged before, and per device those that may differ from what is stored."""

    added: list[tuple[Any, ...]] = field(default_factory=list)
    changed: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PracticeChange:
    """A practice to settle; with `census` and `seen` when the set or the liveness of its devices changed.

    `moves`: all that this transaction changed about the findings of its devices; then the stored counts are moved by it. They
    are exact, because everyone who changes findings settles the practice under the lock of its posture. Without, the findings
    are counted. `answers`: findings of the practice itself (by attestation or dated record) that may have changed.
    """

    provider_id: UUID
    practice_id: UUID
    happened_at: datetime
    census: Census | None = None
    seen: Sequence[DeviceSeen] | None = None
    moves: Moves | None = None
    answers: Sequence[Finding] = ()


class Assessor:
    """Holds what assessment needs beside the facts: thresholds, calendar, end-of-support dates, the form of the SQL."""

    def __init__(self, form: Form, *, policy: Policy | None = None, lifecycle: Lifecycle | None = None) -> None:
        self._form: Form = form
        self._policy = policy or Policy()
        self._lifecycle = lifecycle or load_lifecycle()
        self._weights = load_catalogue().weights
        self._calendar: Calendar = AlwaysOpen()

    def calendar_of(self, _practice_id: UUID) -> Calendar:
        """Return the opening hours of a practice; without any, time simply passes."""
        return self._calendar

    async def assess_devices(self, connection: asyncpg.Connection, devices: Sequence[DeviceChange]) -> Assessment:
        """Assess devices whose rows the caller holds locked; store the findings that differ from what is stored."""
        result = Assessment()
        if not devices:
            return result
        stored = await self._stored_findings(connection, devices)
        runs = await self._runs(connection, devices)
        rows = _Rows()
        for device in devices:
            before = stored.get(device.device_id) or _Stored()
            facts = _facts(device, runs.get(device.device_id, ()), before.first_seen)
            findings = assess_device(
                facts,
                self._policy,
                self.calendar_of(device.practice_id),
                self._lifecycle,
                device.happened_at,
                device.controls,
            )
            _compare(device, findings, before.findings, rows, result)
        await fetch(connection, self._form, sql.ADD_FINDINGS, rows.added)
        await fetch(connection, self._form, sql.CHANGE_FINDINGS, rows.changed)
        return result

    async def _stored_findings(
        self, connection: asyncpg.Connection, devices: Sequence[DeviceChange]
    ) -> dict[UUID, _Stored]:
        keys = [(device.provider_id, device.device_id) for device in devices]
        return {
            row["subject_id"]: _Stored(
                dict(zip(row["controls"], map(_Old, row["states"], row["ends"], row["assessed"]), strict=True)),
                {name: datetime.fromisoformat(row[name]) for name in _REMEMBERED if row[name] is not None},
            )
            for row in await fetch(connection, self._form, sql.STORED_FINDINGS, keys)
        }

    async def _runs(
        self, connection: asyncpg.Connection, devices: Sequence[DeviceChange]
    ) -> dict[UUID, list[BackupRun]]:
        """Store newly reported runs and return the recent ones of every device whose backup is judged."""
        fresh = {
            (device.provider_id, device.device_id, run.job, run.ended_at): (device.practice_id, run)
            for device in devices
            for run in device.new_runs
        }
        await fetch(
            connection,
            self._form,
            sql.STORE_RUNS,
            [
                (*key, practice_id, run.status, run.origin, run.bytes, dict(run.detail))
                for key, (practice_id, run) in sorted(fresh.items(), key=lambda item: item[0])
            ],
        )
        runs: dict[UUID, list[BackupRun]] = defaultdict(list)
        asked = [
            (device.provider_id, device.device_id, device.happened_at - _RUNS_REACH)
            for device in devices
            if device.controls & _BACKUP_CONTROLS
        ]
        for row in await fetch(connection, self._form, sql.RECENT_RUNS, asked):
            runs[row["device_id"]].append(BackupRun(row["job"], row["status"], row["ended_at"], row["bytes"]))
        return runs

    async def settle_practices(
        self, connection: asyncpg.Connection, practices: Sequence[PracticeChange], now: datetime
    ) -> tuple[list[NewEvent], dict[PracticeKey, datetime]]:
        """Bring the verdict of practices up to date; return events, and when the inventory of a practice changes by itself."""
        by_key = {(practice.provider_id, practice.practice_id): practice for practice in practices}
        keys = sorted(by_key)
        postures = await fetch(connection, self._form, sql.LOCK_POSTURES, keys)
        inventories = await self._inventories(connection, by_key)
        counts = await self._counts(connection, by_key, postures)
        rows: list[tuple[Any, ...]] = []
        events: list[NewEvent] = []
        for stored in postures:
            key = (stored["provider_id"], stored["practice_id"])
            practice = by_key[key]
            census = practice.census or Census(**stored["devices"])
            inventory = inventories.get(key) or _kept_inventory(stored["controls"])
            basis = Basis(counts[key], inventory, practice.answers, census)
            verdict = judge(stored, basis, self._weights, practice.happened_at)
            change = changes(stored, verdict, practice.answers)
            rows.append(_posture_row(key, verdict, now))
            if change:
                payload = {"headlines": change.headlines, "controls": change.controls}
                events.append(NewEvent(key[0], "posture.changed", key[1], None, practice.happened_at, payload))
        await fetch(connection, self._form, sql.STORE_POSTURES, rows)
        reviews = {key: found.valid_until for key, found in inventories.items() if found.valid_until is not None}
        return events, reviews

    async def _inventories(
        self, connection: asyncpg.Connection, practices: Mapping[PracticeKey, PracticeChange]
    ) -> dict[PracticeKey, Finding]:
        """Store what is judged of practices themselves; ANS-5.11 is, where devices came, went or fell silent."""
        found: dict[PracticeKey, Finding] = {}
        rows = []
        for key, practice in practices.items():
            if practice.seen is not None:
                found[key] = assess_practice_inventory(
                    practice.seen, self._policy, self.calendar_of(key[1]), practice.happened_at
                )
                rows.append(_finding_row(*key, key[1], found[key], practice.happened_at))
            rows += [_finding_row(*key, key[1], answer, practice.happened_at) for answer in practice.answers]
        await fetch(connection, self._form, sql.STORE_FINDINGS, sorted(rows, key=lambda row: row[:3]))
        return found

    async def _counts(
        self,
        connection: asyncpg.Connection,
        practices: Mapping[PracticeKey, PracticeChange],
        postures: Sequence[asyncpg.Record],
    ) -> dict[PracticeKey, dict[str, dict[State, int]]]:
        """Return how many devices of each practice are in which state of each control."""
        counts: dict[PracticeKey, dict[str, dict[State, int]]] = {}
        uncounted: list[PracticeKey] = []
        for stored in postures:
            key = (stored["provider_id"], stored["practice_id"])
            moves = practices[key].moves
            moved = moved_counts(stored["controls"], moves) if moves is not None else None
            if moved is None:
                uncounted.append(key)
                moved = defaultdict(dict)
            counts[key] = moved
        for row in await fetch(connection, self._form, sql.COUNT_STATES, uncounted):
            counts[row["provider_id"], row["practice_id"]][row["control"]][row["state"]] = row["devices"]
        return counts

    async def forget_devices(self, connection: asyncpg.Connection, devices: Sequence[tuple[UUID, UUID]]) -> None:
        """Remove the findings of devices that no longer belong to the fleet; the caller then settles their practices."""
        await fetch(connection, self._form, sql.FORGET_FINDINGS, devices)


def _facts(device: DeviceChange, runs: Sequence[BackupRun], first_seen: Mapping[str, datetime]) -> DeviceFacts:
    """Gather the facts; a flag without a date of its own keeps the instant it was first seen in the stored evidence."""
    return DeviceFacts(
        device.family, device.role, device.enrolled_at, device.seen_at, device.sections, runs, first_seen
    )


def _compare(
    device: DeviceChange, findings: Sequence[Finding], before: Mapping[str, _Old], rows: _Rows, result: Assessment
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
            rows.added.append(_finding_row(*key, finding, device.happened_at))
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


def _only_longer(old: _Old, finding: Finding, device: DeviceChange) -> bool:
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


def _finding_row(
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


def _kept_inventory(controls: Mapping[str, Any]) -> Finding | None:
    """Return ANS-5.11 as it stands when nothing about the set of devices changed."""
    entry = controls.get("ANS-5.11")
    return Finding("ANS-5.11", entry["state"], entry["reason"], {}, {}, None) if entry else None


def _posture_row(key: PracticeKey, verdict: Verdict, now: datetime) -> tuple[Any, ...]:
    return (
        *key,
        verdict.rank,
        verdict.overall,
        *(verdict.headlines[name] for name in HEADLINE_NAMES),
        verdict.score,
        dict(verdict.since),
        dict(verdict.controls),
        dict(verdict.answers),
        dict(verdict.devices),
        now,
    )


def first_posture(provider_id: UUID, practice_id: UUID, now: datetime) -> dict[str, Any]:
    """Return the posture of a practice of which nothing is known yet: unknown, never good."""
    at = wire_time(now)
    return {
        "provider_id": provider_id,
        "practice_id": practice_id,
        "rank": rank("unknown", "unknown", "unknown"),
        **dict.fromkeys(("overall", "patch", "backup", "checklist", "liveness"), "unknown"),
        "since": dict.fromkeys(("overall", *HEADLINE_NAMES), at),
        "controls": {},
        "answers": {},
        "score": None,
        "devices": Census().as_json(),
        "assessed_at": now,
    }
