"""REST routes of reports that were issued, of their schedule and the logo on them; making one is `overview/report_routes.py`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from vigie.auth.dependencies import Call, parts, reads, writes
from vigie.auth.errors import InsufficientScopeError, LimitedToPracticesError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core.errors import BodyTooLargeError, InvalidRequestError, NotFoundError, problems
from vigie.core.etag import is_named_by
from vigie.core.pagination import InvalidCursorError, Page, PageQuery
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.queries import get_practice
from vigie.reports import logo, queries, schedules
from vigie.reports.errors import LogoRefusedError, ReportScheduleError
from vigie.reports.models import ProviderLogo, Report, ReportSchedule
from vigie.reports.rules import number_of
from vigie.reports.schemas import LogoOut, NewSchedule, ReportOut, ScheduleOut

router = APIRouter(prefix="/v1", tags=["reports"], responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.REPORTS_READ)]
Writes = Annotated[Call, writes(Permission.REPORTS_WRITE)]
OwnsProvider = Annotated[Call, writes(Permission.PROVIDER_WRITE)]
PDF: dict[int | str, dict[str, Any]] = {
    200: {"description": "The report as it was issued.", "content": {"application/pdf": {}}}
}


def report_out(report: Report, public_url: str) -> ReportOut:
    """Return a report as the API shows it."""
    same = (
        *("id", "practice_id", "language", "origin", "period_from", "period_to", "as_of", "issued_on"),
        *("made_by", "made_by_name", "size"),
    )
    return ReportOut(
        **{name: getattr(report, name) for name in same},
        number=number_of(report.number, report.issued_on),
        sha256=report.sha256.hex(),
        content_sha256=report.data_sha256.hex(),
        address=f"{public_url}/v1/reports/{report.id}/pdf",
    )


def pdf_of(request: Request, report: Report) -> Response:
    """Return the bytes of a report; 304 when the caller has them."""
    number = number_of(report.number, report.issued_on)
    word = "rapport" if report.language == "fr" else "report"
    tag = f'"{report.sha256.hex()}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, Cookie",
        "Content-Language": report.language,
        "Content-Disposition": f'attachment; filename="vigie-{word}-{number}.pdf"',
    }
    if is_named_by(tag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(report.content, headers=headers, media_type="application/pdf")


@router.get(
    "/practices/{practice_id}/reports",
    responses=problems(NotFoundError, InvalidCursorError, InvalidRequestError),
    summary="List the reports of a practice",
)
async def list_reports(
    request: Request, call: Reads, practice_id: UUID, query: Annotated[PageQuery, Query()]
) -> Page[ReportOut]:
    """List the reports that were issued about a practice, latest first."""
    practice = await get_practice(call, practice_id)
    rows, following = await queries.list_reports(call, practice, query)
    public_url = parts(request).public_url
    return Page(items=[report_out(row, public_url) for row in rows], next_cursor=following)


@router.get(
    "/reports/{report_id}/pdf",
    response_class=Response,
    responses={**problems(NotFoundError), **PDF},
    summary="Download a report",
)
async def download_report(request: Request, call: Reads, report_id: UUID) -> Response:
    """Download a report as it was issued: the very bytes that the audit's entry names."""
    return pdf_of(request, await queries.get_report(call, report_id, whole=True))


@router.get("/reports/{report_id}", responses=problems(NotFoundError), summary="Read what is known of a report")
async def read_report(request: Request, call: Reads, report_id: UUID) -> ReportOut:
    """Read the number, the period and the digests of a report."""
    return report_out(await queries.get_report(call, report_id), parts(request).public_url)


def _schedule_out(found: ReportSchedule | None, practice_id: UUID | None) -> ScheduleOut:
    if found is None:
        new = NewSchedule(enabled=False)
        return ScheduleOut(practice_id=practice_id, set=False, next_at=None, changed_at=None, **new.model_dump())
    same = ("practice_id", "enabled", "day", "language", "channel_id", "members", "next_at", "changed_at")
    return ScheduleOut(set=True, **{name: getattr(found, name) for name in same})


@router.get(
    "/report-schedule",
    responses=problems(LimitedToPracticesError),
    summary="Read when reports of all practices are made by themselves",
)
async def read_report_schedule(call: Reads) -> ScheduleOut:
    """Read the schedule of all practices without one of their own; only who sees every practice may."""
    return _schedule_out(await schedules.schedule_for(call, None), None)


@router.put(
    "/report-schedule",
    responses=problems(NotFoundError, LimitedToPracticesError, InvalidRequestError, ReportScheduleError),
    summary="Decide when reports of all practices are made by themselves",
)
async def set_report_schedule(call: Writes, new: NewSchedule) -> ScheduleOut:
    """Have a report of each practice made every month, at eight in the morning by its clock, and somebody told where it is."""
    return _schedule_out(await schedules.set_schedule(call, None, new), None)


@router.get(
    "/practices/{practice_id}/report-schedule",
    responses=problems(NotFoundError),
    summary="Read when reports of a practice are made by themselves",
)
async def read_practice_report_schedule(call: Reads, practice_id: UUID) -> ScheduleOut:
    """Read the schedule of a practice of its own; without one, that of all practices applies."""
    return _schedule_out(await schedules.schedule_for(call, practice_id), practice_id)


@router.put(
    "/practices/{practice_id}/report-schedule",
    responses=problems(
        NotFoundError, LimitedToPracticesError, InvalidRequestError, ReportScheduleError, PracticeArchivedError
    ),
    summary="Decide when reports of a practice are made by themselves",
)
async def set_practice_report_schedule(call: Writes, practice_id: UUID, new: NewSchedule) -> ScheduleOut:
    """Have a schedule of its own for a practice, in place of that of all practices; or, not enabled, none at all."""
    return _schedule_out(await schedules.set_schedule(call, practice_id, new), practice_id)


def _logo_out(found: ProviderLogo) -> LogoOut:
    return LogoOut(
        width=found.width,
        height=found.height,
        size=len(found.content),
        sha256=found.sha256.hex(),
        changed_at=found.changed_at,
    )


@router.get(
    "/provider/logo.png",
    response_class=Response,
    responses={**problems(NotFoundError), 200: {"description": "The logo.", "content": {"image/png": {}}}},
    summary="Download the provider's logo",
)
async def download_logo(call: Reads) -> Response:
    """Download the logo that is printed on reports."""
    found = await queries.logo_of(call.session, call.principal.provider_id)
    if found is None:
        raise NotFoundError
    return Response(found.content, headers={"Cache-Control": "private, no-cache"}, media_type="image/png")


async def _picture(request: Request) -> bytes:
    """Return the body, read before the unit of work begins, and no more of it than a logo may have."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > logo.MOST_BYTES:
            raise BodyTooLargeError
    return bytes(content)


_PNG: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.put(
    "/provider/logo.png",
    responses=problems(LimitedToPracticesError, LogoRefusedError, BodyTooLargeError),
    openapi_extra=_PNG,
    summary="Set the provider's logo",
)
async def set_provider_logo(call: OwnsProvider, content: Annotated[bytes, Depends(_picture)]) -> LogoOut:
    """Have a PNG printed in the head of every report from now on; what is in the file beside the picture is left out."""
    return _logo_out(await logo.set_logo(call, content))


@router.delete(
    "/provider/logo.png",
    status_code=204,
    responses=problems(LimitedToPracticesError),
    summary="Remove the provider's logo",
)
async def remove_provider_logo(call: OwnsProvider) -> None:
    """Have the provider's name alone printed from now on; reports that were issued stay as they are."""
    await logo.remove_logo(call)
