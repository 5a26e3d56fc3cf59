"""Beginning, answering and refreshing supplier questionnaires, and sending answers to many practices.

Nothing that was signed is rewritten. While somebody's signature stands on the current revision, a changed answer begins
another revision, which has to be signed again; the signed one stays as it was, bytes and signatures.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.dependencies import Call
from vigie.checklist import questionnaire_errors as errors
from vigie.checklist import questionnaire_queries as queries
from vigie.checklist.completeness import NOTHING_SAID, Asked, Plan, Said, strangers
from vigie.checklist.prefill import PreAnswer
from vigie.checklist.questionnaire_content import (
    FROZEN,
    effective_of,
    pre_answers,
    said_of,
    template_of,
)
from vigie.checklist.questionnaire_models import Questionnaire, QuestionnaireAnswer
from vigie.checklist.questionnaire_schemas import AnswerIn, NewQuestionnaire
from vigie.checklist.records import suppliers_concerned
from vigie.checklist.settling import settle
from vigie.core.errors import InvalidRequestError, NotFoundError
from vigie.core.ids import uuid7
from vigie.core.sentences import fault
from vigie.events.log import NewEvent
from vigie.posture.assessment import Assessor
from vigie.posture.catalogue.questionnaires import Template, load_questionnaires
from vigie.practices.models import Practice
from vigie.practices.queries import changeable_practice


async def begin_questionnaire(call: Call, practice_id: UUID, new: NewQuestionnaire) -> Questionnaire:
    """Begin a questionnaire of a supplier of the practice, pre-answered from today's evidence.

    Raises `NotFoundError` when the practice does not list the supplier, `SupplierNotConcernedError` when this kind is not
    about what it does there, `QuestionnaireExistsError`, and what `changeable_practice` raises.
    """
    practice = await changeable_practice(call, practice_id, lock=True)
    listed = (await suppliers_concerned(call.session, practice.provider_id, [practice.id]))[practice.id]
    kinds = {supplier.supplier_id: supplier.questionnaires for supplier in listed.suppliers}
    if new.supplier_id not in kinds:
        raise NotFoundError
    if new.kind not in kinds[new.supplier_id]:
        raise errors.SupplierNotConcernedError
    existing = await queries.questionnaire_of(
        call.session, practice.provider_id, [practice.id], new.supplier_id, new.kind
    )
    if practice.id in existing:
        raise errors.QuestionnaireExistsError(id=str(existing[practice.id].id))
    template = load_questionnaires().get(new.kind)
    observed = await queries.observations_of(
        call.session, practice.provider_id, [practice.id], template.questionnaire.controls
    )
    fresh = pre_answers(template, observed.get(practice.id, ()), call.now)
    questionnaire, _ = await open_draft(call.session, practice, new.supplier_id, template, fresh, call.now)
    call.audit(object_id=questionnaire.id, details={"kind": new.kind, "supplier": str(new.supplier_id)})
    return questionnaire


async def open_draft(
    session: AsyncSession,
    practice: Practice,
    supplier_id: UUID,
    template: Template,
    fresh: Mapping[str, PreAnswer],
    now: datetime,
) -> tuple[Questionnaire, dict[str, QuestionnaireAnswer]]:
    """Write a questionnaire that nobody has answered yet; return it with its answers by question."""
    questionnaire = Questionnaire(
        provider_id=practice.provider_id,
        id=uuid7(),
        practice_id=practice.id,
        supplier_id=supplier_id,
        kind=template.kind,
        template_version=template.version,
        revision=1,
        status="draft",
        as_of=now,
        signed_at=None,
        created_at=now,
        updated_at=now,
    )
    session.add(questionnaire)
    await session.flush()  # its answers refer to it
    rows = {question: _blank(questionnaire, question, fresh[question]) for question in template.questionnaire.by_id}
    session.add_all(rows.values())
    await session.flush()
    return questionnaire, rows


def _blank(questionnaire: Questionnaire, question: str, fresh: PreAnswer) -> QuestionnaireAnswer:
    row = QuestionnaireAnswer(
        provider_id=questionnaire.provider_id, questionnaire_id=questionnaire.id, question=question
    )
    write_said(row, NOTHING_SAID, None, None, None)
    write_found(row, fresh)
    return row


def write_said(row: QuestionnaireAnswer, said: Said, origin: str | None, by: str | None, at: datetime | None) -> None:
    """Write what people say into an answer; nothing at all has no author."""
    row.answer, row.comment, row.text, row.on, row.document = (
        *(said.answer, said.comment, said.text),
        *(said.on, said.document),
    )
    row.plan_owner = said.plan.owner if said.plan is not None else None
    row.plan_due_on = said.plan.due_on if said.plan is not None else None
    silent = said == NOTHING_SAID
    row.said_origin, row.said_by, row.said_at = (None, None, None) if silent else (origin, by, at)


def write_found(row: QuestionnaireAnswer, fresh: PreAnswer) -> None:
    """Write what the evidence says into an answer."""
    row.found_answer, row.found_why, row.found_origin = fresh.answer, fresh.why, fresh.origin
    row.evidence = [dict(each) for each in fresh.evidence]


async def answer_questions(
    call: Call, assessor: Assessor, practice_id: UUID, questionnaire_id: UUID, answers: Sequence[AnswerIn]
) -> Questionnaire:
    """Write what the caller says to some questions; the same again changes nothing.

    Raises `UnknownQuestionError`, `WrongAnswerTypeError`, and what reaching a questionnaire raises.
    """
    practice = await changeable_practice(call, practice_id, lock=True)
    questionnaire = await queries.get_questionnaire(call.session, practice, questionnaire_id, lock=True)
    _check(template_of(questionnaire), answers)
    rows = (await queries.answers_of(call.session, practice.provider_id, [questionnaire.id]))[questionnaire.id]
    differing = {each.question: said for each in answers if (said := _said(each)) != said_of(rows[each.question])}
    call.audit(details={"questions": sorted(differing)})
    if not differing:
        return questionnaire
    before = {question: effective_of(row) for question, row in rows.items()}
    signed = questionnaire.status in FROZEN
    for question, said in differing.items():
        write_said(rows[question], said, "person", call.principal.subject, call.now)
    turned = [question for question in differing if effective_of(rows[question]) != before[question]]
    # What stands under a signature is all of it, comments and plans too; a draft only un-signs what it answers otherwise.
    events = note_change(call, questionnaire, list(differing) if signed else turned)
    await tell(call, assessor, practice.provider_id, events)
    return questionnaire


def _said(answer: AnswerIn) -> Said:
    plan = None if answer.plan is None else Plan(answer.plan.owner, answer.plan.due_on)
    return Said(answer.answer, answer.comment, answer.text, answer.date_, answer.document, plan)


def _check(template: Template, answers: Sequence[AnswerIn]) -> None:
    """Refuse what the questionnaire does not ask."""
    questions = template.questionnaire.by_id
    unknown = [each.question for each in answers if each.question not in questions]
    if unknown:
        raise errors.UnknownQuestionError(questions=unknown)
    wrong = []
    for each in answers:
        fields = strangers(Asked(questions[each.question].parts, template.comment_on), _said(each))
        if fields:
            wrong.append({"question": each.question, "fields": fields})
    if wrong:
        raise errors.WrongAnswerTypeError(questions=wrong)


def note_change(call: Call, questionnaire: Questionnaire, reopening: Sequence[str]) -> list[NewEvent]:
    """Note that answers changed; return the event of a re-opening, for `tell`.

    `reopening`: the questions whose change takes signatures away, of this revision or of the one that is being renewed.
    """
    questionnaire.updated_at = call.now
    if not reopening or (questionnaire.status not in FROZEN and questionnaire.signed_at is None):
        return []
    if questionnaire.status in FROZEN:
        questionnaire.revision += 1
    questionnaire.status, questionnaire.signed_at = "reopened", None
    return [event_of(call, questionnaire, "questionnaire.reopened", {"questions": sorted(reopening)})]


async def tell(call: Call, assessor: Assessor, provider_id: UUID, events: Sequence[NewEvent]) -> None:
    """Judge anew the practices that events speak of, and record the events: last in a unit of work, for all of it at once."""
    await call.session.flush()
    practices = sorted({event.practice_id for event in events if event.practice_id is not None})
    if practices:
        await settle(call.session, assessor, provider_id, practices, call.now, events=events)


def event_of(call: Call, questionnaire: Questionnaire, kind: str, more: Mapping[str, object]) -> NewEvent:
    """Return an event about a questionnaire."""
    payload = {
        "questionnaire": str(questionnaire.id),
        "supplier": str(questionnaire.supplier_id),
        "kind": questionnaire.kind,
        "revision": questionnaire.revision,
        "by": call.principal.subject,
        **more,
    }
    return NewEvent(questionnaire.provider_id, kind, questionnaire.practice_id, None, call.now, payload)


async def refresh_questionnaire(
    call: Call, assessor: Assessor, practice_id: UUID, questionnaire_id: UUID, *, renew: bool
) -> tuple[Questionnaire, list[str]]:
    """Look at the evidence again; return the questionnaire and the questions whose answer is another one now.

    What people said stays. Of a signed revision nothing is touched unless the evidence contradicts it: evidence that only fell
    silent leaves a dated answer what it was. `renew` begins a new revision of a signed questionnaire in the current edition of the
    questions; the signatures hold meanwhile, until an answer turns.
    """
    practice = await changeable_practice(call, practice_id, lock=True)
    questionnaire = await queries.get_questionnaire(call.session, practice, questionnaire_id, lock=True)
    if renew:
        _begin_renewal(questionnaire)
    template = template_of(questionnaire)
    observed = await queries.observations_of(
        call.session, practice.provider_id, [practice.id], template.questionnaire.controls
    )
    fresh = pre_answers(template, observed.get(practice.id, ()), call.now)
    rows = (await queries.answers_of(call.session, practice.provider_id, [questionnaire.id]))[questionnaire.id]
    if renew:
        await _fit(call.session, questionnaire, rows, fresh)
    frozen = questionnaire.status in FROZEN
    turned, events = take_evidence(call, questionnaire, rows, fresh)
    call.audit(details={"renewed": renew, "turned": turned})
    if turned or not frozen:
        questionnaire.as_of = call.now
    await tell(call, assessor, practice.provider_id, events)
    return questionnaire, turned


def take_evidence(
    call: Call,
    questionnaire: Questionnaire,
    rows: Mapping[str, QuestionnaireAnswer],
    fresh: Mapping[str, PreAnswer],
) -> tuple[list[str], list[NewEvent]]:
    """Write what the evidence now says to some questions; return those whose answer turned, and the event of a re-opening.

    Of a signed revision nothing is touched unless an answer turned.
    """
    frozen = questionnaire.status in FROZEN
    turned = _turned(rows, fresh, keep=frozen or questionnaire.signed_at is not None)
    if frozen and not turned:
        return [], []
    for question, found in fresh.items():
        write_found(rows[question], found)
    return turned, note_change(call, questionnaire, turned)


def _begin_renewal(questionnaire: Questionnaire) -> None:
    if questionnaire.status != "signed":
        wrong = fault(
            "/body/renew",
            "only a questionnaire that both parties signed is renewed",
            "Seul un questionnaire que les deux parties ont signé se renouvelle.",
        )
        raise InvalidRequestError(errors=[wrong])
    questionnaire.status, questionnaire.revision = "draft", questionnaire.revision + 1
    questionnaire.template_version = load_questionnaires().current


async def _fit(
    session: AsyncSession,
    questionnaire: Questionnaire,
    rows: dict[str, QuestionnaireAnswer],
    fresh: Mapping[str, PreAnswer],
) -> None:
    """Make the answers fit another edition: what it no longer asks goes, what is new is open."""
    for question in rows.keys() - fresh.keys():
        await session.delete(rows.pop(question))
    for question in fresh.keys() - rows.keys():
        rows[question] = _blank(questionnaire, question, fresh[question])
        session.add(rows[question])


def _turned(rows: Mapping[str, QuestionnaireAnswer], fresh: Mapping[str, PreAnswer], *, keep: bool) -> list[str]:
    """Return the questions whose answer turns with fresh evidence. `keep`: evidence that fell silent turns nothing."""
    found = []
    for question, now in fresh.items():
        row = rows[question]
        if row.answer is not None or (keep and now.answer is None):
            continue
        if row.found_answer is not None and now.answer != row.found_answer:
            found.append(question)
    return sorted(found)
