"""Reads that cross slices. Nothing here is aggregated per row: verdicts are materialised when they change."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, func, select, true

from vigie.auth.dependencies import Call
from vigie.core.pagination import keyset, page_of
from vigie.devices.models import Device, DeviceLiveness
from vigie.overview.checklist_queries import in_state
from vigie.overview.schemas import PracticeQuery
from vigie.posture.models import Posture
from vigie.practices.models import Practice
from vigie.practices.queries import matching, visible

_FILTERS = ("overall", "patch", "backup", "checklist", "liveness")
_COUNTED = ("active", "silent", "never", "pending")


async def list_practices(call: Call, query: PracticeQuery) -> tuple[Sequence[Row[*tuple[Any, ...]]], str | None]:
    """Return a page of practices with their postures, worst first."""
    provider_id = call.principal.provider_id
    statement = (
        select(Practice, Posture)
        .join(Posture, and_(Posture.provider_id == Practice.provider_id, Posture.practice_id == Practice.id))
        .where(Posture.provider_id == provider_id, *visible(call.principal))
    )
    for name in _FILTERS:
        if (light := getattr(query, name)) is not None:
            statement = statement.where(getattr(Posture, name) == light)
    if query.control is not None:
        statement = statement.where(in_state(query.control, query.state))
    if query.q is not None and (condition := matching(query.q)) is not None:
        statement = statement.where(condition)
    ordered = keyset(statement, query, [Posture.rank, Posture.practice_id], [int, UUID])
    rows = (await call.session.execute(ordered)).all()
    return page_of(rows, query, lambda row: [row[1].rank, row[1].practice_id])


async def count_lights(call: Call) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return how many practices there are per combination of lights (at most 1,024 rows)."""
    lights = [getattr(Posture, name) for name in _FILTERS]
    statement = (
        select(*lights, func.count())
        .join(Practice, and_(Practice.provider_id == Posture.provider_id, Practice.id == Posture.practice_id))
        .where(Posture.provider_id == call.principal.provider_id, *visible(call.principal))
        .group_by(*lights)
    )
    return (await call.session.execute(statement)).all()


async def count_devices(call: Call) -> dict[str, int]:
    """Return how many devices of visible practices are reporting, silent, never heard, pending."""
    active = Device.status == "active"
    silent = DeviceLiveness.silent_since.is_not(None)
    unheard = DeviceLiveness.last_seen_at.is_(None)
    statement = (
        select(
            func.count().filter(active, ~silent, ~unheard),
            func.count().filter(active, silent),
            func.count().filter(active, unheard, ~silent),
            func.count().filter(Device.status == "pending"),
        )
        .select_from(Device)
        .join(
            DeviceLiveness,
            and_(DeviceLiveness.provider_id == Device.provider_id, DeviceLiveness.device_id == Device.id),
        )
        .join(Practice, and_(Practice.provider_id == Device.provider_id, Practice.id == Device.practice_id))
        .where(Device.provider_id == call.principal.provider_id, *visible(call.principal), true())
    )
    counted = (await call.session.execute(statement)).one()
    return dict(zip(("reporting", "silent", "never", "pending"), counted, strict=True))
