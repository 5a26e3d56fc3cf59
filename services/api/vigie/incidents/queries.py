"""Reading incidents. Every statement starts from the practices visible to the caller, or from an incident found that way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from vigie.auth.dependencies import Call
from vigie.core.db import PROVIDER
from vigie.core.errors import NotFoundError
from vigie.core.pagination import Shape, by_shape, page_of
from vigie.incidents.errors import NothingFrozenError
from vigie.incidents.models import Incident, IncidentEntry, IncidentEvidence, IncidentNotice, IncidentStep
from vigie.incidents.schemas import IncidentQuery
from vigie.practices.models import Practice, practice_of
from vigie.practices.queries import seen_in, shape_of, visible

_STATUSES: Final[Mapping[str, ColumnElement[bool]]] = {
    "open": Incident.closed_at.is_(None),
    "closed": Incident.closed_at.is_not(None),
}
MOST_ENTRIES = 500
"""Lines of a log that are shown, the latest; more notes than this are not taken."""


class Seen(NamedTuple):
    """An incident with its practice."""

    incident: Incident
    practice: Practice


@dataclass(frozen=True, slots=True)
class Course:
    """What became of an incident: ticked steps and notices by their names, and when its evidence was frozen."""

    steps: dict[str, IncidentStep] = field(default_factory=dict)
    notices: dict[str, IncidentNotice] = field(default_factory=dict)
    frozen_at: datetime | None = None


def _visible(call: Call) -> Select[Incident, Practice]:
    return (
        select(Incident, Practice)
        .join(Practice, practice_of(Incident))
        .where(*visible(call.principal), Incident.provider_id == call.principal.provider_id)
    )


async def get_incident(call: Call, incident_id: UUID, *, lock: bool = False) -> Seen:
    """Return an incident of a visible practice; raises `NotFoundError` for any other. `lock`: until the end of the unit of work."""
    statement = _visible(call).where(Incident.id == incident_id)
    if lock:
        statement = statement.with_for_update(of=Incident, key_share=True)
    row = (await call.session.execute(statement)).first()
    if row is None:
        raise NotFoundError
    call.audit(object_id=incident_id, practice_id=row.Practice.id)
    return Seen(row.Incident, row.Practice)


@by_shape
def _incidents(shape: Shape) -> Select[*tuple[Any, ...]]:
    statement = (
        select(Incident, Practice)
        .join(Practice, practice_of(Incident))
        .where(
            Incident.provider_id == PROVIDER,
            *seen_in(Practice.provider_id, Practice.id, limited=shape.limited),
            *shape.where(Incident, "practice_id"),
            *(condition for word, condition in _STATUSES.items() if word in shape.filters),
        )
    )
    return shape.ordered(statement, [Incident.id], descending=True)


async def list_incidents(call: Call, query: IncidentQuery) -> tuple[list[Seen], str | None]:
    """Return a page of the incidents of visible practices, the latest declared first."""
    shape, asked = shape_of(call, query, ["practice_id"], [UUID])
    if query.status is not None:
        shape = shape._replace(filters=shape.filters | {query.status})
    found = await call.session.execute(_incidents(shape), asked)
    rows, following = page_of(found.all(), query, lambda row: [row.Incident.id])
    return [Seen(row.Incident, row.Practice) for row in rows], following


_CHOSEN: Final = any_(bindparam("incidents", type_=ARRAY(Uuid)))
_STEPS: Final = select(IncidentStep).where(IncidentStep.provider_id == PROVIDER, IncidentStep.incident_id == _CHOSEN)
_NOTICES: Final = select(IncidentNotice).where(
    IncidentNotice.provider_id == PROVIDER, IncidentNotice.incident_id == _CHOSEN
)
_FROZEN: Final = select(IncidentEvidence.incident_id, IncidentEvidence.frozen_at).where(
    IncidentEvidence.provider_id == PROVIDER, IncidentEvidence.incident_id == _CHOSEN
)


async def courses_of(session: AsyncSession, provider_id: UUID, incidents: Sequence[UUID]) -> dict[UUID, Course]:
    """Return what became of incidents, each by its id."""
    found = {incident_id: Course() for incident_id in incidents}
    if not incidents:
        return found
    asked = {"provider": provider_id, "incidents": list(incidents)}
    for step in await session.scalars(_STEPS, asked):
        found[step.incident_id].steps[step.step] = step
    for notice in await session.scalars(_NOTICES, asked):
        found[notice.incident_id].notices[notice.clock] = notice
    for incident_id, at in await session.execute(_FROZEN, asked):
        found[incident_id] = Course(found[incident_id].steps, found[incident_id].notices, at)
    return found


async def log_of(session: AsyncSession, incident: Incident) -> list[IncidentEntry]:
    """Return the log of an incident in the order in which things happened; of a very long one, what was written last."""
    statement = (
        select(IncidentEntry)
        .where(IncidentEntry.provider_id == incident.provider_id, IncidentEntry.incident_id == incident.id)
        .order_by(IncidentEntry.id.desc())
        .limit(MOST_ENTRIES)
    )
    return sorted(await session.scalars(statement), key=lambda entry: (entry.at, entry.id))


async def count_notes(session: AsyncSession, incident: Incident) -> int:
    """Return how many notes people wrote into the log of an incident."""
    statement = (
        select(func.count())
        .select_from(IncidentEntry)
        .where(
            IncidentEntry.provider_id == incident.provider_id,
            IncidentEntry.incident_id == incident.id,
            IncidentEntry.kind == "note",
        )
    )
    return (await session.scalars(statement)).one()


async def evidence_of(session: AsyncSession, incident: Incident) -> IncidentEvidence | None:
    """Return what is told of the sealed archive of an incident, without its bytes; None while nobody froze it."""
    statement = select(IncidentEvidence).where(
        IncidentEvidence.provider_id == incident.provider_id, IncidentEvidence.incident_id == incident.id
    )
    return (await session.scalars(statement)).first()


async def archive_of(session: AsyncSession, incident: Incident) -> IncidentEvidence:
    """Return the sealed archive of an incident with its bytes; raises `NothingFrozenError`."""
    statement = (
        select(IncidentEvidence)
        .where(IncidentEvidence.provider_id == incident.provider_id, IncidentEvidence.incident_id == incident.id)
        .options(undefer(IncidentEvidence.content))
    )
    found = (await session.scalars(statement)).first()
    if found is None:
        raise NothingFrozenError
    return found
