"""What the database really holds, read past row-level security: the proof that a refusal changed nothing."""

from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Table, TextClause, Uuid, text

import vigie.alerts.channel_models
import vigie.alerts.models
import vigie.audit.models
import vigie.auth.models
import vigie.checklist.models
import vigie.checklist.questionnaire_models
import vigie.checklist.record_models
import vigie.core.idempotency
import vigie.core.retention
import vigie.devices.models
import vigie.devices.silence_models
import vigie.events.models
import vigie.incidents.models
import vigie.people.models
import vigie.posture.models
import vigie.practices.models
import vigie.reports.models
import vigie.webhooks.models  # noqa: F401 - each import adds its tables to the metadata
from vigie.core.db import Base, Database

Holdings = dict[str, list[dict[str, Any]]]


def tenant_tables() -> list[Table]:
    """Return every table that holds rows of one provider, by the placement its model declares."""
    return [table for table in Base.metadata.sorted_tables if table.info["placement"] == "tenant"]


async def holdings(database: Database, provider_id: str) -> Holdings:
    """Return every row of a provider, table by table, in the order of the keys; what notes refusals apart.

    One question for all tables: tests ask it hundreds of times. Values are as JSON writes them, but ids are ids.
    """
    async with database.engine.connect() as connection:
        found = {row.name: row.rows for row in await connection.execute(_holdings_of_all(), {"provider": provider_id})}
    for table in tenant_tables():
        ids = [column.name for column in table.columns if isinstance(column.type, Uuid)]
        for row in found.get(table.name, ()):
            row |= {name: UUID(row[name]) for name in ids if row[name] is not None}
    return found


@cache
def _holdings_of_all() -> TextClause:
    parts = [
        f"SELECT '{table.name}' AS name, coalesce(jsonb_agg(to_jsonb(t) ORDER BY "  # noqa: S608 - names of our own models
        f"{', '.join(f't.{column.name}' for column in table.primary_key.columns)}), '[]') AS rows "
        f"FROM {table.name} t WHERE provider_id = cast(:provider AS uuid)"
        for table in tenant_tables()
        if not table.name.startswith(("audit_", "device_refusal"))
    ]
    return text(" UNION ALL ".join(parts))


async def execute(database: Database, statement: str, **values: Any) -> None:
    """Run one statement past row-level security and past the application: what an accident or an attacker would do."""
    async with database.engine.begin() as connection:
        await connection.execute(text(statement), values)


async def fetch(database: Database, statement: str, **values: Any) -> list[dict[str, Any]]:
    """Return the rows of one statement."""
    async with database.engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(text(statement), values)).mappings()]
