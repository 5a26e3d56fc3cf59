"""Declaring incidents, ticking steps, writing the log, noting what was done about the clocks, closing.

Every change locks the incident first, writes a line of its log, and tells the event log last. Saying again what is so already is
accepted and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from vigie.auth.dependencies import Call
from vigie.core.clock import wire_time
from vigie.core.errors import NotFoundError
from vigie.core.ids import uuid7
from vigie.devices.personal_data import find_personal_data
from vigie.events.log import NewEvent
from vigie.events.session import record
from vigie.incidents import queries
from vigie.incidents.catalogue import load_steps
from vigie.incidents.errors import (
    IncidentClosedError,
    IncidentInstantError,
    IncidentUndecidedError,
    LogFullError,
    PersonalDataError,
    StepOfClockError,
)
from vigie.incidents.models import (
    EntryKind,
    Incident,
    IncidentEntry,
    IncidentEvidence,
    IncidentNotice,
    IncidentStep,
)
from vigie.incidents.queries import Seen
from vigie.incidents.rules import CLOCKS, LOOKS_BACK, may_have_been
from vigie.incidents.schemas import Closing, NewIncident, NewNote, NewNotice
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.queries import changeable_practice

_NAME_AT_MOST = 160


@dataclass(frozen=True, slots=True)
class Archive:
    """A sealed archive as it is kept: the span it covers, its bytes and their SHA-256."""

    from_at: datetime
    until_at: datetime
    lines: Mapping[str, int]
    complete: bool
    content: bytes
    sha256: bytes


def refuse_personal_data(*texts: str | None) -> None:
    """Raise `PersonalDataError` when a text looks like a patient: an incident tells of machines."""
    if find_personal_data(orjson.dumps([text for text in texts if text is not None])) is not None:
        raise PersonalDataError


async def declare_incident(call: Call, new: NewIncident) -> Seen:
    """Declare an incident at a practice.

    Raises `NotFoundError`, `PracticeArchivedError`, `IncidentInstantError`, `PersonalDataError`.
    """
    practice = await changeable_practice(call, new.practice_id)
    refuse_personal_data(new.description)
    known_at = _checked(call, new.known_at)
    incident = Incident(
        provider_id=practice.provider_id,
        id=uuid7(),
        practice_id=practice.id,
        kind=new.kind,
        description=new.description,
        known_at=known_at,
        edition=load_steps().current,
        declared_at=call.now,
        declared_by=call.principal.subject,
        declared_by_name=_name(call),
        declared_by_role=call.principal.role,
    )
    call.session.add(incident)
    await call.session.flush()  # the log refers to it
    _write(call, incident, "declared", at=known_at, detail={"kind": incident.kind})
    call.audit(object_id=incident.id, details={"kind": incident.kind, "known_at": wire_time(known_at)})
    await _tell(
        call, incident, "incident.declared", {"incident_kind": incident.kind, "known_at": wire_time(incident.known_at)}
    )
    return Seen(incident, practice)


async def mark_step(call: Call, incident_id: UUID, step: str, *, done: bool) -> Seen:
    """Tick or untick a step. Raises `NotFoundError` for no such step, too, `StepOfClockError`, what `open_incident` does."""
    seen = await open_incident(call, incident_id)
    incident = seen.incident
    known = load_steps().get(incident.edition).by_id.get(step)
    if known is None:
        raise NotFoundError
    if known.clock is not None:
        raise StepOfClockError
    kept = await call.session.get(IncidentStep, (incident.provider_id, incident.id, step))
    call.audit(details={"step": step, "done": done})
    if done is (kept is not None and kept.done):
        call.audit(details={"repeated": True})
        return seen
    if kept is None:
        kept = IncidentStep(provider_id=incident.provider_id, incident_id=incident.id, step=step)
        call.session.add(kept)
    kept.done, kept.at, kept.by, kept.by_name = done, call.now, call.principal.subject, _name(call)
    _write(call, incident, "step_done" if done else "step_undone", detail={"step": step})
    await _tell(call, incident, "incident.step", {"step": step, "done": done})
    return seen


async def write_note(call: Call, incident_id: UUID, new: NewNote) -> IncidentEntry:
    """Write into the log.

    Raises what `open_incident` does, `IncidentInstantError`, `PersonalDataError`, `LogFullError`.
    """
    incident = (await open_incident(call, incident_id)).incident
    refuse_personal_data(new.text)
    at = _checked(call, new.at)
    if await queries.count_notes(call.session, incident) >= queries.MOST_ENTRIES:
        raise LogFullError
    entry = _write(call, incident, "note", at=at, text=new.text)
    await _tell(call, incident, "incident.logged", {"entry": str(entry.id)})
    return entry


async def note_notice(call: Call, incident_id: UUID, new: NewNotice) -> Seen:
    """Note what was done about a clock; the later word counts.

    Raises what `open_incident` does, `PersonalDataError`, `IncidentInstantError` also for an instant before it became known.
    """
    seen = await open_incident(call, incident_id)
    incident = seen.incident
    refuse_personal_data(new.reference, new.reason)
    at = _checked(call, new.at, earliest=incident.known_at)
    said = {"outcome": new.outcome, "at": at, "reference": new.reference, "reason": new.reason}
    kept = await call.session.get(IncidentNotice, (incident.provider_id, incident.id, new.clock))
    call.audit(details={"clock": new.clock, "outcome": new.outcome, "at": wire_time(at)})
    if kept is not None and said == {name: getattr(kept, name) for name in said}:
        call.audit(details={"repeated": True})
        return seen
    if kept is None:
        kept = IncidentNotice(provider_id=incident.provider_id, incident_id=incident.id, clock=new.clock)
        call.session.add(kept)
    for name, value in {**said, "noted_at": call.now, "by": call.principal.subject, "by_name": _name(call)}.items():
        setattr(kept, name, value)
    detail = {"clock": new.clock, **said, "at": wire_time(at)}
    _write(call, incident, "notified", at=at, detail=detail)
    await _tell(
        call, incident, "incident.notified", {"clock": new.clock, "outcome": new.outcome, "done_at": wire_time(at)}
    )
    return seen


async def close_incident(call: Call, incident_id: UUID, closing: Closing) -> Seen:
    """Close an incident with its lessons.

    Raises what `open_incident` does, `IncidentUndecidedError`, `PersonalDataError`.
    """
    seen = await open_incident(call, incident_id)
    incident = seen.incident
    refuse_personal_data(closing.lessons)
    course = (await queries.courses_of(call.session, incident.provider_id, [incident.id]))[incident.id]
    missing = [clock for clock in CLOCKS if clock not in course.notices]
    if missing:
        raise IncidentUndecidedError(missing=missing)
    incident.closed_at, incident.lessons = call.now, closing.lessons
    incident.closed_by, incident.closed_by_name = call.principal.subject, _name(call)
    _write(call, incident, "closed")
    await _tell(call, incident, "incident.closed", {})
    return seen


async def keep_archive(call: Call, seen: Seen, archive: Archive) -> IncidentEvidence:
    """Keep the sealed archive of an incident that the caller holds the lock of, and has none yet.

    The audit's entry names its SHA-256: from the commit on, the chain vouches for its bytes.
    """
    incident = seen.incident
    kept = IncidentEvidence(
        provider_id=incident.provider_id,
        incident_id=incident.id,
        frozen_at=call.now,
        from_at=archive.from_at,
        until_at=archive.until_at,
        lines=dict(archive.lines),
        complete=archive.complete,
        sha256=archive.sha256,
        size=len(archive.content),
        content=archive.content,
        by=call.principal.subject,
        by_name=_name(call),
    )
    call.session.add(kept)
    digest = archive.sha256.hex()
    _write(call, incident, "frozen", detail={"sha256": digest})
    await _tell(call, incident, "incident.frozen", {"sha256": digest, "size": kept.size})
    return kept


async def open_incident(call: Call, incident_id: UUID) -> Seen:
    """Return an incident that something may be added to, locked.

    Raises `NotFoundError`, `PracticeArchivedError`, `IncidentClosedError`.
    """
    seen = await queries.get_incident(call, incident_id, lock=True)
    if seen.practice.archived_at is not None:
        raise PracticeArchivedError
    if seen.incident.closed_at is not None:
        raise IncidentClosedError
    return seen


def _checked(call: Call, at: datetime | None, earliest: datetime | None = None) -> datetime:
    """Return an instant that somebody gave, now when they gave none; raises `IncidentInstantError`."""
    if at is None:
        return call.now
    at = at.astimezone(UTC)
    bound = max(filter(None, (earliest, call.now - LOOKS_BACK)))
    if not may_have_been(at, call.now) or at < bound:
        raise IncidentInstantError(earliest=wire_time(bound), latest=wire_time(call.now))
    return at


def _write(
    call: Call,
    incident: Incident,
    kind: EntryKind,
    *,
    at: datetime | None = None,
    text: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> IncidentEntry:
    entry = IncidentEntry(
        provider_id=incident.provider_id,
        incident_id=incident.id,
        id=uuid7(),
        kind=kind,
        at=at or call.now,
        recorded_at=call.now,
        text=text,
        detail=dict(detail or {}),
        by=call.principal.subject,
        by_name=_name(call),
    )
    call.session.add(entry)
    return entry


async def _tell(call: Call, incident: Incident, kind: str, more: Mapping[str, Any]) -> None:
    """Flush, so that a conflict is met here, and record the event: the head of its log is the last lock but the audit's."""
    await call.session.flush()
    payload = {"incident": str(incident.id), "by": call.principal.subject, **more}
    await record(
        call.session, [NewEvent(incident.provider_id, kind, incident.practice_id, None, call.now, payload)], call.now
    )


def _name(call: Call) -> str:
    return (call.principal.name or call.principal.subject)[:_NAME_AT_MOST]
