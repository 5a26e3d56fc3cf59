"""Partner clients as the token endpoint and the guard of routes need them: who they are, whether they still may.

No process believes anything about a client for longer than `BELIEVED_S`: after that it asks again. A notification makes a change
known at once; should it be lost, whatever the reason, the change still holds everywhere within a second (docs/adr/0020).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.identifiers import new_client_id, new_client_secret, provider_of
from vigie.auth.models import PartnerClient, PartnerKey, PartnerPractice, PartnerSecret
from vigie.auth.principal import ALL_PRACTICES, SCOPES, Permission, Principal
from vigie.auth.tokens import AccessToken
from vigie.core.crypto import hash_secret
from vigie.core.db import Database
from vigie.core.ids import uuid7
from vigie.core.invalidation import Remembered, announce

AuthMethod = Literal["client_secret", "private_key_jwt"]
BELIEVED_S: Final = 0.7
USE_NOTED_EVERY: Final = timedelta(minutes=1)
_LOOK_UP_S: Final = 10

_ONE = (PartnerClient.provider_id == bindparam("provider"), PartnerClient.client_id == bindparam("client"))
_CLIENT = (
    PartnerClient.client_id,
    PartnerClient.provider_id,
    PartnerClient.name,
    PartnerClient.auth_method,
    PartnerClient.scopes,
    PartnerClient.generation,
    PartnerClient.last_used_at,
    PartnerClient.revoked_at,
)
_WITH_SECRETS = (
    select(
        *_CLIENT,
        PartnerSecret.id,
        PartnerSecret.secret_hash,
        PartnerSecret.expires_at,
        PartnerSecret.last_used_at.label("credential_used_at"),
    )
    .outerjoin(
        PartnerSecret,
        and_(
            PartnerSecret.provider_id == PartnerClient.provider_id, PartnerSecret.client_id == PartnerClient.client_id
        ),
    )
    .where(*_ONE)
)
_WITH_KEYS = (
    select(*_CLIENT, PartnerKey.kid, PartnerKey.jwk, PartnerKey.last_used_at.label("credential_used_at"))
    .outerjoin(
        PartnerKey,
        and_(PartnerKey.provider_id == PartnerClient.provider_id, PartnerKey.client_id == PartnerClient.client_id),
    )
    .where(*_ONE)
)


async def create_client(
    session: AsyncSession, provider_id: UUID, name: str, scopes: Iterable[Permission], *, by: str, now: datetime
) -> tuple[str, str]:
    """Create a partner client; return its id and its secret, which is shown this once and stored only as a hash."""
    client = await register_client(session, provider_id, name, scopes, by=by, now=now)
    _, secret = await add_secret(session, client, now=now)
    return client.client_id, secret


async def register_client(  # noqa: PLR0913 - what a client is made of
    session: AsyncSession,
    provider_id: UUID,
    name: str,
    scopes: Iterable[Permission],
    *,
    auth_method: AuthMethod = "client_secret",
    limited: bool = False,
    by: str,
    now: datetime,
) -> PartnerClient:
    """Create a partner client that has nothing to authenticate with yet."""
    client = PartnerClient(
        client_id=new_client_id(provider_id),
        provider_id=provider_id,
        name=name,
        auth_method=auth_method,
        scopes=sorted(scopes),
        limited=limited,
        generation=1,
        created_at=now,
        created_by=by,
    )
    session.add(client)
    await session.flush()  # a name that is too long is refused here, not at the commit
    return client


async def add_secret(session: AsyncSession, client: PartnerClient, *, now: datetime) -> tuple[PartnerSecret, str]:
    """Give a client another secret; return its row and its text, which is kept only as a hash."""
    text = new_client_secret()
    secret = PartnerSecret(
        provider_id=client.provider_id,
        client_id=client.client_id,
        id=uuid7(),
        secret_hash=hash_secret(text),
        created_at=now,
    )
    session.add(secret)
    await session.flush()
    return secret, text


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


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A client with what it may authenticate with: hashes of secrets by their id, public keys (JWK) by their `kid`.

    A revoked one has neither.
    """

    client_id: str
    provider_id: UUID
    name: str
    scopes: frozenset[Permission]
    generation: int
    used_at: datetime | None
    secrets: Mapping[UUID, bytes] = field(repr=False)
    keys: Mapping[str, Mapping[str, Any]] = field(repr=False)
    credentials_used_at: Mapping[UUID | str, datetime | None]


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is believed of a client for a moment."""

    alive: bool
    name: str = ""
    scopes: frozenset[Permission] = frozenset()
    practices: frozenset[UUID] | Literal["all"] = frozenset()
    generation: int = 0
    used_at: datetime | None = None


class Clients:
    """Finds partner clients."""

    def __init__(self, database: Database, monotonic: Callable[[], float]) -> None:
        self._database = database
        self._monotonic = monotonic
        self.alive: Remembered[str, _Standing] = Remembered(capacity=10_000, ttl_s=BELIEVED_S, clock=monotonic)
        self._asked: dict[str, asyncio.Task[_Standing]] = {}
        self._noting: set[str] = set()

    async def principal_of(self, token: AccessToken, now: datetime) -> Principal | None:
        """Return the caller a verified token stands for, with the rights it has now.

        None when the client is gone, or a credential was withdrawn after the token was issued. A scope that was taken away
        is gone at once, one that was added comes with the next token.
        """
        if provider_of(token.client_id, "vpc") != token.provider_id:
            return None
        standing = await self._standing(token.provider_id, token.client_id)
        if not standing.alive or standing.generation != token.generation:
            return None
        if _is_due(standing.used_at, now) and token.client_id not in self._noting:
            await self._note_once(token.provider_id, token.client_id, now)
        return Principal(
            "client",
            token.provider_id,
            token.client_id,
            (token.scopes & standing.scopes) | {Permission.SELF},
            standing.practices,
            name=standing.name,
        )

    async def by_secret(self, client_id: str, now: datetime) -> RegisteredClient | None:
        """Return a client with the hashes of the secrets it may authenticate with at this instant, if any."""
        rows = await self._registered(_WITH_SECRETS, client_id)
        found = rows[0] if rows else None
        usable = found is not None and found.revoked_at is None and found.auth_method == "client_secret"
        kept = [row for row in rows if usable and row.id and (row.expires_at is None or now < row.expires_at)]
        used = {row.id: row.credential_used_at for row in kept}
        return _registered_client(found, used, secrets={row.id: row.secret_hash for row in kept}) if found else None

    async def by_key(self, client_id: str) -> RegisteredClient | None:
        """Return a client with the public keys (JWK) it may sign its assertions with, if any, by their `kid`."""
        rows = await self._registered(_WITH_KEYS, client_id)
        found = rows[0] if rows else None
        kept = [row for row in rows if row.revoked_at is None and row.kid]
        used = {row.kid: row.credential_used_at for row in kept}
        return _registered_client(found, used, keys={row.kid: row.jwk for row in kept}) if found else None

    async def _registered(self, statement: Select[*tuple[Any, ...]], client_id: str) -> Sequence[Row[*tuple[Any, ...]]]:
        """Ask the database, always: who authenticates gets a token that lives for minutes."""
        provider_id = provider_of(client_id, "vpc")
        if provider_id is None:
            return ()
        asked = {"provider": provider_id, "client": client_id}
        async with asyncio.timeout(_LOOK_UP_S), self._database.session(provider_id, write=False) as session:
            return (await session.execute(statement, asked)).all()

    async def note_authenticated(self, client: RegisteredClient, by: UUID | str, now: datetime) -> None:
        """Note when a client and the secret or key it authenticated with (`by`) were used, each at most once a minute."""
        if _is_due(client.used_at, now) or _is_due(client.credentials_used_at[by], now):
            await self._note(client.provider_id, client.client_id, now, by)

    async def _standing(self, provider_id: UUID, client_id: str) -> _Standing:
        """Return what is believed of a client; requests that want to know at the same time ask once together."""
        known = self.alive.get(client_id)
        if known is not None:
            return known
        task = self._asked.get(client_id)
        if task is None:
            task = self._asked[client_id] = asyncio.create_task(self._ask(provider_id, client_id))
        return await asyncio.shield(task)

    async def _ask(self, provider_id: UUID, client_id: str) -> _Standing:
        asked_at, myself = self._monotonic(), asyncio.current_task()
        try:
            standing = await self._find(provider_id, client_id)
            if self._asked.get(client_id) is myself:  # else it changed meanwhile, and this may be what it was before
                self.alive.put(client_id, standing, as_of=asked_at)
            return standing
        finally:
            if self._asked.get(client_id) is myself:
                del self._asked[client_id]

    async def _find(self, provider_id: UUID, client_id: str) -> _Standing:
        async with asyncio.timeout(_LOOK_UP_S), self._database.session(provider_id, write=False) as session:
            found = await _row(session, provider_id, client_id)
            if found is None or found.revoked_at is not None:
                return _Standing(alive=False)
            practices: frozenset[UUID] | Literal["all"] = ALL_PRACTICES
            if found.limited:
                chosen = select(PartnerPractice.practice_id).where(*_is(PartnerPractice, provider_id, client_id))
                practices = frozenset(await session.scalars(chosen))
        return _Standing(True, found.name, _scopes_of(found.scopes), practices, found.generation, found.last_used_at)

    async def _note_once(self, provider_id: UUID, client_id: str, now: datetime) -> None:
        """Note a use on behalf of all requests of this moment."""
        self._noting.add(client_id)
        try:
            await self._note(provider_id, client_id, now)
            self.alive.forget(client_id)
        finally:
            self._noting.discard(client_id)

    async def _note(self, provider_id: UUID, client_id: str, now: datetime, by: UUID | str | None = None) -> None:
        async with asyncio.timeout(_LOOK_UP_S), self._database.session(provider_id, write=True) as session:
            await _note_in(session, PartnerClient, _is(PartnerClient, provider_id, client_id), now)
            if isinstance(by, UUID):
                named = (*_is(PartnerSecret, provider_id, client_id), PartnerSecret.id == by)
                await _note_in(session, PartnerSecret, named, now)
            elif by is not None:
                named = (*_is(PartnerKey, provider_id, client_id), PartnerKey.kid == by)
                await _note_in(session, PartnerKey, named, now)

    def on_change(self, client_id: str) -> None:
        """Forget a client that changed, and what is being asked about it."""
        self.alive.forget(client_id)
        self._asked.pop(client_id, None)

    def on_hearing(self, hearing: bool) -> None:  # noqa: FBT001 - it is the news itself
        """Forget everything when notifications begin or stop to arrive."""
        self.alive.forget_all()
        self._asked.clear()
        self.alive.hearing = hearing


async def _note_in(
    session: AsyncSession,
    table: type[PartnerClient | PartnerKey | PartnerSecret],
    named: tuple[ColumnElement[bool], ...],
    now: datetime,
) -> None:
    """Write the instant of use, unless another process did within the minute."""
    due = or_(table.last_used_at.is_(None), table.last_used_at <= now - USE_NOTED_EVERY)
    await session.execute(
        update(table).where(*named, due).values(last_used_at=now).execution_options(synchronize_session=False)
    )


def _is_due(used_at: datetime | None, now: datetime) -> bool:
    return used_at is None or now - used_at >= USE_NOTED_EVERY


def _is(
    table: type[PartnerClient | PartnerKey | PartnerPractice | PartnerSecret], provider_id: UUID, client_id: str
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.provider_id == provider_id, table.client_id == client_id


def _scopes_of(granted: Iterable[str]) -> frozenset[Permission]:
    """Return the scopes granted to a client, those of an older or newer release that this one does not know left out."""
    names = frozenset(granted)
    return frozenset(scope for scope in SCOPES if scope in names)


async def _row(session: AsyncSession, provider_id: UUID, client_id: str) -> PartnerClient | None:
    rows = await session.scalars(select(PartnerClient).where(*_is(PartnerClient, provider_id, client_id)))
    return rows.first()


def _registered_client(
    row: Row[*tuple[Any, ...]],
    used: Mapping[UUID | str, datetime | None],
    *,
    secrets: Mapping[UUID, bytes] | None = None,
    keys: Mapping[str, Any] | None = None,
) -> RegisteredClient:
    return RegisteredClient(
        client_id=row.client_id,
        provider_id=row.provider_id,
        name=row.name,
        scopes=_scopes_of(row.scopes),
        generation=row.generation,
        used_at=row.last_used_at,
        secrets=secrets or {},
        keys=keys or {},
        credentials_used_at=used,
    )
