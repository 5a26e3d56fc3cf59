"""Reading channels and notifications as a caller sees them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, func, select, tuple_

from vigie.alerts.channel_models import Channel, Notification, NotificationAttempt
from vigie.alerts.channel_schemas import NotificationQuery
from vigie.auth.dependencies import Call
from vigie.auth.models import Member
from vigie.core.errors import NotFoundError
from vigie.core.pagination import PageQuery, Shape, by_shape, keyset, page_of
from vigie.practices.models import Practice
from vigie.practices.queries import get_practice, seen_in, shape_of

_INSTANT: Final = datetime.fromisoformat
_FILTERS: Final = ("practice_id", "channel_id", "alert_id", "status")
Attempts = Mapping[UUID, Sequence[NotificationAttempt]]
MOST_CHANNELS: Final = 100


class Addressed(NamedTuple):
    """A notification, the name of the channel or member it goes to, and that of the practice it is about."""

    row: Notification
    to_name: str | None
    practice: str | None


async def list_channels(call: Call, query: PageQuery) -> tuple[Sequence[Channel], str | None]:
    """Return a page of the provider's channels, in the order in which they were made."""
    statement = select(Channel).where(Channel.provider_id == call.principal.provider_id, Channel.removed_at.is_(None))
    rows = (await call.session.scalars(keyset(statement, query, [Channel.id], [UUID]))).all()
    return page_of(rows, query, lambda channel: [channel.id])


async def get_channel(call: Call, channel_id: UUID, *, lock: bool = False) -> Channel:
    """Return a channel of the provider; raises `NotFoundError` for what does not exist or belongs to somebody else."""
    statement = select(Channel).where(
        Channel.provider_id == call.principal.provider_id, Channel.id == channel_id, Channel.removed_at.is_(None)
    )
    found = (await call.session.scalars(statement.with_for_update(key_share=True) if lock else statement)).first()
    if found is None:
        raise NotFoundError
    return found


async def count_channels(call: Call) -> int:
    """Return how many channels the provider has."""
    statement = select(func.count()).where(
        Channel.provider_id == call.principal.provider_id, Channel.removed_at.is_(None)
    )
    return (await call.session.scalars(statement)).one()


@by_shape
def _notifications(shape: Shape) -> Select[*tuple[Any, ...]]:
    provider = Notification.provider_id
    statement = (
        select(Notification, func.coalesce(Channel.name, Member.name), Practice.name)
        .outerjoin(Channel, and_(Channel.provider_id == provider, Channel.id == Notification.channel_id))
        .outerjoin(Member, and_(Member.provider_id == provider, Member.id == Notification.member_id))
        .outerjoin(Practice, and_(Practice.provider_id == provider, Practice.id == Notification.practice_id))
        .where(
            *seen_in(provider, Notification.practice_id, limited=shape.limited),
            *shape.where(Notification, *_FILTERS),
        )
    )
    return shape.ordered(statement, [Notification.wanted_at, Notification.id], descending=True)


async def list_notifications(call: Call, query: NotificationQuery) -> tuple[Sequence[Addressed], Attempts, str | None]:
    """Return a page of notifications, latest first, with their attempts.

    Whoever sees only some practices sees what is about one of them. A practice that the caller does not see: `NotFoundError`.
    """
    if query.practice_id is not None:
        await get_practice(call, query.practice_id)
    shape, asked = shape_of(call, query, _FILTERS, [_INSTANT, UUID])
    rows = (await call.session.execute(_notifications(shape), asked)).all()
    page, following = page_of(rows, query, lambda row: [row[0].wanted_at, row[0].id])
    return [Addressed(*row) for row in page], await attempts_of(call, [row[0].id for row in page]), following


async def attempts_of(call: Call, notifications: Sequence[UUID]) -> Attempts:
    """Return the attempts to send some notifications, in their order."""
    if not notifications:
        return {}
    found: dict[UUID, list[NotificationAttempt]] = {each: [] for each in notifications}
    statement = (
        select(NotificationAttempt)
        .where(
            NotificationAttempt.provider_id == call.principal.provider_id,
            NotificationAttempt.notification_id.in_(notifications),
        )
        .order_by(tuple_(NotificationAttempt.notification_id, NotificationAttempt.number))
    )
    for row in await call.session.scalars(statement):
        found[row.notification_id].append(row)
    return found
