"""Suppliers of practices, written straight into the tables: what tests of questionnaires begin from."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import insert as upsert

from vigie.checklist.record_models import PracticeSupplier, Supplier
from vigie.core.clock import Clock
from vigie.core.db import Database
from vigie.core.ids import uuid7

EVERYTHING = ("on_site", "remote", "hosting")


async def supply(
    database: Database,
    clock: Clock,
    provider_id: str,
    practice_id: str,
    *,
    services: Sequence[str] = EVERYTHING,
    outside: str | None = None,
    supplier_id: str | None = None,
) -> str:
    """Have a practice use a supplier: the provider itself, a new one of this name, or one that is there; return its id."""
    tenant, now = UUID(provider_id), clock.now()
    chosen = UUID(supplier_id) if supplier_id else uuid7() if outside else tenant
    row = {"provider_id": tenant, "id": chosen, "name": outside or "Atlas", "kind": "it_maintenance"}
    link = {"provider_id": tenant, "practice_id": UUID(practice_id), "supplier_id": chosen, "services": list(services)}
    both = {"created_at": now, "updated_at": now}
    async with database.engine.begin() as connection:
        await connection.execute(upsert(Supplier).values(**row, **both).on_conflict_do_nothing())
        await connection.execute(
            insert(PracticeSupplier).values(**link, **both, hosts_health_data=False, hds_activities=[])
        )
    return str(chosen)
