"""REST routes of answers, evidence and actions."""

from collections.abc import Sequence
from typing import Annotated, Any, Protocol, cast
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from vigie.auth.dependencies import Call, IdempotencyKey, attempt_of, known_caller, reads, writes
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError, needs
from vigie.auth.principal import Permission, Principal
from vigie.checklist import attestations, errors, evidence, follow_up, queries, schemas
from vigie.checklist.asking import question_of, zone_of
from vigie.checklist.models import Action, Attestation, Evidence
from vigie.core import idempotency
from vigie.core.errors import AppError, InvalidRequestError, NotFoundError, preferred_language, problems
from vigie.core.pagination import InvalidCursorError, Page, PageQuery
from vigie.posture.assessment import Assessor
from vigie.posture.catalogue import load_catalogue
from vigie.posture.rules.answers import term_of
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.queries import get_practice

router = APIRouter(prefix="/v1", responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.CHECKLIST_READ)]
Answers = Annotated[Call, writes(Permission.CHECKLIST_ANSWER)]
_ANSWERING = (
    InsufficientScopeError,
    NotFoundError,
    PracticeArchivedError,
    InvalidRequestError,
    errors.AutomaticControlError,
    errors.WrongSideError,
    errors.ReasonRequiredError,
    errors.EffectiveDateError,
)


class Kit(Protocol):
    """What the application puts on `app.state.parts` for these routes."""

    assessor: Assessor


def _assessor(request: Request) -> Assessor:
    return cast("Kit", request.app.state.parts).assessor


def _attestation_out(row: Attestation, files: Sequence[UUID]) -> schemas.AttestationOut:
    named = {
        name: getattr(row, name)
        for name in schemas.AttestationOut.model_fields
        if name not in {"evidence", "expires_on"}
    }
    question = question_of(row.control)
    # The last day is the same wherever the practice is: only the instants at which it begins and ends are not.
    ends = term_of(question, row.effective_on, zone_of("UTC")).last_day if question and row.answer != "no" else None
    return schemas.AttestationOut(**named, evidence=list(files), expires_on=ends)


@router.put(
    "/practices/{practice_id}/checklist/{control}",
    tags=["checklist"],
    responses=problems(*_ANSWERING, errors.UnknownEvidenceError),
    summary="Answer a control",
)
async def answer_control(
    request: Request, call: Answers, practice_id: UUID, control: str, said: schemas.ControlAnswerIn
) -> schemas.AttestationOut:
    """Answer a control of a practice; the answer before it is kept in the history.

    The catalogue's `kind` says who answers: `provider`, its owner or a technician; `practice`, a practitioner or the staff. A
    "no" opens an action; the next "yes" closes it.
    """
    given = await attestations.answer_control(call, _assessor(request), practice_id, control, said)
    return _attestation_out(given.attestation, given.evidence)


@router.get(
    "/practices/{practice_id}/checklist/{control}/answers",
    tags=["checklist"],
    responses=problems(NotFoundError, InvalidCursorError),
    summary="List the answers to a control",
)
async def list_answers(
    call: Reads, practice_id: UUID, control: str, query: Annotated[PageQuery, Query()]
) -> Page[schemas.AttestationOut]:
    """List every answer that was given to a control of a practice, newest first."""
    given, following = await attestations.history_of(call, practice_id, control, query)
    return Page(items=[_attestation_out(each.attestation, each.evidence) for each in given], next_cursor=following)


@router.post(
    "/attestations",
    tags=["checklist"],
    status_code=201,
    responses=problems(
        *_ANSWERING, errors.NotInBulkError, errors.TooManyPracticesError, idempotency.IdempotencyConflictError
    ),
    summary="Answer a control for many practices",
)
async def answer_for_many(
    request: Request, call: Answers, said: schemas.BulkAnswerIn, idempotency_key: IdempotencyKey = None
) -> schemas.BulkAnswerOut:
    """Give the same answer for up to 500 practices: for all of them, or, should one be refused, for none.

    Only where the answer depends on how the provider works and not on the premises (`bulk` in the catalogue).
    """
    attempt = attempt_of(call, request, idempotency_key, said)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(object_id=said.control, details={"repeated": True})
        return schemas.BulkAnswerOut(**kept)
    made = await attestations.answer_for_many(call, _assessor(request), said)
    answered = schemas.BulkAnswerOut(
        control=said.control, answer=said.answer, answered=len(made), attestations=[each.id for each in made]
    )
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, answered.model_dump(mode="json"))
    return answered


async def uploaded(
    request: Request,
    caller: Annotated[Principal | None, Depends(known_caller)],
    x_file_name: Annotated[
        str | None, Header(max_length=400, description="Name of the file, percent-encoded UTF-8.")
    ] = None,
) -> evidence.Upload | AppError | None:
    """Read a file before the guard opens a transaction: nobody's slow line may hold one. None when the guard will refuse anyway."""
    if caller is None or Permission.CHECKLIST_ANSWER not in caller.permissions:
        return None
    try:
        declared, media_type = request.headers.get("content-length"), request.headers.get("content-type", "")
        return await evidence.take_upload(media_type, x_file_name, declared, request.stream())
    except AppError as error:
        return error  # raised inside the guard, which records it


Uploaded = Annotated[evidence.Upload | AppError | None, Depends(uploaded)]


class _Described(BaseModel):
    """What decides whether two uploads are the same."""

    name: str
    media_type: str
    sha256: str


def _evidence_out(row: Evidence) -> schemas.EvidenceOut:
    named = {name: getattr(row, name) for name in schemas.EvidenceOut.model_fields if name != "sha256"}
    return schemas.EvidenceOut(**named, sha256=row.sha256.hex())


_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


@router.post(
    "/practices/{practice_id}/evidence",
    tags=["checklist"],
    status_code=201,
    responses=problems(
        NotFoundError,
        PracticeArchivedError,
        InvalidRequestError,
        errors.EvidenceTypeError,
        errors.EvidenceTooLargeError,
        errors.EvidenceQuotaError,
        idempotency.IdempotencyConflictError,
    ),
    openapi_extra={
        "requestBody": {"required": True, "content": dict.fromkeys(sorted(evidence.TYPES), _FILE)},
    },
    summary="Upload a piece of evidence",
)
async def add_evidence(
    request: Request,
    upload: Uploaded,
    call: Answers,
    practice_id: UUID,
    idempotency_key: IdempotencyKey = None,
) -> schemas.EvidenceOut:
    """Upload a PDF, PNG or JPEG of at most 2 MiB as the body of the request. Never a document that speaks of a patient.

    A file that no answer names is deleted 31 days after it came.
    """
    if isinstance(upload, AppError):
        raise upload
    if upload is None:  # the guard has refused, or the caller's rights changed in between
        raise InsufficientScopeError(needs(Permission.CHECKLIST_ANSWER))
    described = _Described(name=upload.name, media_type=upload.media_type, sha256=upload.sha256.hex())
    attempt = attempt_of(call, request, idempotency_key, described)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(object_id=kept["id"], details={"repeated": True})
        return schemas.EvidenceOut(**kept)
    added = _evidence_out(await evidence.add_evidence(call, practice_id, upload))
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, added.model_dump(mode="json"))
    return added


@router.get(
    "/practices/{practice_id}/evidence",
    tags=["checklist"],
    responses=problems(NotFoundError, InvalidCursorError),
    summary="List the evidence of a practice",
)
async def list_evidence(
    call: Reads, practice_id: UUID, query: Annotated[PageQuery, Query()]
) -> Page[schemas.EvidenceOut]:
    """List the files of a practice, newest first."""
    practice = await get_practice(call, practice_id)
    rows, following = await queries.list_evidence(call.session, practice.provider_id, practice.id, query)
    return Page(items=[_evidence_out(row) for row in rows], next_cursor=following)


@router.get(
    "/evidence/{evidence_id}",
    tags=["checklist"],
    response_class=Response,
    responses={
        **problems(NotFoundError),
        200: {"description": "The file as it was uploaded.", "content": dict.fromkeys(sorted(evidence.TYPES), _FILE)},
    },
    summary="Download a piece of evidence",
)
async def read_evidence(
    call: Annotated[Call, reads(Permission.CHECKLIST_READ, recorded=True)], evidence_id: UUID
) -> Response:
    """Download a file. It is always saved, never shown in the page: whoever uploaded it decided what is in it."""
    row = await queries.get_evidence(call, evidence_id)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row.name, safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return Response(row.content, headers=headers, media_type=row.media_type)


def _action_out(row: Action, language: str) -> schemas.ActionOut:
    entry = load_catalogue().controls.get(row.control)
    title = getattr(entry.title, language) if entry is not None else row.control
    named = {name: getattr(row, name) for name in schemas.ActionOut.model_fields if name != "title"}
    return schemas.ActionOut(**named, title=title)


def _language(request: Request) -> str:
    return preferred_language(request.headers.get("accept-language", ""))


@router.get("/actions", tags=["checklist"], responses=problems(InvalidCursorError), summary="List actions")
async def list_actions(
    request: Request, call: Reads, query: Annotated[schemas.ActionQuery, Query()]
) -> Page[schemas.ActionOut]:
    """List what has to be done because a control was answered "no", the first due first."""
    rows, following = await queries.list_actions(call, query)
    language = _language(request)
    return Page(items=[_action_out(row, language) for row in rows], next_cursor=following)


@router.patch(
    "/actions/{action_id}",
    tags=["checklist"],
    responses=problems(
        NotFoundError,
        InvalidRequestError,
        errors.WrongSideError,
        errors.ReasonRequiredError,
        errors.ActionOwnerError,
        errors.ActionOpenError,
    ),
    summary="Change an action",
)
async def change_action(
    request: Request, call: Answers, action_id: UUID, patch: schemas.ActionPatch
) -> schemas.ActionOut:
    """Change owner, due date, status or comment. Closing an action does not answer its control: only an answer does."""
    return _action_out(await follow_up.change_action(call, action_id, patch), _language(request))
