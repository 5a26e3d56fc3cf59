"""What asks for somebody now, gathered by cause."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select

from vigie.alerts.models import Alert
from vigie.auth.dependencies import Call
from vigie.auth.models import Member
from vigie.posture.models import Posture
from vigie.practices.models import Practice
from vigie.practices.queries import visible, visible_in

FIRST = 3
"""So many alerts of a cause are shown with it."""


def _asking(call: Call) -> list[ColumnElement[bool]]:
    return [
        *visible_in(call.principal, Alert.provider_id, Alert.practice_id),
        Alert.status.in_(("open", "acknowledged")),
        Alert.severity != "info",
    ]


class First(NamedTuple):
    """One of the first alerts of a cause, with the numbers of its cause."""

    alert: Alert
    practice_name: str
    assignee_name: str | None
    alerts: int
    assigned: int
    since: datetime


async def list_causes(call: Call) -> Sequence[First]:
    """Return the first alerts of every cause that asks for somebody, the worst cause first, each with the numbers of its cause.

    Of living alerts that are neither snoozed nor resolved, nor for information only; of visible practices. Counted over few
    narrow columns; then what is shown is read whole, by its ids, because the planner cannot know how few they are.
    """
    cause = Alert.cause
    counted = (
        select(
            Alert.id,
            cause,
            func.row_number().over(partition_by=cause, order_by=(Alert.rank, Alert.opened_at, Alert.id)).label("place"),
            func.count().over(partition_by=cause).label("alerts"),
            func.count(Alert.assignee_id).over(partition_by=cause).label("assigned"),
            func.min(Alert.condition_since).over(partition_by=cause).label("since"),
            func.min(Alert.rank).over(partition_by=cause).label("worst"),
        )
        .where(*_asking(call))
        .subquery()
    )
    places = await call.session.execute(
        select(counted)
        .where(counted.c.place <= FIRST)
        .order_by(counted.c.worst, counted.c.since, counted.c.cause, counted.c.place)
    )
    numbers = {row.id: row for row in places}
    rows = await call.session.execute(
        select(Alert, Practice.name, Member.name)
        .join(Practice, and_(Practice.provider_id == Alert.provider_id, Practice.id == Alert.practice_id))
        .outerjoin(Member, and_(Member.provider_id == Alert.provider_id, Member.id == Alert.assignee_id))
        .where(*visible(call.principal), Alert.provider_id == call.principal.provider_id, Alert.id.in_(numbers))
    )
    whole = {alert.id: (alert, practice, assignee) for alert, practice, assignee in rows}
    return [First(*whole[id_], row.alerts, row.assigned, row.since) for id_, row in numbers.items() if id_ in whole]


async def count_practices(call: Call) -> int:
    """Return how many practices have at least one alert of `list_causes`."""
    found = await call.session.scalar(select(func.count(Alert.practice_id.distinct())).where(*_asking(call)))
    return found or 0


async def postures_of(call: Call, practices: Sequence[UUID]) -> Sequence[Posture]:
    """Return the postures of practices whose alerts were shown."""
    rows = await call.session.scalars(
        select(Posture).where(Posture.provider_id == call.principal.provider_id, Posture.practice_id.in_(practices))
    )
    return rows.all()
