"""REST routes of opening hours. They stand here because changed hours change verdicts, which `practices` knows nothing of."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from vigie.auth.dependencies import Call, reads, writes
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core.errors import InvalidRequestError, NotFoundError, problems
from vigie.core.etag import tagged
from vigie.overview.counting_anew import count_anew
from vigie.practices import opening_hours
from vigie.practices.opening_hours_schemas import OpeningHoursIn, OpeningHoursOut
from vigie.practices.queries import get_practice

router = APIRouter(
    prefix="/v1/practices/{practice_id}/opening-hours",
    tags=["practices"],
    responses=problems(UnauthenticatedError, InsufficientScopeError, NotFoundError),
)
# People of the practice know best when it closes: what they may tell of it, they may tell of its hours, too.
Writes = Annotated[Call, writes(Permission.RECORDS_WRITE)]


@router.get("", response_model=OpeningHoursOut, summary="Read when a practice is open")
async def read_opening_hours(
    request: Request, call: Annotated[Call, reads(Permission.PRACTICES_READ)], practice_id: UUID
) -> Response:
    """Read the hours as they were told and, day by day, what follows from them for the next two weeks."""
    return tagged(request, await opening_hours.read_hours(call, await get_practice(call, practice_id)))


@router.put("", responses=problems(InvalidRequestError), summary="Say when a practice is open")
async def set_opening_hours(call: Writes, practice_id: UUID, told: OpeningHoursIn) -> OpeningHoursOut:
    """Replace the hours. Silence is counted in them from now on, and ages in the days on which the practice opens."""
    practice = await get_practice(call, practice_id, lock=True)
    changed = await opening_hours.set_hours(call, practice, told)
    if changed is not None:
        await count_anew(call, practice_id, changed)
    return await opening_hours.read_hours(call, practice)


@router.delete("", status_code=204, summary="Forget when a practice is open")
async def forget_opening_hours(call: Writes, practice_id: UUID) -> None:
    """Forget the hours: the practice never closes then, and silence counts at any time. Twice is as good as once."""
    practice = await get_practice(call, practice_id, lock=True)
    changed = await opening_hours.forget_hours(call, practice)
    if changed is None:
        call.audit(details={"repeated": True})
        return
    await count_anew(call, practice_id, changed)
