"""The audit as a test sees it: the entries of a provider, read past row-level security."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from vigie.audit.models import AuditEntry
from vigie.audit.reading import verify_live
from vigie.audit.verification import Verdict
from vigie.core.db import Database

Row = dict[str, Any]


async def entries(database: Database, provider_id: str, after: int = 0) -> list[Row]:
    """Return the entries of a provider in the order of the chain."""
    statement = (
        select(*AuditEntry.__table__.columns)
        .where(AuditEntry.provider_id == UUID(provider_id), AuditEntry.number > after)
        .order_by(AuditEntry.number)
    )
    async with database.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(statement)).mappings()]


async def last_number(database: Database, provider_id: str) -> int:
    """Return how far the audit of a provider goes, so that a test looks only at what it did itself."""
    return max((entry["number"] for entry in await entries(database, provider_id)), default=0)


def told(entry: Row, *names: str) -> dict[str, Any]:
    """Return some fields of an entry."""
    return {name: entry[name] for name in names}


async def verdict(database: Database, provider_id: str) -> Verdict:
    """Return whether the chain of a provider holds in the database."""
    return await verify_live(database, UUID(provider_id))
