"""Filling once and sending to many: people's answers go to other practices, the evidence stays each practice's own."""

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

from vigie.auth.dependencies import Call
from vigie.checklist import questionnaire_queries as queries
from vigie.checklist.completeness import NOTHING_SAID, Said
from vigie.checklist.errors import TooManyPracticesError
from vigie.checklist.filling import note_change, open_draft, tell, write_found, write_said
from vigie.checklist.prefill import PreAnswer
from vigie.checklist.questionnaire_content import FROZEN, effective_of, pre_answers, said_of, template_of
from vigie.checklist.questionnaire_models import Questionnaire, QuestionnaireAnswer
from vigie.checklist.questionnaire_schemas import CopiedOut
from vigie.checklist.records import SupplierList, suppliers_concerned
from vigie.core.errors import NotFoundError
from vigie.events.log import NewEvent
from vigie.posture.assessment import Assessor
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.models import Practice
from vigie.practices.queries import get_practice

MOST_PRACTICES = 500
"""Practices of one request: it is one unit of work, all or nothing."""


async def copy_answers(
    call: Call,
    assessor: Assessor,
    practice_id: UUID,
    questionnaire_id: UUID,
    wanted: Sequence[UUID] | Literal["all"],
) -> list[CopiedOut]:
    """Send what people said in one questionnaire to the drafts of the same supplier and kind at other practices.

    A practice that uses the supplier for this and has no such questionnaire gets one. What somebody answered there stays, what
    is signed is left alone, and each is pre-answered anew with its own evidence. Raises `NotFoundError` for what the caller
    does not see, `PracticeArchivedError`, and `TooManyPracticesError`.
    """
    source = await queries.get_questionnaire(call.session, await get_practice(call, practice_id), questionnaire_id)
    practices = await _practices(call, source, wanted)
    template = template_of(source)
    kept = (await queries.answers_of(call.session, source.provider_id, [source.id]))[source.id]
    said = {question: said_of(row) for question, row in kept.items() if said_of(row) != NOTHING_SAID}
    ids = [practice.id for practice in practices]
    listed = await suppliers_concerned(call.session, source.provider_id, ids)
    existing = await queries.questionnaire_of(call.session, source.provider_id, ids, source.supplier_id, source.kind)
    answers = await queries.answers_of(call.session, source.provider_id, [row.id for row in existing.values()])
    observed = await queries.observations_of(call.session, source.provider_id, ids, template.questionnaire.controls)
    done, events = [], []
    for practice in practices:
        questionnaire = existing.get(practice.id)
        if not _concerned(listed[practice.id], source):
            done.append(CopiedOut(practice_id=practice.id, questionnaire_id=None, outcome="not_concerned", answers=0))
            continue
        known = template if questionnaire is None else template_of(questionnaire)
        fresh = pre_answers(known, observed.get(practice.id, ()), call.now)
        if questionnaire is None:
            questionnaire, rows = await open_draft(
                call.session, practice, source.supplier_id, template, fresh, call.now
            )
        else:
            rows = answers[questionnaire.id]
        outcome, reopened = _copy(call, questionnaire, rows, said, fresh)
        done.append(outcome)
        events += reopened
    call.audit(details={"practices": len(done), "answers": len(said)})
    await tell(call, assessor, source.provider_id, events)
    return done


def _concerned(listed: SupplierList, source: Questionnaire) -> bool:
    return any(
        supplier.supplier_id == source.supplier_id and source.kind in supplier.questionnaires
        for supplier in listed.suppliers
    )


def _copy(
    call: Call,
    questionnaire: Questionnaire,
    rows: Mapping[str, QuestionnaireAnswer],
    said: Mapping[str, Said],
    fresh: Mapping[str, PreAnswer],
) -> tuple[CopiedOut, list[NewEvent]]:
    """Write what was said elsewhere where nobody said anything here, or where it was copied before."""
    done = CopiedOut(
        practice_id=questionnaire.practice_id, questionnaire_id=questionnaire.id, outcome="signed", answers=0
    )
    if questionnaire.status in FROZEN:
        return done, []
    before = {question: effective_of(row) for question, row in rows.items()}
    copied = [
        question
        for question, row in rows.items()
        if question in said and row.said_origin != "person" and said_of(row) != said[question]
    ]
    for question in copied:
        write_said(rows[question], said[question], "copied", call.principal.subject, call.now)
    for question, found in fresh.items():
        write_found(rows[question], found)
    questionnaire.as_of = call.now
    turned = [
        question
        for question, row in rows.items()
        if before[question] is not None and effective_of(row) not in {before[question], None}
    ]
    done.outcome, done.answers = "copied" if copied else "unchanged", len(copied)
    return done, note_change(call, questionnaire, turned)


async def _practices(call: Call, source: Questionnaire, wanted: Sequence[UUID] | Literal["all"]) -> list[Practice]:
    """Return the practices to send to, locked, without the one that the answers come from."""
    asked = set(await queries.practices_using(call, source.supplier_id) if wanted == "all" else wanted)
    if len(asked) > MOST_PRACTICES:
        raise TooManyPracticesError(limit=MOST_PRACTICES)
    found = await queries.locked_practices(call, asked)
    if len(found) < len(asked):
        raise NotFoundError
    if any(practice.archived_at is not None for practice in found):
        raise PracticeArchivedError
    return [practice for practice in found if practice.id != source.practice_id]
