"""REST routes of incidents that read what is others': freezing the evidence."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request

from vigie.auth.dependencies import Call, parts, writes
from vigie.auth.errors import InsufficientScopeError, UnauthenticatedError
from vigie.auth.principal import Permission
from vigie.core.errors import NotFoundError, language_of, problems
from vigie.incidents.errors import IncidentClosedError
from vigie.incidents.schemas import IncidentDetail
from vigie.incidents.showing import detail_of
from vigie.overview import incident_evidence
from vigie.practices.errors import PracticeArchivedError

router = APIRouter(prefix="/v1", tags=["incidents"], responses=problems(UnauthenticatedError, InsufficientScopeError))


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
