"""REST routes of incidents that read what is others': freezing the evidence, and the card for the day it happens."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from vigie.auth.dependencies import Call, parts, reads, writes
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core.errors import NotFoundError, language_of, problems
from vigie.incidents.errors import IncidentClosedError
from vigie.incidents.schemas import IncidentDetail
from vigie.incidents.showing import detail_of
from vigie.overview import incident_evidence
from vigie.overview.incident_card import card_pdf
from vigie.practices.errors import PracticeArchivedError
from vigie.practices.queries import get_practice

router = APIRouter(prefix="/v1", tags=["incidents"], responses=problems(UnauthenticatedError, InsufficientScopeError))
_PDF: dict[str, Any] = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}


@router.post(
    "/incidents/{incident_id}/freeze",
    responses=problems(NotFoundError, PracticeArchivedError, IncidentClosedError),
    summary="Freeze the evidence",
)
async def freeze_incident(
    request: Request, call: Annotated[Call, writes(Permission.INCIDENTS_WRITE)], incident_id: UUID
) -> IncidentDetail:
    """Put what the practice's devices reported, what changed and its alerts into a sealed archive, from thirty days before on.

    The audit's entry names its SHA-256. Twice is as good as once: the first archive stays.
    """
    seen = await incident_evidence.freeze_incident(call, incident_id, parts(request).tokens.keys)
    return await detail_of(call, seen, language_of(request))


@router.get(
    "/practices/{practice_id}/incident-card.pdf",
    response_class=Response,
    responses={**problems(NotFoundError), 200: {"description": "One page, A4, in French.", "content": _PDF}},
    summary="Print the incident card",
)
async def read_incident_card(call: Annotated[Call, reads(Permission.RECORDS_READ)], practice_id: UUID) -> Response:
    """Print whom to call, what to do in which order, both periods of 72 hours to fill in by hand, the last offline copy.

    It is made anew each time and says of when it is. Made to be kept on paper, for when everything is down.
    """
    practice = await get_practice(call, practice_id)
    headers = {
        "Content-Disposition": f'inline; filename="fiche-reflexe-{practice_id}.pdf"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return Response(await card_pdf(call, practice), headers=headers, media_type="application/pdf")
