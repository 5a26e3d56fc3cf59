"""Reading the audit: a page of it, and the chain in its order."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.audit.chain import fields_of, genesis
from vigie.audit.models import AuditEntry, AuditHead
from vigie.audit.schemas import AuditQuery
from vigie.audit.verification import Entry, Head, Start
from vigie.core.pagination import keyset, page_of

_COLUMNS = tuple(AuditEntry.__table__.columns)


async def page_of_entries(
    session: AsyncSession, provider_id: UUID, query: AuditQuery, practices: Collection[UUID] | None = None
) -> tuple[Sequence[AuditEntry], str | None]:
    """Return a page of the audit, latest first; with `practices`, only what concerned one of these."""
    conditions: list[ColumnElement[bool]] = [AuditEntry.provider_id == provider_id]
    equal = {
        AuditEntry.actor_id: query.actor,
        AuditEntry.action: query.action,
        AuditEntry.object_id: query.object,
        AuditEntry.practice_id: query.practice,
        AuditEntry.outcome: query.outcome,
    }
    conditions += [column == value for column, value in equal.items() if value is not None]
    if query.since is not None:
        conditions.append(AuditEntry.at >= query.since)
    if query.until is not None:
        conditions.append(AuditEntry.at < query.until)
    if practices is not None:
        conditions.append(AuditEntry.practice_id.in_(practices))
    statement = keyset(select(AuditEntry).where(*conditions), query, [AuditEntry.number], [int], descending=True)
    rows = (await session.scalars(statement)).all()
    return page_of(rows, query, lambda entry: [entry.number])


async def head_of(session: AsyncSession, provider_id: UUID) -> Head:
    """Return how far a provider's chain goes."""
    found = await session.execute(
        select(AuditHead.last_number, AuditHead.last_hash).where(AuditHead.provider_id == provider_id)
    )
    row = found.first()
    return Head(0, genesis(provider_id)) if row is None else Head(row.last_number, row.last_hash)


async def extent_of(session: AsyncSession, provider_id: UUID) -> tuple[Head, int]:
    """Return the head of a chain and the greatest number among the entries themselves, of one and the same moment."""
    last = select(func.max(AuditEntry.number)).where(AuditEntry.provider_id == provider_id).scalar_subquery()
    found = await session.execute(
        select(literal(1), AuditHead.last_number, AuditHead.last_hash, last)
        .select_from(select(literal(1)).subquery())
        .outerjoin(AuditHead, AuditHead.provider_id == provider_id)
    )
    _, number, own_hash, greatest = found.one()
    return Head(0, genesis(provider_id)) if number is None else Head(number, own_hash), greatest or 0


async def start_at(session: AsyncSession, provider_id: UUID, number: int, head: Head) -> Start | None:
    """Return the beginning of a look at the chain from an entry on; None when the chain does not go that far.

    The number after the last is allowed: there is nothing to see yet.
    """
    if number == 1:
        return Start.first(provider_id)
    if number == head.number + 1:
        return Start(provider_id, number, head.hash)
    statement = select(AuditEntry.previous_hash).where(
        AuditEntry.provider_id == provider_id, AuditEntry.number == number
    )
    before = await session.scalar(statement)
    return None if before is None else Start(provider_id, number, before)


async def entries_between(
    session: AsyncSession, provider_id: UUID, first: int, last: int, at_most: int
) -> Sequence[Entry]:
    """Return entries in the order of the chain, from number `first` to `last`, `at_most` of them."""
    found = await session.execute(
        select(*_COLUMNS)
        .where(AuditEntry.provider_id == provider_id, AuditEntry.number >= first, AuditEntry.number <= last)
        .order_by(AuditEntry.number)
        .limit(at_most)
    )
    return [Entry(fields_of(dict(row)), row["previous_hash"], row["hash"]) for row in found.mappings()]
