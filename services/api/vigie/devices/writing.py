"""Writing a batch of heartbeats in one transaction: everything in it is committed, or nothing is.

The order of work is the order of locks: the devices' liveness rows by key, then postures by key, then event heads.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from vigie.core.batch import Form, fetch
from vigie.core.clock import wire_time
from vigie.devices import statements as sql
from vigie.devices.cadence import patience_of, silent_after
from vigie.devices.census import take_census
from vigie.devices.digests import state_digest
from vigie.devices.pulse import PulseNotes
from vigie.devices.report import Accepted, Behind, Gone, Outcome, Report, SentSection
from vigie.devices.returning import Returned, end_silences, keys_of
from vigie.events.log import NewEvent, append
from vigie.posture.assessment import Assessment, Assessor, DeviceChange, PracticeChange
from vigie.posture.rules.device import CONTROLS_READING, DEVICE_CONTROLS
from vigie.posture.runs import runs_of_events, runs_of_section

_NO_CONTROLS: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Held:
    """What the server holds of the sections of a device: digests of all, bodies of those that assessment needs."""

    digests: dict[str, bytes] = field(default_factory=dict)
    bodies: dict[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class _Work:
    """The rows one batch will write, and what it has found out."""

    touches: list[tuple[Any, ...]] = field(default_factory=list)
    pending: list[tuple[Any, ...]] = field(default_factory=list)
    presence: list[tuple[Any, ...]] = field(default_factory=list)
    added: list[tuple[Any, ...]] = field(default_factory=list)
    changed: list[tuple[Any, ...]] = field(default_factory=list)
    dropped: list[tuple[Any, ...]] = field(default_factory=list)
    history: list[tuple[Any, ...]] = field(default_factory=list)
    changes: list[DeviceChange] = field(default_factory=list)
    returned: list[Returned] = field(default_factory=list)
    suspects: list[Report] = field(default_factory=list)


class HeartbeatWriter:
    """Writes batches of reports; each device at most once per batch."""

    def __init__(self, form: Form, assessor: Assessor) -> None:
        self._form: Form = form
        self._assessor = assessor
        self._pulse = PulseNotes()

    async def write(self, connection: asyncpg.Connection, reports: Sequence[Report]) -> list[Outcome]:
        """Write reports and return what became of each, in their order; what it returns is committed.

        Quiet reports that change nothing but the liveness of their device go first, all in one statement that is its own
        transaction; whatever it does not match, and everything that brings news, is decided row by row in a second one.
        """
        quiet = await self._write_quiet(connection, reports)
        rest = [report for report in reports if report.identity.device_id not in quiet]
        decided: list[Outcome] = []
        if rest:
            async with connection.transaction():
                decided = await self._write(connection, rest)
        heard = len(quiet) + sum(isinstance(outcome, Accepted) for outcome in decided)
        await self._pulse.note(connection, max(report.received_at for report in reports), heard)
        following = iter(decided)
        return [
            Accepted(report.sequence, duplicate=False, resync=False)
            if report.identity.device_id in quiet
            else next(following)
            for report in reports
        ]

    async def _write_quiet(self, connection: asyncpg.Connection, reports: Sequence[Report]) -> set[UUID]:
        """Touch the devices whose report says "all as before" and is right about it; return which those are."""
        rows = sorted(
            (
                *(report.identity.provider_id, report.identity.device_id, report.sequence, report.received_at),
                *(report.received_at.date(), 1 << report.received_at.hour, report.body_digest, report.state_digest),
                *(report.boot_ref, report.agent, report.identity.key_generation),
            )
            for report in reports
            if not (report.sections or report.backup_events or report.ran_at)
        )
        return {row["device_id"] for row in await fetch(connection, self._form, sql.QUIET, rows)}

    async def _write(self, connection: asyncpg.Connection, reports: Sequence[Report]) -> list[Outcome]:
        keys = sorted((report.identity.provider_id, report.identity.device_id) for report in reports)
        rows = await fetch(connection, self._form, sql.LOCK, keys)
        locked = {(row["provider_id"], row["device_id"]): row for row in rows}
        held = await self._held_sections(connection, reports, locked)
        work = _Work()
        outcomes = [
            self._decide(report, locked.get((report.identity.provider_id, report.identity.device_id)), held, work)
            for report in reports
        ]
        await self._store(connection, work)
        await self._assess(connection, work, reports[0].received_at)
        return outcomes

    async def _held_sections(
        self,
        connection: asyncpg.Connection,
        reports: Sequence[Report],
        locked: Mapping[tuple[UUID, UUID], asyncpg.Record],
    ) -> dict[UUID, _Held]:
        asked = []
        for report in reports:
            row = locked.get((report.identity.provider_id, report.identity.device_id))
            if row is not None and _brings_news(report, row):
                wanted = _sections_beside(report)
                asked.append((report.identity.provider_id, report.identity.device_id, ",".join(sorted(wanted))))
        held: dict[UUID, _Held] = {device_id: _Held() for _, device_id, _ in asked}
        for row in await fetch(connection, self._form, sql.HELD_SECTIONS, asked):
            pairs = (pair.partition(":") for pair in row["digests"].split(","))
            held[row["device_id"]] = _Held(
                {name: bytes.fromhex(digest) for name, _, digest in pairs}, row["bodies"] or {}
            )
        return held

    def _decide(self, report: Report, row: asyncpg.Record | None, held: Mapping[UUID, _Held], work: _Work) -> Outcome:
        """Decide on one report against the locked row of its device, and note what has to be written."""
        identity = report.identity
        if row is None or row["status"] == "revoked":
            return Gone("revoked" if row is not None else "unknown")
        if row["key_generation"] != identity.key_generation:
            return Gone("key_replaced")
        if report.sequence <= row["sequence"]:
            if report.sequence == row["sequence"] and report.body_digest == row["body_digest"]:
                resync = row["status"] == "active" and row["state_digest"] != report.state_digest
                return Accepted(report.sequence, duplicate=True, resync=resync)
            return Behind(row["sequence"] + 1)
        if row["status"] == "pending":
            work.pending.append((identity.provider_id, identity.device_id, report.sequence, report.body_digest))
            return Accepted(report.sequence, duplicate=False, resync=False)
        digest = row["state_digest"]
        if _brings_news(report, row):
            digest = self._note_sections(report, held[identity.device_id], work)
        self._note_liveness(report, row, digest, work)
        return Accepted(report.sequence, duplicate=False, resync=digest != report.state_digest)

    def _note_liveness(self, report: Report, row: asyncpg.Record, digest: bytes | None, work: _Work) -> None:
        identity, at = report.identity, report.received_at
        hours = 1 << at.hour
        if row["presence_day"] == at.date():
            hours |= row["presence_hours"]
        elif row["presence_day"] is not None:  # the day before is complete: keep it
            work.presence.append(
                (identity.provider_id, identity.device_id, row["presence_day"], row["presence_hours"], 0)
            )
        if report.ran_at:
            work.presence.extend(_unheard_hours(report))
        boot, earlier = report.boot_ref, row["earlier_boot_ref"]
        if row["boot_ref"] is not None and boot != row["boot_ref"]:
            if boot == earlier:  # a machine cannot return to an earlier boot: two machines share this key
                work.suspects.append(report)
            earlier = row["boot_ref"]
        work.touches.append(
            (
                *(identity.provider_id, identity.device_id, report.sequence, at, at.date(), hours),
                *(report.body_digest, digest, boot, earlier, report.agent),
            )
        )
        if row["last_seen_at"] is None or row["silent_since"] is not None:
            reenrolled = row["last_seen_at"] is not None and row["state_digest"] is None
            same_boot = row["boot_ref"] == boot
            work.returned.append(Returned(report, row["silent_since"], row["last_seen_at"], same_boot, reenrolled))

    def _note_sections(self, report: Report, held: _Held, work: _Work) -> bytes:
        """Note which sections changed; return the digest of what the server then holds."""
        identity, at = report.identity, report.received_at
        changed = {name: sent for name, sent in report.sections.items() if held.digests.get(name) != sent.digest}
        removed = [name for name in held.digests if name not in report.sections] if report.is_full else []
        work.added += [
            (identity.provider_id, identity.device_id, name, sent.digest, at, sent.json)
            for name, sent in sorted(changed.items())
            if name not in held.digests
        ]
        work.dropped += [(identity.provider_id, identity.device_id, name) for name in sorted(removed)]
        if changed or removed:
            bodies = _bodies(changed, removed)
            work.history.append((identity.provider_id, identity.device_id, at, report.sequence, bodies))
            rewritten = {name: sent.digest.hex() for name, sent in changed.items() if name in held.digests}
            if rewritten:
                work.changed.append((identity.provider_id, identity.device_id, at, rewritten, bodies))
        touched = _controls_reading([*changed, *removed])
        if report.backup_events:
            touched |= CONTROLS_READING["backup"]
        if touched:
            work.changes.append(_device_change(report, held, touched, changed_backup="backup" in changed))
        if report.is_full:  # its digest is that of its own sections, and these are all there is now
            return report.state_digest
        return state_digest(held.digests | {name: sent.digest for name, sent in changed.items()})

    async def _store(self, connection: asyncpg.Connection, work: _Work) -> None:
        for statement, rows in (
            (sql.TOUCH, work.touches),
            (sql.NOTE_PENDING, work.pending),
            (sql.PRESENCE, _merged_presence(work.presence)),
            (sql.ADD_SECTIONS, work.added),
            (sql.CHANGE_SECTIONS, work.changed),
            (sql.DROP_SECTIONS, work.dropped),
            (sql.REMEMBER, work.history),
        ):
            await fetch(connection, self._form, statement, rows)

    async def _assess(self, connection: asyncpg.Connection, work: _Work, now: datetime) -> None:
        """Judge what changed, settle the practices concerned, append the events."""
        assessment = await self._assessor.assess_devices(connection, work.changes) if work.changes else Assessment()
        events = assessment.events + await self._clone_events(connection, work) + list(_return_events(work))
        practices = await self._practices(connection, work, assessment)
        if practices:
            changes, _ = await self._assessor.settle_practices(connection, practices, now, assessment.terms)
            events += changes
        reviews = [
            (change.provider_id, change.device_id, assessment.review_at[change.device_id])
            for change in work.changes
            if change.device_id in assessment.review_at
        ]
        await fetch(connection, self._form, sql.LOWER_REVIEW, reviews)
        events += await self._take_back(connection, work)
        await append(connection, self._form, events, now)

    async def _take_back(self, connection: asyncpg.Connection, work: _Work) -> list[NewEvent]:
        """Set the deadline of devices that came back, end their silences; what went stale meanwhile is judged anew."""
        if not work.returned:
            return []
        terms = await self._assessor.terms_of(connection, keys_of(work.returned))
        rows = []
        for each in work.returned:
            device, at = each.report.identity, each.report.received_at
            own = terms[each.practice]
            expected = silent_after(at, device.slot_s, own.calendar, patience_of(device.role, own.policy.silence))
            review = at if each.silent_since is not None else None
            rows.append((device.provider_id, device.device_id, expected, review))
        await fetch(connection, self._form, sql.EXPECT_AGAIN, rows)
        return await end_silences(connection, self._form, work.returned, terms)

    async def _practices(
        self, connection: asyncpg.Connection, work: _Work, assessment: Assessment
    ) -> list[PracticeChange]:
        """Return the practices to settle; those whose devices came back are counted anew."""
        counted = keys_of(work.returned)
        if counted:
            unsettled = assessment.unsettled
            practices = await take_census(connection, self._form, counted.items(), beside=unsettled)
        else:
            practices = []
        practices += [
            PracticeChange(*key, happened_at, moves=assessment.moves[key])
            for key, happened_at in assessment.unsettled.items()
            if key not in counted
        ]
        return practices

    async def _clone_events(self, connection: asyncpg.Connection, work: _Work) -> list[NewEvent]:
        by_device = {report.identity.device_id: report for report in work.suspects}
        rows = [(report.identity.provider_id, device, report.received_at) for device, report in by_device.items()]
        marked = await fetch(connection, self._form, sql.SUSPECT_CLONE, rows)
        return [
            NewEvent(
                row["provider_id"],
                "device.clone_suspect",
                by_device[row["device_id"]].identity.practice_id,
                row["device_id"],
                by_device[row["device_id"]].received_at,
                {"sign": "boot_ref_returned"},
            )
            for row in marked
        ]


def _brings_news(report: Report, row: asyncpg.Record) -> bool:
    """Whether sections have to be looked at: none sent, or a full report of what is held already, says nothing new."""
    if report.backup_events:
        return True
    if not report.sections:
        return False
    return not (report.is_full and report.state_digest == row["state_digest"])


def _bodies(changed: Mapping[str, SentSection], removed: Sequence[str]) -> bytes:
    """Return what changed as one JSON object: the new body of each section, null for those that are no more."""
    parts = [b'"%s":%s' % (name.encode(), sent.json) for name, sent in sorted(changed.items())]
    parts += [b'"%s":null' % name.encode() for name in sorted(removed)]
    return b"{" + b",".join(parts) + b"}"


def _controls_reading(sections: Sequence[str]) -> frozenset[str]:
    return _NO_CONTROLS.union(*(CONTROLS_READING.get(name, _NO_CONTROLS) for name in sections))


def _sections_beside(report: Report) -> frozenset[str]:
    """Return the sections that assessment reads beside those the report carries."""
    if report.is_full:
        return frozenset()
    controls = _controls_reading(list(report.sections))
    if report.backup_events:
        controls |= CONTROLS_READING["backup"]
    needed = frozenset[str]().union(*(DEVICE_CONTROLS[control].reads for control in controls))
    return needed - report.sections.keys()


def _device_change(report: Report, held: _Held, controls: frozenset[str], *, changed_backup: bool) -> DeviceChange:
    identity = report.identity
    sections = {name: sent.value for name, sent in report.sections.items()}
    if not report.is_full:
        sections = {**held.bodies, **sections}
    runs = runs_of_events(report.backup_events)
    if changed_backup:
        runs += runs_of_section(sections.get("backup"))
    return DeviceChange(
        provider_id=identity.provider_id,
        practice_id=identity.practice_id,
        device_id=identity.device_id,
        family=identity.family,
        role=identity.role,
        enrolled_at=identity.enrolled_at,
        seen_at=report.received_at,
        sections=sections,
        controls=controls,
        happened_at=report.received_at,
        new_runs=runs,
    )


def _unheard_hours(report: Report) -> Iterator[tuple[Any, ...]]:
    """Yield the hours in which the device ran and could not deliver: the PC was on, the line was down."""
    for ran_at in report.ran_at:
        at = ran_at.astimezone(UTC)
        yield (report.identity.provider_id, report.identity.device_id, at.date(), 0, 1 << at.hour)


def _merged_presence(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Merge rows of the same device and day: an upsert may not meet a row twice."""
    merged: dict[tuple[Any, ...], tuple[int, int]] = {}
    for *key, seen, ran in rows:
        before = merged.get(tuple(key), (0, 0))
        merged[tuple(key)] = (before[0] | seen, before[1] | ran)
    return [(*key, seen, ran) for key, (seen, ran) in sorted(merged.items())]


def _return_events(work: _Work) -> Iterator[NewEvent]:
    for each in work.returned:
        if each.silent_since is not None:
            yield NewEvent(
                *each.practice[:1],
                "device.returned",
                each.practice[1],
                each.report.identity.device_id,
                each.report.received_at,
                {"silent_since": wire_time(each.silent_since), "ran_meanwhile": len(each.report.ran_at)},
            )
