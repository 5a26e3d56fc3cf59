"""REST routes that make evidence reports: what they say is gathered here, where every slice may be read."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from vigie.auth.dependencies import Call, IdempotencyKey, attempt_of, parts, writes
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core import idempotency
from vigie.core.errors import InvalidRequestError, NotFoundError, problems
from vigie.overview.reporting import gather
from vigie.practices.errors import PracticeArchivedError
from vigie.reports.errors import ReportPeriodError, ReportTooLargeError
from vigie.reports.issuing import House, current_report, issue_report
from vigie.reports.routes import PDF, pdf_of, report_out
from vigie.reports.schemas import CurrentQuery, NewReport, ReportOut

router = APIRouter(
    prefix="/v1/practices/{practice_id}",
    tags=["reports"],
    responses=problems(UnauthenticatedError, InsufficientScopeError),
)
Writes = Annotated[Call, writes(Permission.REPORTS_WRITE)]


@router.post(
    "/reports",
    status_code=201,
    responses=problems(
        NotFoundError,
        InvalidRequestError,
        ReportPeriodError,
        PracticeArchivedError,
        ReportTooLargeError,
        idempotency.IdempotencyConflictError,
    ),
    summary="Make an evidence report",
)
async def make_report(
    request: Request, call: Writes, practice_id: UUID, new: NewReport, idempotency_key: IdempotencyKey = None
) -> ReportOut:
    """Make a report of a practice as it stands now, over a period; it is numbered, kept, and its digest goes into the audit.

    With an `Idempotency-Key`, the same request again within 24 hours is answered as the first time.
    """
    attempt = attempt_of(call, request, idempotency_key, new)
    if attempt is not None and (kept := await idempotency.begin(call.session, attempt)) is not None:
        call.audit(object_id=kept["id"], practice_id=practice_id, details={"repeated": True})
        return ReportOut(**kept)
    public_url = parts(request).public_url
    made = report_out(await issue_report(call, House(gather, public_url), practice_id, new), public_url)
    if attempt is not None:
        await idempotency.finish(call.session, attempt, 201, made.model_dump(mode="json"))
    return made


@router.get(
    "/report.pdf",
    response_class=Response,
    responses={
        **problems(NotFoundError, InvalidRequestError, PracticeArchivedError, ReportTooLargeError),
        **PDF,
    },
    summary="Download the report of the last thirty days, as things stand now",
)
async def download_current_report(
    request: Request, call: Writes, practice_id: UUID, query: Annotated[CurrentQuery, Query()]
) -> Response:
    """Download a report of the last thirty days: one that was made in the last ten minutes, or a new one.

    It is issued as any other: numbered, kept, verifiable. That is why it needs the permission to make reports.
    """
    house = House(gather, parts(request).public_url)
    return pdf_of(request, await current_report(call, house, practice_id, query.language))
