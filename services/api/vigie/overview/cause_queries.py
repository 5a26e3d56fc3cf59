"""What asks for somebody now, gathered by cause."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, func, select

from vigie.alerts.models import Alert
from vigie.auth.dependencies import Call
from vigie.auth.models import Member
from vigie.posture.models import Posture
from vigie.practices.models import Practice
from vigie.practices.queries import visible

FIRST = 3
"""So many alerts of a cause are shown with it."""


async def list_causes(call: Call) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the first alerts of every cause that asks for somebody, the worst cause first, each with the numbers of its cause.

    Of living alerts that are neither snoozed nor resolved, nor for information only; of visible practices.
    """
    cause = Alert.cause
    counted = (
        select(
            *(Alert.id, Alert.cause, Alert.severity, Alert.rank, Alert.practice_id, Alert.condition_since),
            *(Alert.assignee_id, Alert.members, Practice.name.label("practice_name")),
            func.row_number().over(partition_by=cause, order_by=(Alert.rank, Alert.opened_at, Alert.id)).label("place"),
            func.count().over(partition_by=cause).label("alerts"),
            func.count(Alert.assignee_id).over(partition_by=cause).label("assigned"),
            func.min(Alert.condition_since).over(partition_by=cause).label("since"),
            func.min(Alert.rank).over(partition_by=cause).label("worst"),
        )
        .join(Practice, and_(Practice.provider_id == Alert.provider_id, Practice.id == Alert.practice_id))
        .where(
            *visible(call.principal),
            Alert.provider_id == call.principal.provider_id,
            Alert.status.in_(("open", "acknowledged")),
            Alert.severity != "info",
        )
        .subquery()
    )
    taken_by = and_(Member.provider_id == call.principal.provider_id, Member.id == counted.c.assignee_id)
    rows = await call.session.execute(
        select(counted, Member.name.label("assignee_name"))
        .outerjoin(Member, taken_by)
        .where(counted.c.place <= FIRST)
        .order_by(counted.c.worst, counted.c.since, counted.c.cause, counted.c.place)
    )
    return rows.all()


async def count_practices(call: Call) -> int:
    """Return how many practices have at least one alert of `list_causes`."""
    found = await call.session.scalar(
        select(func.count(Alert.practice_id.distinct()))
        .join(Practice, and_(Practice.provider_id == Alert.provider_id, Practice.id == Alert.practice_id))
        .where(
            *visible(call.principal),
            Alert.provider_id == call.principal.provider_id,
            Alert.status.in_(("open", "acknowledged")),
            Alert.severity != "info",
        )
    )
    return found or 0


async def postures_of(call: Call, practices: Sequence[UUID]) -> Sequence[Posture]:
    """Return the postures of practices whose alerts were shown."""
    rows = await call.session.scalars(
        select(Posture).where(Posture.provider_id == call.principal.provider_id, Posture.practice_id.in_(practices))
    )
    return rows.all()
