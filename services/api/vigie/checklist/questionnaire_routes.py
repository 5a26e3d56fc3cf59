"""REST routes of supplier questionnaires and their signatures."""

from typing import Annotated, Protocol, cast
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from vigie.auth.dependencies import Call, IdempotencyKey, attempt_of, reads, writes
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.checklist import copying, filling, signatures
from vigie.checklist import questionnaire_errors as errors
from vigie.checklist import questionnaire_queries as queries
from vigie.checklist import questionnaire_schemas as schemas
from vigie.checklist.errors import TooManyPracticesError
from vigie.checklist.questionnaire_content import content_now
from vigie.checklist.questionnaire_models import Questionnaire
from vigie.checklist.questionnaire_showing import shown, shown_whole
from vigie.core import idempotency
from vigie.core.errors import InvalidRequestError, NotFoundError, preferred_language, problems
from vigie.core.etag import tagged
from vigie.core.pagination import InvalidCursorError, Page
from vigie.posture.assessment import Assessor
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.queries import get_practice

router = APIRouter(
    prefix="/v1", tags=["questionnaires"], responses=problems(UnauthenticatedError, InsufficientScopeError)
)
Reads = Annotated[Call, reads(Permission.CHECKLIST_READ)]
Writes = Annotated[Call, writes(Permission.QUESTIONNAIRES_WRITE)]
Signs = Annotated[Call, writes(Permission.QUESTIONNAIRES_SIGN)]
_ALL = "/practices/{practice_id}/questionnaires"
_ONE = _ALL + "/{questionnaire_id}"


class Kit(Protocol):
    """What the application puts on `app.state.parts` for these routes."""

    assessor: Assessor


def _assessor(request: Request) -> Assessor:
    return cast("Kit", request.app.state.parts).assessor


def _language(request: Request) -> str:
    return preferred_language(request.headers.get("accept-language", ""))


async def _whole(request: Request, call: Call, questionnaire: Questionnaire) -> schemas.QuestionnaireDetail:
    return await shown_whole(call.session, questionnaire, _language(request), call.now)


@router.get(_ALL, response_model=Page[schemas.QuestionnaireOut], responses=problems(NotFoundError, InvalidCursorError))
async def list_questionnaires(
    request: Request, call: Reads, practice_id: UUID, query: Annotated[schemas.QuestionnaireQuery, Query()]
) -> Response:
    """List the supplier questionnaires of a practice, the oldest first; each kind exists once per supplier."""
    practice = await get_practice(call, practice_id)
    rows, following = await queries.list_questionnaires(call.session, practice, query)
    items = await shown(call.session, rows, _language(request), call.now)
    return tagged(request, Page[schemas.QuestionnaireOut](items=items, next_cursor=following))


@router.post(
    _ALL,
    status_code=201,
    responses=problems(
        NotFoundError,
        InvalidRequestError,
        PracticeArchivedError,
        errors.SupplierNotConcernedError,
        errors.QuestionnaireExistsError,
        idempotency.IdempotencyConflictError,
    ),
)
async def create_questionnaire(
    request: Request,
    call: Writes,
    practice_id: UUID,
    new: schemas.NewQuestionnaire,
    idempotency_key: IdempotencyKey = None,
) -> schemas.QuestionnaireDetail:
    """Begin a questionnaire of a supplier, in the current edition of the questions.

    Whatever devices and attestations can answer is answered, with its evidence and date; the rest is open.
    """
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(object_id=kept["id"], details={"repeated": True})
        practice = await get_practice(call, practice_id)
        return await _whole(request, call, await queries.get_questionnaire(call.session, practice, UUID(kept["id"])))
    questionnaire = await filling.begin_questionnaire(call, practice_id, new)
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, {"id": str(questionnaire.id)})
    return await _whole(request, call, questionnaire)


@router.get(_ONE, response_model=schemas.QuestionnaireDetail, responses=problems(NotFoundError))
async def read_questionnaire(request: Request, call: Reads, practice_id: UUID, questionnaire_id: UUID) -> Response:
    """Read a questionnaire: each question, what was said, what the evidence says, and what is missing before it can be signed."""
    practice = await get_practice(call, practice_id)
    questionnaire = await queries.get_questionnaire(call.session, practice, questionnaire_id)
    return tagged(request, await _whole(request, call, questionnaire))


@router.put(
    _ONE + "/answers",
    responses=problems(
        NotFoundError,
        InvalidRequestError,
        PracticeArchivedError,
        errors.UnknownQuestionError,
        errors.WrongAnswerTypeError,
    ),
)
async def answer_questionnaire(
    request: Request, call: Writes, practice_id: UUID, questionnaire_id: UUID, body: schemas.AnswersIn
) -> schemas.QuestionnaireDetail:
    """Write what is said to some questions. Under a signature, any change begins another revision, which both sign again."""
    questionnaire = await filling.answer_questions(
        call, _assessor(request), practice_id, questionnaire_id, body.answers
    )
    return await _whole(request, call, questionnaire)


@router.post(
    _ONE + "/refresh",
    responses=problems(NotFoundError, InvalidRequestError, PracticeArchivedError),
)
async def refresh_questionnaire(
    request: Request, call: Writes, practice_id: UUID, questionnaire_id: UUID, body: schemas.RefreshIn
) -> schemas.RefreshOut:
    """Pre-answer again from today's evidence; what people said stays. An answer that turns re-opens what was signed."""
    questionnaire, turned = await filling.refresh_questionnaire(
        call, _assessor(request), practice_id, questionnaire_id, renew=body.renew
    )
    whole = await _whole(request, call, questionnaire)
    return schemas.RefreshOut(**dict(whole), turned=turned)


@router.post(
    _ONE + "/sign",
    responses=problems(
        NotFoundError,
        InvalidRequestError,
        PracticeArchivedError,
        errors.WrongPartyError,
        errors.QuestionnaireChangedError,
        errors.AlreadySignedError,
        errors.SupplierFirstError,
        errors.OpenDeviationsError,
    ),
)
async def sign_questionnaire(
    request: Request, call: Signs, practice_id: UUID, questionnaire_id: UUID, body: schemas.SignIn
) -> schemas.QuestionnaireDetail:
    """Sign for the supplier (the provider's owner), then for the practice (its practitioner), under the digest that was read."""
    questionnaire = await signatures.sign_questionnaire(call, _assessor(request), practice_id, questionnaire_id, body)
    return await _whole(request, call, questionnaire)


@router.get(
    _ONE + "/content",
    response_class=Response,
    responses={
        200: {"content": {"application/json": {}}, "description": "The canonical bytes that are signed"},
        **problems(NotFoundError),
    },
)
async def read_content(
    call: Reads, practice_id: UUID, questionnaire_id: UUID, query: Annotated[schemas.ContentQuery, Query()]
) -> Response:
    """Read exactly the bytes whose SHA-256 is signed, of the current revision or of an earlier one that was signed."""
    practice = await get_practice(call, practice_id)
    questionnaire = await queries.get_questionnaire(call.session, practice, questionnaire_id)
    provider_id = practice.provider_id
    if query.revision is not None and query.revision != questionnaire.revision:
        kept = await queries.revision_of(call.session, provider_id, questionnaire.id, query.revision)
        if kept is None:
            raise NotFoundError
        return _bytes(kept.content, kept.content_hash)
    answers = (await queries.answers_of(call.session, provider_id, [questionnaire.id]))[questionnaire.id]
    content = await content_now(call.session, questionnaire, answers)
    return _bytes(content.raw, content.digest)


def _bytes(raw: bytes, digest: str) -> Response:
    headers = {"ETag": f'"{digest}"', "Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
    return Response(raw, headers=headers, media_type="application/json")


@router.post(
    _ONE + "/copy",
    responses=problems(NotFoundError, InvalidRequestError, PracticeArchivedError, TooManyPracticesError),
)
async def copy_questionnaire(
    request: Request, call: Writes, practice_id: UUID, questionnaire_id: UUID, body: schemas.CopyIn
) -> schemas.CopyOut:
    """Send what people said here to other practices that use the same supplier for the same.

    Their evidence stays their own, what somebody answered there is kept, and what is signed is left alone.
    """
    done = await copying.copy_answers(call, _assessor(request), practice_id, questionnaire_id, body.practices)
    return schemas.CopyOut(items=done)
