"""Reading the event log."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.core.pagination import PageQuery, keyset, page_of
from vigie.events.models import Event


async def events_of_practice(
    session: AsyncSession, provider_id: UUID, practice_id: UUID, query: PageQuery
) -> tuple[Sequence[Event], str | None]:
    """Return a page of what changed about a practice, latest first."""
    statement = select(Event).where(Event.provider_id == provider_id, Event.practice_id == practice_id)
    rows = (await session.scalars(keyset(statement, query, [Event.number], [int], descending=True))).all()
    return page_of(rows, query, lambda event: [event.number])
