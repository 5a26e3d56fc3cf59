"""Answering: one control of one practice, or one control of many. An answer supersedes the one before and is never rewritten."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import insert

from vigie.auth.dependencies import Call
from vigie.checklist import queries
from vigie.checklist.asking import (
    asked_control,
    check_reason,
    checked_day,
    day_of,
    known_control,
    names_of,
    side_of,
    zone_of,
)
from vigie.checklist.errors import NotInBulkError, TooManyPracticesError, UnknownEvidenceError
from vigie.checklist.follow_up import follow
from vigie.checklist.models import Attestation, AttestationEvidence
from vigie.checklist.questionnaire_queries import hold_questionnaires
from vigie.checklist.reopening import settle_told
from vigie.checklist.schemas import MOST_PRACTICES, BulkAnswerIn, ControlAnswerIn
from vigie.core.errors import NotFoundError
from vigie.core.ids import uuid7
from vigie.core.pagination import PageQuery
from vigie.events.log import NewEvent
from vigie.posture.assessment import Assessor
from vigie.posture.catalogue import load_catalogue
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.models import Practice
from vigie.practices.queries import changeable_practice, get_practice


@dataclass(frozen=True, slots=True)
class Given:
    """An answer with the files it rests on."""

    attestation: Attestation
    evidence: Sequence[UUID]


async def answer_control(
    call: Call, assessor: Assessor, practice_id: UUID, control: str, said: ControlAnswerIn
) -> Given:
    """Answer a control of a practice. What already is as asked, by the same person, is no change.

    Raises what `asked_control` raises, `NotFoundError`, `PracticeArchivedError`, `ReasonRequiredError`, `EffectiveDateError` and
    `UnknownEvidenceError`.
    """
    asked_control(control, call.principal)
    practice = await changeable_practice(call, practice_id, lock=True)
    if said.answer == "not_applicable":
        check_reason(said.reason)
    effective_on = checked_day(said.effective_on, day_of(call.now, zone_of(practice.time_zone)))
    await hold_questionnaires(call.session, practice.provider_id, [practice.id])
    if not await queries.lock_postures(call.session, practice.provider_id, [practice.id]):
        raise PracticeArchivedError  # meanwhile
    files = sorted(set(said.evidence))
    if set(files) - await queries.known_evidence(call.session, practice.provider_id, practice.id, files):
        raise UnknownEvidenceError
    before = await queries.current_answers(call.session, practice.provider_id, [practice.id], names_of(control))
    made = _attestation(call, practice.id, control, said, effective_on)
    if len(before) == 1 and _is_same(before[0], made):
        kept = await queries.evidence_of(call.session, practice.provider_id, [before[0].id])
        if kept.get(before[0].id, []) == files:
            call.audit(object_id=before[0].id, details={"control": control, "repeated": True})
            return Given(before[0], files)
    await queries.supersede(call.session, practice.provider_id, [practice.id], names_of(control), call.now)
    call.session.add(made)
    await call.session.flush()
    if files:
        key = {"provider_id": made.provider_id, "practice_id": made.practice_id, "attestation_id": made.id}
        await call.session.execute(insert(AttestationEvidence), [{**key, "evidence_id": file} for file in files])
    call.audit(object_id=made.id, details={"control": control, "answer": made.answer})
    events = [_event(call, made), *await follow(call, [made], {practice.id: practice.time_zone})]
    await settle_told(call, assessor, practice.provider_id, [practice.id], events)
    return Given(made, files)


async def answer_for_many(call: Call, assessor: Assessor, said: BulkAnswerIn) -> Sequence[Attestation]:
    """Give the same answer for many practices, all of them or none. Archived practices are not among `all`.

    Raises what `answer_control` does, `NotInBulkError` and `TooManyPracticesError`.
    """
    if not asked_control(said.control, call.principal).bulk:
        raise NotInBulkError
    if said.answer == "not_applicable":
        check_reason(said.reason)
    practices = await _meant(call, said)
    zones = {practice.id: practice.time_zone for practice in practices}
    days = {zone: checked_day(said.effective_on, day_of(call.now, zone_of(zone))) for zone in set(zones.values())}
    provider_id = call.principal.provider_id
    await hold_questionnaires(call.session, provider_id, list(zones))
    locked = await queries.lock_postures(call.session, provider_id, zones)
    if said.practices != "all" and set(locked) != set(zones):
        raise PracticeArchivedError  # one of them, meanwhile
    await queries.supersede(call.session, provider_id, locked, names_of(said.control), call.now)
    made = [_attestation(call, practice, said.control, said, days[zones[practice]]) for practice in locked]
    call.session.add_all(made)
    await call.session.flush()
    call.audit(
        object_id=said.control,
        details={"control": said.control, "answer": said.answer, "practices": len(made)},
    )
    events = [*(_event(call, each) for each in made), *await follow(call, made, zones)]
    await settle_told(call, assessor, provider_id, locked, events)
    return made


async def _meant(call: Call, said: BulkAnswerIn) -> Sequence[Practice]:
    """Return the practices a bulk answer is for; raises `NotFoundError`, `PracticeArchivedError`, `TooManyPracticesError`."""
    asked = None if said.practices == "all" else set(said.practices)
    if asked is not None and len(asked) > MOST_PRACTICES:
        raise TooManyPracticesError(limit=MOST_PRACTICES)
    found = await queries.practices_seen(call, asked, MOST_PRACTICES + 1)
    if len(found) > MOST_PRACTICES:
        raise TooManyPracticesError(limit=MOST_PRACTICES)
    if asked is not None:
        if {practice.id for practice in found} != asked:
            raise NotFoundError
        if any(practice.archived_at is not None for practice in found):
            raise PracticeArchivedError
    return found


async def history_of(
    call: Call, practice_id: UUID, control: str, query: PageQuery
) -> tuple[Sequence[Given], str | None]:
    """Return a page of every answer to a control of a practice, newest first."""
    known_control(control)
    practice = await get_practice(call, practice_id)
    rows, following = await queries.answers_to(
        call.session, practice.provider_id, practice.id, names_of(control), query
    )
    files: Mapping[UUID, list[UUID]] = await queries.evidence_of(
        call.session, practice.provider_id, [row.id for row in rows]
    )
    return [Given(row, files.get(row.id, [])) for row in rows], following


def _attestation(
    call: Call, practice_id: UUID, control: str, said: ControlAnswerIn | BulkAnswerIn, effective_on: date
) -> Attestation:
    caller = call.principal
    return Attestation(
        provider_id=caller.provider_id,
        id=uuid7(),
        practice_id=practice_id,
        control=control,
        catalogue_version=load_catalogue().version,
        answer=said.answer,
        reason=said.reason,
        comment=said.comment,
        evidence_ref=said.evidence_ref,
        effective_on=effective_on,
        answered_at=call.now,
        side=side_of(caller),
        member_id=UUID(caller.subject),
        author_name=caller.name,
        author_role=caller.role,
    )


def _is_same(stored: Attestation, wanted: Attestation) -> bool:
    """Whether an answer says what another says, by the same person."""
    names = ("control", "answer", "reason", "comment", "evidence_ref", "effective_on", "member_id")
    return all(getattr(stored, name) == getattr(wanted, name) for name in names)


def _event(call: Call, made: Attestation) -> NewEvent:
    payload = {
        "control": made.control,
        "answer": made.answer,
        "attestation": str(made.id),
        "side": made.side,
        "by": call.principal.subject,
    }
    return NewEvent(made.provider_id, "attestation.given", made.practice_id, None, call.now, payload)
