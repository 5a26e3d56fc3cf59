"""Walking a whole chain in the database, batch by batch, without holding a transaction open meanwhile."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

from vigie.audit import queries
from vigie.audit.export import Header, entry_line, header_line
from vigie.audit.verification import Check, Entry, Start, Verdict
from vigie.core.db import Database

BATCH = 500


async def entries_of(database: Database, provider_id: UUID, first: int, last: int) -> AsyncIterator[Entry]:
    """Yield the entries from number `first` to `last`. They are never rewritten, so each batch may be a transaction of its own."""
    while first <= last:
        async with database.session(provider_id, write=False) as session:
            batch = await queries.entries_between(session, provider_id, first, last, BATCH)
        if not batch:
            return
        for entry in batch:
            yield entry
        first = batch[-1].number + 1


async def export_lines(database: Database, header: Header, exported_at: datetime) -> AsyncIterator[bytes]:
    """Yield the lines of an export: what the header says, however much is appended meanwhile."""
    yield header_line(header, exported_at)
    start = header.start
    async for entry in entries_of(database, start.provider_id, start.number, header.head.number):
        yield entry_line(entry)


async def verify_live(database: Database, provider_id: UUID) -> Verdict:
    """Return the verdict on a provider's chain as it stands in the database, its head included."""
    async with database.session(provider_id, write=False) as session:
        head, last = await queries.extent_of(session, provider_id)
    check = Check(Start.first(provider_id))
    async for entry in entries_of(database, provider_id, 1, max(head.number, last)):
        check.add(entry)
    return check.finish(head)
