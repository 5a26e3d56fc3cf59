"""What asks for somebody now, gathered by cause."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Uuid, and_, any_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from vigie.alerts.models import Alert
from vigie.auth.dependencies import Call
from vigie.auth.models import Member
from vigie.core.db import PROVIDER
from vigie.overview.reason_queries import Judged
from vigie.posture.models import Posture
from vigie.practices.models import Practice, practice_of
from vigie.practices.queries import as_caller, seen_in

FIRST = 3
"""So many alerts of a cause are shown with it."""


def _asking(*, limited: bool) -> list[ColumnElement[bool]]:
    return [
        *seen_in(Alert.provider_id, Alert.practice_id, limited=limited),
        or_(
            Alert.status == "open", Alert.status == "acknowledged"
        ),  # not `IN`: it is written out anew at each execution
        Alert.severity != "info",
    ]


class First(NamedTuple):
    """One of the first alerts of a cause, by the names of its columns, with the numbers of its cause."""

    alert: Row[*tuple[Any, ...]]
    alerts: int
    assigned: int
    since: datetime


@cache
def _places(*, limited: bool) -> Select[*tuple[Any, ...]]:
    """Return the statement over the first alerts of every cause: counted over few narrow columns. Made once."""
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
        .where(*_asking(limited=limited))
        .subquery()
    )
    return (
        select(counted)
        .where(counted.c.place <= FIRST)
        .order_by(counted.c.worst, counted.c.since, counted.c.cause, counted.c.place)
    )


@cache
def _whole(*, limited: bool) -> Select[*tuple[Any, ...]]:
    """Return the statement over chosen alerts. Made once."""
    return (
        select(
            *(Alert.id, Alert.practice_id, Alert.cause, Alert.severity, Alert.condition_since, Alert.assignee_id),
            *(Alert.members, Practice.name.label("practice_name"), Member.name.label("assignee_name")),
        )
        .join(Practice, practice_of(Alert))
        .outerjoin(Member, and_(Member.provider_id == Alert.provider_id, Member.id == Alert.assignee_id))
        .where(
            *seen_in(Alert.provider_id, Alert.practice_id, limited=limited),
            Alert.id == any_(bindparam("ids", type_=ARRAY(Uuid))),
        )
    )


@cache
def _concerned(*, limited: bool) -> Select[int]:
    return select(func.count(Alert.practice_id.distinct())).where(*_asking(limited=limited))


async def list_causes(call: Call) -> Sequence[First]:
    """Return the first alerts of every cause that asks for somebody, the worst cause first, each with the numbers of its cause.

    Of living alerts that are neither snoozed nor resolved, nor for information only; of visible practices. What is shown is
    read by its ids after it was counted, because the planner cannot know how few they are.
    """
    limited, caller = call.principal.limited, as_caller(call.principal)
    numbers = {row.id: row for row in await call.session.execute(_places(limited=limited), caller)}
    if not numbers:
        return []
    rows = await call.session.execute(_whole(limited=limited), {**caller, "ids": list(numbers)})
    whole = {row.id: row for row in rows}
    return [First(whole[id_], row.alerts, row.assigned, row.since) for id_, row in numbers.items() if id_ in whole]


async def count_practices(call: Call) -> int:
    """Return how many practices have at least one alert of `list_causes`."""
    statement = _concerned(limited=call.principal.limited)
    return await call.session.scalar(statement, as_caller(call.principal)) or 0


_JUDGED: Final = select(Posture.practice_id, Posture.controls, Posture.answers).where(
    Posture.provider_id == PROVIDER, Posture.practice_id == any_(bindparam("practices", type_=ARRAY(Uuid)))
)


async def postures_of(call: Call, practices: Sequence[UUID]) -> Sequence[Judged]:
    """Return what decides the lights of practices whose alerts were shown."""
    asked = {"provider": call.principal.provider_id, "practices": list(practices)}
    return cast("Sequence[Judged]", (await call.session.execute(_JUDGED, asked)).all())
