"""Alembic environment: one transaction per migration, time-outs, one migrator at a time, forward only."""

import asyncio

import asyncpg
from alembic import context
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

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
import vigie.webhooks.models
from vigie.core.db import Base

MODELS = (
    vigie.alerts.channel_models,
    vigie.alerts.models,
    vigie.audit.models,
    vigie.auth.models,
    vigie.checklist.models,
    vigie.checklist.questionnaire_models,
    vigie.checklist.record_models,
    vigie.core.idempotency,
    vigie.devices.models,
    vigie.devices.silence_models,
    vigie.events.models,
    vigie.incidents.models,
    vigie.people.models,
    vigie.posture.models,
    vigie.practices.models,
    vigie.reports.models,
    vigie.webhooks.models,
)
LOCK = 7_346_105_201  # any constant of ours: the advisory lock that lets one migrator in at a time


def include_object(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Partitions are made by code as months pass; they are not models."""
    return not (kind == "table" and name is not None and name.startswith("section_history_"))


def run(connection: Connection) -> None:
    """Migrate to the revision asked for, as `vigie_owner`."""
    connection.execute(text(f"SELECT pg_advisory_lock({LOCK})"))
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.execute(text("SET statement_timeout = '10min'"))
    connection.execute(text("SET citus.multi_shard_modify_mode = 'sequential'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
        compare_type=True,
        include_object=include_object,
    )
    try:
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text(f"SELECT pg_advisory_unlock({LOCK})"))
        connection.commit()


async def main() -> None:
    """Connect with the URL and settings the caller put into the configuration."""
    url, server_settings = context.config.attributes["connection"]

    async def creator() -> asyncpg.Connection:
        return await asyncpg.connect(url, server_settings=server_settings)

    engine = create_async_engine("postgresql+asyncpg://", async_creator=creator, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


if isinstance(context.script, ScriptDirectory) and not context.is_offline_mode():
    asyncio.run(main())
