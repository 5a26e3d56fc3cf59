"""Incidents as they are shown: clocks read at an instant, steps in a language, the log with its sentences."""

from datetime import datetime
from typing import cast

from vigie.auth.dependencies import Call
from vigie.auth.principal import Permission
from vigie.checklist.contacts import card_of
from vigie.incidents import queries
from vigie.incidents.catalogue import Edition, load_steps
from vigie.incidents.models import EntryKind, Incident, IncidentEntry, IncidentEvidence, Kind
from vigie.incidents.queries import Course, Seen
from vigie.incidents.rules import CLOCKS, LAWS, Clock, Outcome, read_clock
from vigie.incidents.schemas import ClockOut, EntryOut, EvidenceOut, IncidentDetail, IncidentOut, StepOut
from vigie.incidents.wording import entry_says, kind_title, said


def clock_out(incident: Incident, clock: Clock, course: Course, now: datetime) -> ClockOut:
    """Return a clock of an incident as it stands now."""
    notice = course.notices.get(clock)
    outcome = cast("Outcome", notice.outcome) if notice else None
    reading = read_clock(incident.known_at, now, outcome, notice.at if notice else None)
    return ClockOut(
        clock=clock,
        state=reading.state,
        deadline=reading.deadline,
        remaining_s=None if reading.remaining is None else int(reading.remaining.total_seconds()),
        source=LAWS[clock],
        outcome=outcome,
        done_at=notice.at if notice else None,
        reference=notice.reference if notice else None,
        reason=notice.reason if notice else None,
        by_name=notice.by_name if notice else None,
    )


def steps_out(edition: Edition, course: Course, language: str) -> list[StepOut]:
    """Return the steps in their order, each with who ticked it and when."""
    found = []
    for number, step in enumerate(edition.steps, start=1):
        notice = course.notices.get(step.clock) if step.clock else None
        mark = course.steps.get(step.id)
        done = notice is not None if step.clock else mark is not None and mark.done
        who = (notice or mark) if done else None
        texts = {
            name: said((text.fr, text.en), language)
            for name, text in (("title", step.title), ("detail", step.detail), ("when", step.when))
        }
        found.append(
            StepOut(
                id=step.id,
                number=number,
                **texts,
                who=step.who,
                clock=step.clock,
                sources=[edition.sources[source] for source in step.sources],
                done=done,
                at=who.at if who else None,
                by=who.by if who else None,
                by_name=who.by_name if who else None,
            )
        )
    return found


def entry_out(entry: IncidentEntry, edition: Edition, language: str) -> EntryOut:
    """Return a line of the log: what somebody wrote, or our own sentence about what they did."""
    step = edition.by_id.get(str(entry.detail.get("step")))
    title = (step.title.fr, step.title.en) if step else None
    return EntryOut(
        id=entry.id,
        kind=cast("EntryKind", entry.kind),
        at=entry.at,
        recorded_at=entry.recorded_at,
        says=entry.text if entry.text is not None else entry_says(entry.kind, entry.detail, title, language),
        detail=entry.detail,
        by=entry.by,
        by_name=entry.by_name,
    )


def evidence_out(row: IncidentEvidence) -> EvidenceOut:
    """Return what is told of a sealed archive."""
    same = ("frozen_at", "from_at", "until_at", "lines", "complete", "size", "by_name")
    return EvidenceOut(**{name: getattr(row, name) for name in same}, sha256=row.sha256.hex())


def incident_out(seen: Seen, course: Course, now: datetime, language: str) -> IncidentOut:
    """Return an incident as a list shows it."""
    incident = seen.incident
    steps = steps_out(load_steps().get(incident.edition), course, language)
    same = ("id", "practice_id", "known_at", "declared_at", "declared_by", "declared_by_name", "declared_by_role")
    return IncidentOut(
        **{name: getattr(incident, name) for name in same},
        practice_name=seen.practice.name,
        kind=cast("Kind", incident.kind),
        kind_title=kind_title(incident.kind, language),
        status="open" if incident.closed_at is None else "closed",
        clocks=[clock_out(incident, clock, course, now) for clock in CLOCKS],
        steps_done=sum(step.done for step in steps),
        steps_total=len(steps),
        frozen_at=course.frozen_at,
        closed_at=incident.closed_at,
        as_of=now,
    )


async def detail_of(call: Call, seen: Seen, language: str) -> IncidentDetail:
    """Return all there is of an incident, as the caller may see it."""
    incident, session = seen.incident, call.session
    edition = load_steps().get(incident.edition)
    course = (await queries.courses_of(session, incident.provider_id, [incident.id]))[incident.id]
    evidence = await queries.evidence_of(session, incident) if course.frozen_at else None
    may_call = Permission.RECORDS_READ in call.principal.permissions
    return IncidentDetail(
        **incident_out(seen, course, call.now, language).model_dump(),
        time_zone=seen.practice.time_zone,
        description=incident.description,
        edition=edition.version,
        steps=steps_out(edition, course, language),
        log=[entry_out(entry, edition, language) for entry in await queries.log_of(session, incident)],
        contacts=await card_of(call, seen.practice) if may_call else None,
        evidence=evidence_out(evidence) if evidence is not None else None,
        lessons=incident.lessons,
        closed_by_name=incident.closed_by_name,
    )
