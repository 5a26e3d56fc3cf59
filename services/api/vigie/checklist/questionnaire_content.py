"""A questionnaire as it stands: its template, what each answer lacks, and the bytes that would be signed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import cast

from sqlalchemy.ext.asyncio import AsyncSession

from vigie.checklist import questionnaire_queries as queries
from vigie.checklist.completeness import Asked, Lack, Plan, Said, effective, lacks
from vigie.checklist.prefill import Choice, Observation, PreAnswer, Standing, pre_answer, stand
from vigie.checklist.questionnaire_models import Questionnaire, QuestionnaireAnswer
from vigie.checklist.questionnaire_schemas import Status
from vigie.checklist.signing import SayOrigin, SignedAnswer, Subject, content_hash, content_of
from vigie.posture.catalogue import load_catalogue
from vigie.posture.catalogue.questionnaires import Question, Template, load_questionnaires
from vigie.posture.rules.records import months_after

VALID_MONTHS = 12
"""Months for which a countersigned questionnaire holds (domain controls, ANS-9.2)."""
FROZEN = frozenset({"signed_by_supplier", "signed"})
"""Statuses in which somebody signed the current revision: its answers are not touched, a change makes another one."""

Answers = Mapping[str, QuestionnaireAnswer]


def template_of(questionnaire: Questionnaire) -> Template:
    """Return the questions of a questionnaire, in the edition it is filled in."""
    return load_questionnaires().get(questionnaire.kind, questionnaire.template_version)


def day_of(now: datetime) -> date:
    """Return the day that plans are compared with (UTC)."""
    return now.astimezone(UTC).date()


def said_of(row: QuestionnaireAnswer) -> Said:
    """Return what people said in an answer."""
    plan = None
    if row.plan_owner is not None and row.plan_due_on is not None:
        plan = Plan(row.plan_owner, row.plan_due_on)
    return Said(cast("Choice | None", row.answer), row.comment, row.text, row.on, row.document, plan)


def found_of(row: QuestionnaireAnswer) -> Choice | None:
    """Return what the evidence of an answer says."""
    return cast("Choice | None", row.found_answer)


def effective_of(row: QuestionnaireAnswer) -> Choice | None:
    """Return the answer that counts."""
    return effective(said_of(row), found_of(row))


def lacking(template: Template, answers: Answers, today: date) -> dict[str, list[Lack]]:
    """Return question → what is missing before it can be signed, of those that lack something."""
    found = {
        question.id: lacks(
            Asked(question.parts, template.comment_on),
            said_of(answers[question.id]),
            found_of(answers[question.id]),
            today,
        )
        for question in template.questionnaire.questions
    }
    return {question: missing for question, missing in found.items() if missing}


def expires_at(questionnaire: Questionnaire) -> datetime | None:
    """Return the instant at which the signatures no longer hold; None while there are none."""
    return None if questionnaire.signed_at is None else months_after(questionnaire.signed_at, VALID_MONTHS)


def status_of(questionnaire: Questionnaire, missing: Mapping[str, object], now: datetime) -> Status:
    """Return the one word for the state a questionnaire is in."""
    ends = expires_at(questionnaire)
    if questionnaire.status == "signed" and ends is not None and now >= ends:
        return "expired"
    if questionnaire.status == "draft" and not missing:
        return "ready"
    return cast("Status", questionnaire.status)


def standings_of(observed: Sequence[Observation], as_of: datetime) -> Mapping[str, Standing]:
    """Return control → how it stands for a practice, by what was found."""
    catalogue = load_catalogue()
    automatic = frozenset(name for name, control in catalogue.controls.items() if control.kind == "automatic")
    return stand(observed, automatic, as_of)


def pre_answers(template: Template, observed: Sequence[Observation], as_of: datetime) -> dict[str, PreAnswer]:
    """Return question → what the evidence of a practice says to it today."""
    standings = standings_of(observed, as_of)
    return {
        question.id: pre_answer(question.answered_by, question.denied_by, standings)
        for question in template.questionnaire.questions
    }


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes that are signed and their digest; `frozen` when somebody signed them."""

    raw: bytes
    digest: str
    frozen: bool


async def content_now(session: AsyncSession, questionnaire: Questionnaire, answers: Answers) -> Content:
    """Return the content of the current revision: the bytes that were signed, or those that would be."""
    provider_id = questionnaire.provider_id
    if questionnaire.status in FROZEN:
        kept = await queries.revision_of(session, provider_id, questionnaire.id, questionnaire.revision)
        if kept is not None:
            return Content(kept.content, kept.content_hash, frozen=True)
    names = await queries.names_of_suppliers(session, provider_id, [questionnaire.supplier_id])
    template = template_of(questionnaire)
    subject = Subject(
        questionnaire_id=questionnaire.id,
        provider_id=provider_id,
        practice_id=questionnaire.practice_id,
        supplier_id=questionnaire.supplier_id,
        supplier_name=names[questionnaire.supplier_id],
        kind=questionnaire.kind,
        template_version=template.version,
        template_digest=template.digest,
        revision=questionnaire.revision,
    )
    raw = content_of(subject, [_signed(question, answers) for question in template.questionnaire.questions])
    return Content(raw, content_hash(raw), frozen=False)


def _signed(question: Question, answers: Answers) -> SignedAnswer:
    row = answers[question.id]
    return SignedAnswer(
        question=question.id,
        said=said_of(row),
        said_origin=cast("SayOrigin | None", row.said_origin),
        said_by=row.said_by,
        said_at=row.said_at,
        found=found_of(row),
        found_origin=row.found_origin,
        evidence=row.evidence,
    )
