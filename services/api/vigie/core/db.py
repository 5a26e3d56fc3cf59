"""The database: connections by role, the declarative base with placements, sessions bound to one provider.

Two locks keep tenants apart: every statement names its `provider_id`, and PostgreSQL's row-level security, which knows the
provider only through `bind_provider` and fails closed without it. Application roles own no table.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import MetaData, Uuid, bindparam, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from vigie.core.errors import AppError
from vigie.settings import Settings

_SESSION: Final[dict[str, Any]] = {"expire_on_commit": False, "autoflush": False}

Role = Literal["vigie_owner", "vigie_app", "vigie_intake", "vigie_signin", "vigie_worker"]

# Every constraint has a name that says what it is, so that migrations and errors can speak of it.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Root of all models. Each declares `__table_args__[-1]["info"]["placement"]`: tenant, reference, lookup:<column> or local."""

    metadata = MetaData(naming_convention=NAMING)


def role_url(settings: Settings, role: Role, embedded_url: str | None = None) -> tuple[str, dict[str, str]]:
    """Return the URL and the session settings with which a process connects as `role`.

    A login of its own per role is used where one is configured; otherwise the common login becomes the role at connection.
    """
    own = {
        "vigie_app": settings.app_database_url,
        "vigie_intake": settings.intake_database_url,
        "vigie_signin": settings.signin_database_url,
        "vigie_worker": settings.worker_database_url,
    }.get(role)
    if own is not None:
        return own.get_secret_value(), {"application_name": role}
    common = embedded_url or (settings.database_url.get_secret_value() if settings.database_url else None)
    if common is None:
        raise LookupError("neither VIGIE_DATABASE_URL nor an embedded PostgreSQL is there")
    return common, {"application_name": role, "role": role}


async def _prepare(connection: asyncpg.Connection) -> None:
    """JSON columns are read and written as Python values, by the fast codec."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + (value if isinstance(value, bytes) else orjson.dumps(value)),
        decoder=lambda raw: orjson.loads(memoryview(raw)[1:]),
        format="binary",
    )
    await connection.set_type_codec(
        "json",
        schema="pg_catalog",
        encoder=lambda value: value if isinstance(value, bytes) else orjson.dumps(value),
        decoder=orjson.loads,
        format="binary",
    )


async def connect(url: str, server_settings: dict[str, str]) -> asyncpg.Connection:
    """Open one connection for set-based SQL; JSON passes as Python values (or as ready bytes)."""
    connection = await asyncpg.connect(url, server_settings=server_settings, timeout=10)
    await _prepare(connection)
    return connection


class Database:
    """The connections of one process under one role, for ordinary requests."""

    def __init__(self, url: str, server_settings: dict[str, str], pool_size: int) -> None:
        async def open_connection() -> asyncpg.Connection:
            return await asyncpg.connect(url, server_settings=server_settings, timeout=10)

        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=open_connection,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=10,
            pool_pre_ping=False,
            # The driver's codec (`_prepare`) reads and writes JSON, here as on the set-based connections.
            json_serializer=lambda value: value,
            json_deserializer=lambda value: value,
        )

        @event.listens_for(self.engine.sync_engine, "connect")
        def use_codec(connection: Any, _record: object) -> None:
            connection.run_async(_prepare)

    @asynccontextmanager
    async def session(self, provider_id: UUID, *, write: bool) -> AsyncIterator[AsyncSession]:
        """Open a unit of work bound to one provider: committed at the end, rolled back on an exception.

        A reading session is a read-only transaction: a GET that writes is refused by PostgreSQL itself.
        """
        async with AsyncExitStack() as stack:
            connection = await self.bound(stack, provider_id, write=write)
            session = AsyncSession(bind=connection, join_transaction_mode="control_fully", **_SESSION)
            await stack.enter_async_context(session)
            yield session
            await session.commit()

    async def bound(
        self, stack: AsyncExitStack, provider_id: UUID, *, write: bool, one_state: bool = False
    ) -> AsyncConnection:
        """Return a connection whose transaction, begun here, is bound to one provider; it goes back with the stack.

        `one_state`: every statement sees the data as the first one did.
        """
        options: dict[str, Any] = {} if write else {"postgresql_readonly": True}
        if one_state:
            options["isolation_level"] = "REPEATABLE READ"
        try:
            return await self._begin(stack, provider_id, options)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            # The pool still held a connection from before a restart of the database; the next one is new.
            return await self._begin(stack, provider_id, options)

    async def _begin(self, stack: AsyncExitStack, provider_id: UUID, options: dict[str, Any]) -> AsyncConnection:
        connection = await stack.enter_async_context(self.engine.connect())
        if options:
            await connection.execution_options(**options)
        await connection.execute(text("SELECT bind_provider(:provider)"), {"provider": provider_id})
        return connection

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


class SharedReading:
    """One read-only transaction of one provider, lent to several readers one after the other.

    For the questions of one page: four round trips less for each question after the first, and one state of the data for
    all of them (`REPEATABLE READ`). Each reader has a session of its own, and so finds nothing that another one loaded. A
    reader that fails otherwise than by a refusal ends the transaction; the next one gets another. Whoever opens one closes it.
    """

    def __init__(self, database: Database, provider_id: UUID) -> None:
        self._database = database
        self._provider_id = provider_id
        self._turn = asyncio.Lock()
        self._held: AsyncExitStack | None = None
        self._connection: AsyncConnection | None = None
        self._closed = False

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Wait for one's turn and read; after `close` in a transaction of one's own."""
        if self._closed:
            async with self._database.session(self._provider_id, write=False) as session:
                yield session
            return
        async with self._turn:
            connection = self._connection or await self._open()
            async with AsyncSession(bind=connection, join_transaction_mode="rollback_only", **_SESSION) as session:
                try:
                    yield session
                except AppError:
                    raise  # a refusal of ours: the transaction is as it was
                except BaseException:
                    await self._end()
                    raise

    async def _open(self) -> AsyncConnection:
        async with AsyncExitStack() as stack:
            connection = await self._database.bound(stack, self._provider_id, write=False, one_state=True)
            self._held = stack.pop_all()
        self._connection = connection
        return connection

    async def _end(self) -> None:
        held, self._held, self._connection = self._held, None, None
        if held is not None:
            await held.aclose()

    async def let_go(self) -> None:
        """Give the connection back; the next reader gets another."""
        async with self._turn:
            await self._end()

    async def close(self) -> None:
        """Give the connection back and hold none any more."""
        self._closed = True
        await self.let_go()


async def bind_provider(connection: asyncpg.Connection, provider_id: UUID) -> None:
    """Bind the running transaction of a set-based connection to one provider."""
    await connection.execute("SELECT bind_provider($1)", provider_id)


PROVIDER: Final = bindparam("provider", type_=Uuid)
"""The provider of the caller, in a statement that is made once and executed with it (`practices.queries.as_caller`).

Making a statement and finding its compiled form costs as much as executing it: those behind every page are made once.
"""

TENANT: dict[str, Any] = {"info": {"placement": "tenant"}}
REFERENCE: dict[str, Any] = {"info": {"placement": "reference"}}
