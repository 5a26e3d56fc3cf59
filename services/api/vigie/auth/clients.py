"""Partner clients: creation, authentication, revocation."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.identifiers import new_client_id, new_client_secret, provider_of
from vigie.auth.models import PartnerClient, PartnerSecret
from vigie.auth.principal import Permission
from vigie.core.crypto import hash_secret, same_secret
from vigie.core.db import Database
from vigie.core.invalidation import Remembered, announce

_DUMMY = hash_secret("the hash compared when there is no client, so that timing tells nothing")


async def create_client(
    session: AsyncSession, provider_id: UUID, name: str, scopes: Iterable[Permission], *, by: str, now: datetime
) -> tuple[str, str]:
    """Create a partner client; return its id and its secret, which is shown this once and stored only as a hash."""
    client_id, secret = new_client_id(provider_id), new_client_secret()
    session.add(
        PartnerClient(
            client_id=client_id,
            provider_id=provider_id,
            name=name,
            auth_method="client_secret",
            scopes=sorted(scopes),
            limited=False,
            created_at=now,
            created_by=by,
        )
    )
    await session.flush()  # a name that is too long is refused here, not at the commit
    hashed = hash_secret(secret)
    session.add(PartnerSecret(provider_id=provider_id, client_id=client_id, secret_hash=hashed, created_at=now))
    await session.flush()
    return client_id, secret


async def revoke_client(session: AsyncSession, provider_id: UUID, client_id: str, *, now: datetime) -> bool:
    """Revoke a client: no new token, and its tokens stop working within a second. False when there is none."""
    revoked = await session.execute(
        update(PartnerClient)
        .where(PartnerClient.provider_id == provider_id, PartnerClient.client_id == client_id)
        .where(PartnerClient.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(PartnerClient.client_id)
    )
    await announce(session, "client", client_id)
    return revoked.first() is not None


class Clients:
    """Finds partner clients, remembering which are alive."""

    def __init__(self, database: Database, monotonic: Callable[[], float]) -> None:
        self._database = database
        self.alive: Remembered[str, bool] = Remembered(capacity=10_000, ttl_s=30, clock=monotonic)

    async def authenticate(self, client_id: str, secret: str, now: datetime) -> PartnerClient | None:
        """Return the living client with this secret, or None."""
        provider_id = provider_of(client_id, "vpc")
        client = await self._find(provider_id, client_id) if provider_id else None
        kept = await self._secrets(client, now) if client else ()
        matches = [same_secret(secret, stored) for stored in kept or (_DUMMY,)]
        return client if client is not None and kept and any(matches) and client.revoked_at is None else None

    async def _secrets(self, client: PartnerClient, now: datetime) -> Sequence[bytes]:
        """Return the hashes of the secrets that hold at an instant."""
        async with asyncio.timeout(10), self._database.session(client.provider_id, write=False) as session:
            rows = await session.execute(
                select(PartnerSecret.secret_hash, PartnerSecret.expires_at).where(
                    PartnerSecret.provider_id == client.provider_id, PartnerSecret.client_id == client.client_id
                )
            )
            return [row.secret_hash for row in rows if row.expires_at is None or now < row.expires_at]

    async def is_alive(self, provider_id: UUID, client_id: str) -> bool:
        """Whether a client that holds a valid token still exists, is this provider's and is not revoked."""
        if provider_of(client_id, "vpc") != provider_id:
            return False
        known = self.alive.get(client_id)
        if known is None:
            client = await self._find(provider_id, client_id)
            known = client is not None and client.revoked_at is None
            self.alive.put(client_id, known)
        return known

    async def _find(self, provider_id: UUID, client_id: str) -> PartnerClient | None:
        async with asyncio.timeout(10), self._database.session(provider_id, write=False) as session:
            found = await session.scalars(
                select(PartnerClient).where(
                    PartnerClient.provider_id == provider_id, PartnerClient.client_id == client_id
                )
            )
            return found.first()

    def on_change(self, client_id: str) -> None:
        """Forget a client that changed."""
        self.alive.forget(client_id)

    def on_hearing(self, hearing: bool) -> None:  # noqa: FBT001 - it is the news itself
        """Forget everything when notifications begin or stop to arrive."""
        self.alive.forget_all()
        self.alive.hearing = hearing
