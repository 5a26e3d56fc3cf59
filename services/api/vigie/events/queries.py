"""Reading the event log."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.core.db import PROVIDER
from vigie.core.pagination import PageQuery, keyset, page_of
from vigie.events.models import Event, EventHead


async def events_of_practice(
    session: AsyncSession, provider_id: UUID, practice_id: UUID, query: PageQuery
) -> tuple[Sequence[Event], str | None]:
    """Return a page of what changed about a practice, latest first."""
    statement = select(Event).where(Event.provider_id == provider_id, Event.practice_id == practice_id)
    rows = (await session.scalars(keyset(statement, query, [Event.number], [int], descending=True))).all()
    return page_of(rows, query, lambda event: [event.number])


_LAST: Final = select(EventHead.last_number).where(EventHead.provider_id == PROVIDER)


async def last_number(session: AsyncSession, provider_id: UUID) -> int:
    """Return the number of a provider's last event; 0 before the first."""
    return await session.scalar(_LAST, {"provider": provider_id}) or 0


async def first_kept(session: AsyncSession, provider_id: UUID) -> int | None:
    """Return the number of the oldest event that is kept; None when there is none."""
    return (await session.scalars(select(func.min(Event.number)).where(Event.provider_id == provider_id))).one()


async def events_after(
    session: AsyncSession, provider_id: UUID, span: tuple[int, int], limit: int, practices: Collection[UUID] | None
) -> Sequence[Event]:
    """Return the events after the first number of a span up to its last, in their order.

    `practices`: only what concerns these; None: everything. No number is skipped that is committed later: a provider's
    numbers are given under the lock of its head, so whoever sees a number sees all before it.
    """
    after, last = span
    statement = select(Event).where(Event.provider_id == provider_id, Event.number > after, Event.number <= last)
    if practices is not None:
        statement = statement.where(Event.practice_id.in_(practices))
    return (await session.scalars(statement.order_by(Event.number).limit(limit))).all()
