"""Questionnaires as the API shows them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from vigie.checklist import questionnaire_queries as queries
from vigie.checklist import questionnaire_schemas as schemas
from vigie.checklist.completeness import Lack, contradicts
from vigie.checklist.prefill import Why
from vigie.checklist.questionnaire_content import (
    content_now,
    day_of,
    effective_of,
    expires_at,
    found_of,
    lacking,
    said_of,
    status_of,
    template_of,
)
from vigie.checklist.questionnaire_models import Questionnaire, QuestionnaireAnswer, Signature
from vigie.checklist.questionnaire_texts import WHY, WORDING
from vigie.checklist.signing import SayOrigin, origin_of
from vigie.posture.catalogue import Text
from vigie.posture.catalogue.questionnaires import Question


async def shown(
    session: AsyncSession, rows: Sequence[Questionnaire], language: str, now: datetime
) -> list[schemas.QuestionnaireOut]:
    """Return questionnaires of one provider for a list."""
    if not rows:
        return []
    provider_id = rows[0].provider_id
    answers = await queries.answers_of(session, provider_id, [row.id for row in rows])
    names = await queries.names_of_suppliers(session, provider_id, [row.supplier_id for row in rows])
    return [
        schemas.QuestionnaireOut(
            **_head(row, lacking(template_of(row), answers[row.id], day_of(now)), names, language, now)
        )
        for row in rows
    ]


async def shown_whole(
    session: AsyncSession, questionnaire: Questionnaire, language: str, now: datetime
) -> schemas.QuestionnaireDetail:
    """Return a questionnaire with its questions, signatures, and the digest of what would be signed."""
    provider_id = questionnaire.provider_id
    answers = (await queries.answers_of(session, provider_id, [questionnaire.id]))[questionnaire.id]
    names = await queries.names_of_suppliers(session, provider_id, [questionnaire.supplier_id])
    people = await queries.names_of_members(
        session, provider_id, [row.said_by for row in answers.values() if row.said_by]
    )
    signed = (await queries.signatures_of(session, provider_id, [questionnaire.id])).get(questionnaire.id, [])
    template = template_of(questionnaire)
    missing = lacking(template, answers, day_of(now))
    content = await content_now(session, questionnaire, answers)
    return schemas.QuestionnaireDetail(
        **_head(questionnaire, missing, names, language, now),
        content_hash=content.digest,
        wording=WORDING[language],
        questions=[
            _question(question, answers[question.id], missing.get(question.id, []), people, language)
            for question in template.questionnaire.questions
        ],
        signatures=[_signature(each) for each in signed],
    )


def _head(
    row: Questionnaire,
    missing: Mapping[str, Sequence[Lack]],
    names: Mapping[UUID, str],
    language: str,
    now: datetime,
) -> dict[str, Any]:
    template = template_of(row).questionnaire
    supplier = schemas.SupplierRef(
        id=row.supplier_id, name=names[row.supplier_id], own=row.supplier_id == row.provider_id
    )
    named = (
        "id",
        "practice_id",
        "kind",
        "template_version",
        "revision",
        "as_of",
        "signed_at",
        "created_at",
        "updated_at",
    )
    return {
        **{name: getattr(row, name) for name in named},
        "supplier": supplier,
        "control": template.control,
        "title": _in(template.title, language),
        "status": status_of(row, missing, now),
        "open": len(missing),
        "expires_at": expires_at(row),
    }


def _question(
    question: Question, row: QuestionnaireAnswer, missing: Sequence[Lack], people: Mapping[str, str], language: str
) -> schemas.QuestionOut:
    said, found = said_of(row), found_of(row)
    said_origin = cast("SayOrigin | None", row.said_origin)
    return schemas.QuestionOut(
        id=question.id,
        text=_in(question.text, language),
        parts=list(question.parts),
        detail=None if question.detail is None else _in(question.detail, language),
        evidence_expected=_in(question.evidence, language),
        grade=question.grade,
        answered_by=list(question.answered_by),
        denied_by=list(question.denied_by),
        answer=effective_of(row),
        origin=cast("Any", origin_of(said, said_origin, found, row.found_origin)),
        said=_said(row, people),
        found=schemas.FoundOut(
            answer=found,
            why=row.found_why,
            says=WHY[cast("Why", row.found_why)][language],
            origin=cast("Any", row.found_origin),
            items=row.evidence,
        ),
        contradicts=contradicts(said, found),
        lacks=list(missing),
    )


def _said(row: QuestionnaireAnswer, people: Mapping[str, str]) -> schemas.SaidOut | None:
    if row.said_by is None or row.said_at is None:
        return None
    said = said_of(row)
    plan = None if said.plan is None else schemas.PlanOut(owner=said.plan.owner, due_on=said.plan.due_on)
    return schemas.SaidOut(
        answer=said.answer,
        comment=said.comment,
        text=said.text,
        date=said.on,
        document=said.document,
        plan=plan,
        origin=cast("SayOrigin", row.said_origin),
        by=row.said_by,
        by_name=people.get(row.said_by),
        at=row.said_at,
    )


def _signature(row: Signature) -> schemas.SignatureOut:
    return schemas.SignatureOut(**{name: getattr(row, name) for name in schemas.SignatureOut.model_fields})


def _in(text: Text, language: str) -> str:
    return text.fr if language == "fr" else text.en
