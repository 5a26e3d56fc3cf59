"""What the command line and the demo do directly on the database: creating providers and partner clients."""

from uuid import UUID

from vigie.audit.actions import Action
from vigie.audit.log import OPERATOR, NewEntry, append
from vigie.auth.clients import create_client
from vigie.auth.principal import SCOPES, Permission
from vigie.core.clock import SystemClock
from vigie.core.db import Database, role_url
from vigie.core.ids import uuid7
from vigie.practices.service import create_provider, known_provider
from vigie.settings import Settings


async def add_provider(settings: Settings, name: str) -> dict[str, str]:
    """Create a provider and its first partner client; return their ids and the client's secret."""
    database = Database(*role_url(settings, "vigie_app"), pool_size=1)
    try:
        return await found_provider(database, name)
    finally:
        await database.close()


async def found_provider(database: Database, name: str) -> dict[str, str]:
    """Do what `add_provider` does, on connections that are open already."""
    provider_id, now = uuid7(), SystemClock().now()
    async with database.session(provider_id, write=True) as session:
        await create_provider(session, provider_id, name, now=now)
        made = NewEntry(provider_id, OPERATOR, Action.PROVIDER_CREATE, object_id=str(provider_id))
        await append(session, made, now)
        client_id, secret = await create_client(session, provider_id, "first client", SCOPES, by="operator", now=now)
        await append(session, _client_made(provider_id, client_id, SCOPES), now)
    return {"provider_id": str(provider_id), "client_id": client_id, "client_secret": secret}


def _client_made(provider_id: UUID, client_id: str, scopes: frozenset[Permission]) -> NewEntry:
    details = {"scopes": sorted(scopes)}
    return NewEntry(provider_id, OPERATOR, Action.CLIENT_CREATE, object_id=client_id, details=details)


async def add_client(settings: Settings, provider_id: UUID, name: str, scopes: frozenset[Permission]) -> dict[str, str]:
    """Create a partner client of a provider; raises `LookupError` when there is no such provider."""
    database = Database(*role_url(settings, "vigie_app"), pool_size=1)
    try:
        async with database.session(provider_id, write=True) as session:
            if not await known_provider(session, provider_id):
                raise LookupError(f"there is no provider {provider_id}")
            now = SystemClock().now()
            client_id, secret = await create_client(session, provider_id, name, scopes, by="operator", now=now)
            await append(session, _client_made(provider_id, client_id, scopes), now)
    finally:
        await database.close()
    return {"provider_id": str(provider_id), "client_id": client_id, "client_secret": secret}
