"""Assessing devices and practices inside the transaction that stores what they reported.

Two steps, both set-based over many providers: `assess_devices` turns facts into findings; `settle_practices` turns counted
findings into the verdict each list reads. Both return events and write none: the caller appends them last, in lock order.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from vigie.core.batch import Form, fetch
from vigie.core.clock import wire_time
from vigie.events.log import NewEvent
from vigie.posture import statements as sql
from vigie.posture.catalogue import load_catalogue, load_lifecycle
from vigie.posture.comparison import Assessment, DeviceChange, Moves, Old, Rows, compare, finding_row
from vigie.posture.rules.device import CONTROLS_READING, assess_device
from vigie.posture.rules.exceptions import before_acceptance
from vigie.posture.rules.lifecycle import Lifecycle
from vigie.posture.rules.model import BackupRun, DeviceFacts, Finding, Policy, State
from vigie.posture.rules.practice import INVENTORY, DeviceSeen, assess_practice_inventory, rank
from vigie.posture.terms import PracticeKey, Terms, read_terms
from vigie.posture.verdict import HEADLINE_NAMES, Basis, Census, Verdict, changes, judge, moved_counts

__all__ = ["Assessment", "Assessor", "DeviceChange", "Moves", "PracticeChange", "PracticeKey", "first_posture"]
_RUNS_REACH = timedelta(days=45)  # covers the 30-day median of ANS-5.2
_BACKUP_CONTROLS = CONTROLS_READING["backup"]
_REMEMBERED = (
    "reboot_required",
    "encryption_suspended",
)  # columns of STORED_FINDINGS, keys of `DeviceFacts.first_seen`


@dataclass(slots=True)
class _Stored:
    """The stored findings of one device, and since when flags without a date have been up, as far as these remember."""

    findings: dict[str, Old] = field(default_factory=dict)
    first_seen: dict[str, datetime] = field(default_factory=dict)


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
    """Holds what assessment needs beside the facts: default thresholds, end-of-support dates, the form of the SQL."""

    def __init__(self, form: Form, *, policy: Policy | None = None, lifecycle: Lifecycle | None = None) -> None:
        self._form: Form = form
        self._policy = policy or Policy()
        self._lifecycle = lifecycle or load_lifecycle()
        self._weights = load_catalogue().weights

    async def assess_devices(self, connection: asyncpg.Connection, devices: Sequence[DeviceChange]) -> Assessment:
        """Assess devices whose rows the caller holds locked; store the findings that differ from what is stored."""
        result = Assessment()
        if not devices:
            return result
        result.terms = await self.terms_of(connection, _first_instants(devices))
        stored = await self._stored_findings(connection, devices)
        runs = await self._runs(connection, devices)
        rows = Rows()
        for device in devices:
            before = stored.get(device.device_id) or _Stored()
            facts = _facts(device, runs.get(device.device_id, ()), before.first_seen)
            terms = result.terms[device.provider_id, device.practice_id]
            findings = assess_device(
                facts,
                terms.policy,
                terms.calendar,
                self._lifecycle,
                device.happened_at,
                device.controls,
            )
            if terms.deviations:
                findings = [terms.accept(found, device.device_id, device.happened_at) for found in findings]
            compare(device, findings, before.findings, rows, result)
        await fetch(connection, self._form, sql.ADD_FINDINGS, rows.added)
        await fetch(connection, self._form, sql.CHANGE_FINDINGS, rows.changed)
        return result

    async def judged_by(
        self,
        connection: asyncpg.Connection,
        devices: Sequence[DeviceChange],
        policies: Mapping[UUID, tuple[Policy, Policy]],
    ) -> list[tuple[DeviceChange, list[Finding], list[Finding]]]:
        """Return each device with its findings under two policies of its practice, exceptions applied; nothing is stored."""
        terms = await self.terms_of(connection, _first_instants(devices))
        stored = await self._stored_findings(connection, devices)
        runs = await self._runs(connection, devices)
        found = []
        for device in devices:
            before = stored.get(device.device_id) or _Stored()
            facts = _facts(device, runs.get(device.device_id, ()), before.first_seen)
            own, at = terms[device.provider_id, device.practice_id], device.happened_at
            was, becomes = (
                [
                    own.accept(each, device.device_id, at)
                    for each in assess_device(facts, policy, own.calendar, self._lifecycle, at, device.controls)
                ]
                for policy in policies[device.practice_id]
            )
            found.append((device, was, becomes))
        return found

    async def terms_of(
        self, connection: asyncpg.Connection, practices: Mapping[PracticeKey, datetime]
    ) -> dict[PracticeKey, Terms]:
        """Return the thresholds and exceptions of practices; the instant is that from which on exceptions matter."""
        return await read_terms(connection, self._form, practices, self._policy)

    async def _stored_findings(
        self, connection: asyncpg.Connection, devices: Sequence[DeviceChange]
    ) -> dict[UUID, _Stored]:
        keys = [(device.provider_id, device.device_id) for device in devices]
        return {
            row["subject_id"]: _Stored(
                dict(zip(row["controls"], map(Old, row["states"], row["ends"], row["assessed"]), strict=True)),
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
        self,
        connection: asyncpg.Connection,
        practices: Sequence[PracticeChange],
        now: datetime,
        terms: Mapping[PracticeKey, Terms] | None = None,
    ) -> tuple[list[NewEvent], dict[PracticeKey, datetime]]:
        """Bring the verdict of practices up to date; return events, and when the inventory of a practice changes by itself.

        `terms`: those that the same transaction read already (`Assessment.terms`).
        """
        by_key = {(practice.provider_id, practice.practice_id): practice for practice in practices}
        postures = await fetch(connection, self._form, sql.LOCK_POSTURES, sorted(by_key))
        known = await self._known_terms(connection, practices, terms or {})
        by_key = {key: _under(practice, known[key]) for key, practice in by_key.items()}
        inventories = await self._inventories(connection, by_key, known)
        counts = await self._counts(connection, by_key, postures)
        rows: list[tuple[Any, ...]] = []
        scores: list[tuple[Any, ...]] = []
        events: list[NewEvent] = []
        for stored in postures:
            key = (stored["provider_id"], stored["practice_id"])
            practice = by_key[key]
            census = practice.census or Census(**stored["devices"])
            inventory = inventories.get(key) or _kept_inventory(stored["controls"])
            accepted = known[key].accepted(practice.happened_at)
            basis = Basis(counts[key], inventory, practice.answers, census, accepted)
            verdict = judge(stored, basis, self._weights, practice.happened_at)
            change = changes(stored, verdict, practice.answers)
            rows.append(_posture_row(key, verdict, now))
            if change.controls or verdict.score != stored["score"]:
                scores.append((*key, now.date(), verdict.score, *verdict.points))
            if change:
                payload = {"headlines": change.headlines, "controls": change.controls}
                events.append(NewEvent(key[0], "posture.changed", key[1], None, practice.happened_at, payload))
        await fetch(connection, self._form, sql.STORE_POSTURES, rows)
        await fetch(connection, self._form, sql.STORE_SCORES, scores)
        reviews = {key: found.valid_until for key, found in inventories.items() if found.valid_until is not None}
        return events, reviews

    async def _inventories(
        self,
        connection: asyncpg.Connection,
        practices: Mapping[PracticeKey, PracticeChange],
        terms: Mapping[PracticeKey, Terms],
    ) -> dict[PracticeKey, Finding]:
        """Store what is judged of practices themselves; ANS-5.11 is, where devices came, went or fell silent."""
        found: dict[PracticeKey, Finding] = {}
        rows = []
        for key, practice in practices.items():
            at, own = practice.happened_at, terms[key]
            if practice.seen is not None:
                inventory = assess_practice_inventory(practice.seen, own.policy, own.calendar, at)
                found[key] = own.accept(inventory, None, at)
                rows.append(finding_row(*key, key[1], found[key], at))
            rows += [finding_row(*key, key[1], answer, at) for answer in practice.answers]
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

    async def _known_terms(
        self,
        connection: asyncpg.Connection,
        practices: Sequence[PracticeChange],
        read: Mapping[PracticeKey, Terms],
    ) -> dict[PracticeKey, Terms]:
        """Return the terms of practices, beside those that were read already."""
        instants = {(each.provider_id, each.practice_id): each.happened_at for each in practices}
        unread = {key: at for key, at in instants.items() if key not in read}
        return {**read, **await self.terms_of(connection, unread)}

    async def restated(
        self,
        connection: asyncpg.Connection,
        practices: Sequence[PracticeChange],
        terms: Mapping[PracticeKey, Terms] | None = None,
    ) -> list[PracticeChange]:
        """Return practices with what is stored of themselves and may be excepted, as it was before any exception applied.

        An exception that begins changes what nobody reports or answers anew. The inventory is judged with the devices.
        `terms`: those that the same transaction read already.
        """
        known = await self._known_terms(connection, practices, terms or {})
        keys = [(each.provider_id, each.practice_id) for each in practices]
        excepted = {
            (*key, deviation.control)
            for key in keys
            for deviation in known[key].deviations
            if deviation.device_id is None and deviation.control != INVENTORY
        }
        found: dict[PracticeKey, list[Finding]] = defaultdict(list)
        for row in await fetch(connection, self._form, sql.OWN_FINDINGS, sorted(excepted)):
            before = before_acceptance(row["state"], row["reason"], row["evidence"])
            kept = Finding(row["control"], *before, row["threshold"], row["valid_until"])
            found[row["provider_id"], row["practice_id"]].append(kept)
        return [replace(each, answers=found[each.provider_id, each.practice_id]) for each in practices]

    async def forget_devices(self, connection: asyncpg.Connection, devices: Sequence[tuple[UUID, UUID]]) -> None:
        """Remove the findings of devices that no longer belong to the fleet; the caller then settles their practices."""
        await fetch(connection, self._form, sql.FORGET_FINDINGS, devices)


def _facts(device: DeviceChange, runs: Sequence[BackupRun], first_seen: Mapping[str, datetime]) -> DeviceFacts:
    """Gather the facts; a flag without a date of its own keeps the instant it was first seen in the stored evidence."""
    return DeviceFacts(
        device.family, device.role, device.enrolled_at, device.seen_at, device.sections, runs, first_seen
    )


def _first_instants(devices: Sequence[DeviceChange]) -> dict[PracticeKey, datetime]:
    """Return per practice the first instant at which one of its devices is judged: exceptions that ended before do not matter."""
    found: dict[PracticeKey, datetime] = {}
    for device in devices:
        key = (device.provider_id, device.practice_id)
        found[key] = min(device.happened_at, found.get(key, device.happened_at))
    return found


def _under(practice: PracticeChange, terms: Terms) -> PracticeChange:
    """Return a practice with its own findings under its exceptions."""
    if not terms.deviations or not practice.answers:
        return practice
    return replace(practice, answers=[terms.accept(each, None, practice.happened_at) for each in practice.answers])


def _kept_inventory(controls: Mapping[str, Any]) -> Finding | None:
    """Return ANS-5.11 as it stands when nothing about the set of devices changed."""
    entry = controls.get(INVENTORY)
    return Finding(INVENTORY, entry["state"], entry["reason"], {}, {}, None) if entry else None


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
