"""REST routes of what is missing across the fleet: updates and backups."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from vigie.auth.dependencies import Call, reads
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core.errors import InvalidRequestError, language_of, problems
from vigie.core.etag import tagged
from vigie.core.pagination import InvalidCursorError, Page
from vigie.core.sentences import fault
from vigie.overview.gap_schemas import GapOut, GapQuery, PatchesSummary
from vigie.overview.gaps import gather_patches, page_of_gaps
from vigie.overview.tallies import tallies_of
from vigie.posture.rules.practice import HEADLINES

router = APIRouter(prefix="/v1", tags=["overview"], responses=problems(UnauthenticatedError, InsufficientScopeError))
Reads = Annotated[Call, reads(Permission.DEVICES_READ)]


def _known(query: GapQuery, light: str) -> None:
    if query.control is not None and query.control not in HEADLINES[light]:
        names = ", ".join(HEADLINES[light])
        raise InvalidRequestError(errors=[fault("/query/control", f"one of {names}", f"L'un de : {names}.")])


@router.get(
    "/patches",
    response_model=Page[GapOut],
    responses=problems(InvalidCursorError, InvalidRequestError),
    summary="List what is missing of updates",
)
async def list_patches(request: Request, call: Reads, query: Annotated[GapQuery, Query()]) -> Response:
    """List, practice by practice, which updates are missing, which restarts wait, which systems are out of support.

    In the order of the list of practices, and in the language of `Accept-Language`.
    """
    _known(query, "patch")
    language = language_of(request)
    items, following = await page_of_gaps(call, query, "patch", language)
    return tagged(request, Page[GapOut](items=items, next_cursor=following), language)


@router.get("/patches/summary", response_model=PatchesSummary, summary="Read which updates are missing most")
async def summarize_patches(request: Request, call: Reads) -> Response:
    """Read which security updates most devices lack, and which systems are out of support or soon so.

    Counted anew when something has happened at the provider, and at least every minute.
    """
    language = language_of(request)
    return tagged(request, await gather_patches(call, tallies_of(request), language), language)


@router.get(
    "/backups",
    response_model=Page[GapOut],
    responses=problems(InvalidCursorError, InvalidRequestError),
    summary="List what is missing of backups",
)
async def list_backups(request: Request, call: Reads, query: Annotated[GapQuery, Query()]) -> Response:
    """List, practice by practice, which backups are late or failing, where no copy is kept elsewhere, what was never restored.

    In the order of the list of practices, and in the language of `Accept-Language`.
    """
    _known(query, "backup")
    language = language_of(request)
    items, following = await page_of_gaps(call, query, "backup", language)
    return tagged(request, Page[GapOut](items=items, next_cursor=following), language)
