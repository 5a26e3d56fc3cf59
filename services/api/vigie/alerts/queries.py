"""Reading alerts, their course, the ledger and maintenance windows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, Final, get_args
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Uuid, and_, bindparam, func, or_, select

from vigie.alerts.channel_models import Channel, Suppression
from vigie.alerts.models import Alert, AlertEntry, AlertingPolicy, MaintenanceWindow
from vigie.alerts.schemas import AlertQuery, Severity, Status, SuppressionQuery, WindowQuery
from vigie.auth.dependencies import Call
from vigie.auth.models import Member
from vigie.core.db import PROVIDER
from vigie.core.errors import NotFoundError
from vigie.core.pagination import Shape, by_shape, page_of
from vigie.practices.models import Practice, practice_of
from vigie.practices.queries import MATCHING, as_caller, seen_in, shape_of, visible, words_of

_INSTANT = datetime.fromisoformat
_ASKING = ("open", "acknowledged")
_IS_ASKING: Final = or_(*(Alert.status == status for status in _ASKING))
"""Not `IN`, which is written out anew at each execution."""
_FILTERS: Final = ("severity", "cause", "practice_id", "assignee_id")
_WORDS: Final[Mapping[str, ColumnElement[Any]]] = {
    "living": Alert.status != "closed",
    "asking": _IS_ASKING,
    **{status: Alert.status == status for status in get_args(Status)},
    "unassigned": Alert.assignee_id.is_(None),
    "q": MATCHING,
}
"""What else a list of alerts may be narrowed by."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An alert with the name and the time zone of its practice, and the name of the member it was given to."""

    alert: Alert
    practice: str
    time_zone: str
    assignee: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """A notification that was held back, with the name of the practice it was about."""

    row: Suppression
    practice: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """An alert of a list: what is stored of it by the names of its columns, with the names of practice and member."""

    alert: Row[Any]
    practice: str
    assignee: str | None


@by_shape
def _listing(shape: Shape) -> Select[*tuple[Any, ...]]:
    """Return the statement of `list_alerts`: columns, not objects, because lists are long."""
    given = and_(Member.provider_id == Alert.provider_id, Member.id == Alert.assignee_id)
    statement = (
        select(Practice.name, Member.name, *Alert.__table__.columns)
        .select_from(Alert)
        .join(Practice, practice_of(Alert))
        .outerjoin(Member, given)
        .where(
            Alert.provider_id == PROVIDER,
            *seen_in(Practice.provider_id, Practice.id, limited=shape.limited),
            *shape.where(Alert, *_FILTERS),
            *(condition for word, condition in _WORDS.items() if word in shape.filters),
        )
    )
    if "closed" in shape.filters:
        return shape.ordered(statement, [Alert.opened_at, Alert.id], descending=True)
    return shape.ordered(statement, [Alert.rank, Alert.opened_at, Alert.id])


def _alerts(call: Call) -> Select[Alert, str, str, str | None]:
    given = and_(Member.provider_id == Alert.provider_id, Member.id == Alert.assignee_id)
    return (
        select(Alert, Practice.name, Practice.time_zone, Member.name)
        .join(Practice, practice_of(Alert))
        .outerjoin(Member, given)
        .where(*visible(call.principal), Alert.provider_id == call.principal.provider_id)
    )


async def list_alerts(call: Call, query: AlertQuery) -> tuple[Sequence[Listed], str | None]:
    """Return a page of the alerts of visible practices: the worst first, the oldest of equals first; closed ones latest first."""
    words: set[str] = {query.status}
    if query.unassigned:
        words.add("unassigned")
    if (named := words_of(query.q or "")) is not None:
        words.add("q")
    closed = query.status == "closed"
    shape, asked = shape_of(call, query, _FILTERS, [_INSTANT, UUID] if closed else [int, _INSTANT, UUID])
    statement = _listing(shape._replace(filters=shape.filters | words))
    found = await call.session.execute(statement, {**asked, "words": named})
    key = attrgetter("opened_at", "id") if closed else attrgetter("rank", "opened_at", "id")
    rows, following = page_of(found.all(), query, key)
    return [Listed(row, row[0], row[1]) for row in rows], following


@cache
def _counting(*, limited: bool) -> Select[*tuple[int, ...]]:
    """Return the statement of `count_alerts`, made once: every page of the provider's people asks it."""
    return (
        select(
            *(func.count().filter(_IS_ASKING, Alert.severity == severity) for severity in get_args(Severity)),
            func.count().filter(_IS_ASKING, Alert.assignee_id.is_(None)),
            func.count().filter(_IS_ASKING, Alert.assignee_id == bindparam("me", type_=Uuid)),
            *(func.count().filter(Alert.status == status) for status in ("snoozed", *_ASKING, "resolved")),
        )
        .select_from(Alert)
        .where(*seen_in(Alert.provider_id, Alert.practice_id, limited=limited), Alert.status != "closed")
    )


async def count_alerts(call: Call) -> Row[*tuple[int, ...]]:
    """Return how many living alerts of visible practices there are: in the order of the fields of `AlertSummary`."""
    me = _member_id(call) if call.principal.kind == "member" else None
    asked = {**as_caller(call.principal), "me": me}
    return (await call.session.execute(_counting(limited=call.principal.limited), asked)).one()


def _member_id(call: Call) -> UUID:
    return UUID(call.principal.subject)


async def get_alert(call: Call, alert_id: UUID) -> Seen:
    """Return an alert of a visible practice as it is stored now; raises `NotFoundError` for any other."""
    seen: Seen | None = call.recall("alert", alert_id)
    if seen is None:
        statement = _alerts(call).where(Alert.id == alert_id).execution_options(populate_existing=True)
        found = (await call.session.execute(statement)).first()
        if found is None:
            raise NotFoundError
        seen = Seen(*found)
        call.keep("alert", alert_id, seen)
    call.audit(practice_id=seen.alert.practice_id)
    return seen


async def course_of(call: Call, alert: Alert) -> Sequence[AlertEntry]:
    """Return the course of an alert, oldest first."""
    rows = await call.session.scalars(
        select(AlertEntry)
        .where(AlertEntry.provider_id == alert.provider_id, AlertEntry.alert_id == alert.id)
        .order_by(AlertEntry.at, AlertEntry.number.nulls_first(), AlertEntry.id)
    )
    return rows.all()


@by_shape
def _suppressions(shape: Shape) -> Select[*tuple[Any, ...]]:
    statement = (
        select(Suppression, Practice.name)
        .outerjoin(Practice, practice_of(Suppression))
        # Of the provider as a whole only to those who see all of it.
        .where(
            *seen_in(Suppression.provider_id, Suppression.practice_id, limited=shape.limited),
            *shape.where(Suppression, "practice_id", "alert_id", "why"),
        )
    )
    if "since" in shape.filters:
        statement = statement.where(Suppression.wanted_at >= bindparam("since", type_=Suppression.wanted_at.type))
    return shape.ordered(statement, [Suppression.wanted_at, Suppression.id], descending=True)


async def list_suppressions(call: Call, query: SuppressionQuery) -> tuple[Sequence[Held], str | None]:
    """Return a page of the ledger of visible practices, latest first; of the provider as a whole to those who see all of it."""
    shape, asked = shape_of(call, query, ("practice_id", "alert_id", "why", "since"), [_INSTANT, UUID])
    rows = (await call.session.execute(_suppressions(shape), asked)).all()
    found, following = page_of(rows, query, lambda row: (row[0].wanted_at, row[0].id))
    return [Held(*row) for row in found], following


async def absent_targets(call: Call, channels: set[UUID], members: set[UUID]) -> set[UUID]:
    """Return those of the channels and members that the provider does not have."""
    provider_id = call.principal.provider_id
    own = await call.session.scalars(
        select(Channel.id).where(
            Channel.provider_id == provider_id, Channel.id.in_(channels), Channel.removed_at.is_(None)
        )
    )
    people = await call.session.scalars(
        select(Member.id).where(
            Member.provider_id == provider_id,
            Member.id.in_(members),
            Member.removed_at.is_(None),
            Member.practice_id.is_(None),
        )
    )
    return (channels - set(own)) | (members - set(people))


async def policies_of(call: Call) -> dict[str, AlertingPolicy]:
    """Return the draft and the active policy of the provider, by their status; those that exist."""
    rows = await call.session.scalars(
        select(AlertingPolicy)
        .where(AlertingPolicy.provider_id == call.principal.provider_id, AlertingPolicy.status != "superseded")
        .execution_options(populate_existing=True)
    )
    return {row.status: row for row in rows}


def visible_windows(call: Call) -> Select[MaintenanceWindow]:
    """Return the statement over the windows a caller sees: those of visible practices, and those of the whole provider."""
    return (
        select(MaintenanceWindow)
        .outerjoin(Practice, practice_of(MaintenanceWindow))
        .where(
            MaintenanceWindow.provider_id == call.principal.provider_id,
            or_(MaintenanceWindow.practice_id.is_(None), and_(*visible(call.principal))),
        )
    )


@by_shape
def _windows(shape: Shape) -> Select[*tuple[Any, ...]]:
    now = bindparam("now", type_=MaintenanceWindow.ends_at.type)
    seen = and_(*seen_in(Practice.provider_id, Practice.id, limited=shape.limited))
    statement = (
        select(MaintenanceWindow)
        .outerjoin(Practice, practice_of(MaintenanceWindow))
        .where(
            MaintenanceWindow.provider_id == PROVIDER,
            or_(MaintenanceWindow.practice_id.is_(None), seen),
            *shape.where(MaintenanceWindow, "practice_id"),
        )
    )
    over = or_(MaintenanceWindow.cancelled_at.is_not(None), MaintenanceWindow.ends_at <= now)
    # Without an end a window comes back every week: it is current until it is called off.
    current = and_(
        MaintenanceWindow.cancelled_at.is_(None),
        or_(MaintenanceWindow.ends_at.is_(None), MaintenanceWindow.ends_at > now),
    )
    if "all" not in shape.filters:
        statement = statement.where(current if "current" in shape.filters else over)
    return shape.ordered(statement, [MaintenanceWindow.id], descending=True)


async def list_windows(call: Call, query: WindowQuery) -> tuple[Sequence[MaintenanceWindow], str | None]:
    """Return a page of maintenance windows, the latest announced first."""
    shape, asked = shape_of(call, query, ["practice_id"], [UUID])
    statement = _windows(shape._replace(filters=shape.filters | {query.standing}))
    rows = (await call.session.scalars(statement, {**asked, "now": call.now})).all()
    return page_of(rows, query, lambda row: [row.id])
