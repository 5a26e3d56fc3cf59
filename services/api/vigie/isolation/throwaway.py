"""Two providers that exist for one check: made on the database, put away at its end.

Their names say what they are. Their sessions end by themselves after an hour, should the check be killed before its end.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, update

from vigie.audit.actions import Action
from vigie.audit.log import OPERATOR, NewEntry, append
from vigie.auth.clients import revoke_client
from vigie.auth.dependencies import session_cookie
from vigie.auth.models import Member, PartnerClient
from vigie.auth.oidc.identity import Identity
from vigie.auth.principal import SCOPES
from vigie.auth.sessions import NewSession, end_sessions_of, open_session
from vigie.auth.signing_keys import load_signing_keys
from vigie.auth.tokens import AccessToken, Tokens
from vigie.cli_actions import found_provider
from vigie.core.clock import Clock
from vigie.core.db import Database, role_url
from vigie.core.ids import uuid7
from vigie.isolation.side import MARK
from vigie.people.doorstep import Doorstep
from vigie.people.members import Standing, add_member
from vigie.settings import Settings

_LIFE: Final = timedelta(hours=1)
_WHY: Final = "isolation check ended"


@dataclass(frozen=True, slots=True)
class ThrowAway:
    """A provider for one check, with what its owner and its partner client hold. `marker` stands in every name of its own."""

    provider_id: UUID
    marker: str
    cookie: str = field(repr=False)  # a whole `Cookie` header
    client_id: str
    client_secret: str = field(repr=False)
    expired_token: str | None = field(repr=False)  # really issued, and too old; None without the signing key


class Workshop:
    """Makes and puts away such providers."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._made: list[UUID] = []
        self._database = Database(*role_url(settings, "vigie_app"), pool_size=1)
        self._doorstep = Doorstep(Database(*role_url(settings, "vigie_signin"), pool_size=1))

    async def make(self, name: str) -> ThrowAway:
        """Make a provider with an owner who is signed in, a second member, and a partner client with every scope."""
        now, marker = self._clock.now(), secrets.token_hex(5)
        title = f"Contrôle d'isolation, à jeter ({name}, {now:%Y-%m-%d %H:%M}, {marker})"
        made = await self._found(title)
        provider_id = UUID(made["provider_id"])
        owner = await self._member(provider_id, Standing("owner"), f"Propriétaire {marker}")
        await self._member(provider_id, Standing("technician"), f"Technicien {marker}")
        cookies = [await self._session(owner) for _ in range(3)]  # one to attack with, and two to be attacked
        return ThrowAway(
            provider_id=provider_id,
            marker=marker,
            cookie=f"{session_cookie(self._settings.public_url)}={cookies[0]}",
            client_id=made["client_id"],
            client_secret=made["client_secret"],
            expired_token=self._expired(provider_id, made["client_id"]),
        )

    async def _found(self, title: str) -> dict[str, str]:
        """Make a provider and remember that it has to be put away, even when the check is interrupted in between."""
        making = asyncio.ensure_future(found_provider(self._database, title))
        making.add_done_callback(self._remember)
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            await asyncio.wait([making])
            raise

    def _remember(self, making: "asyncio.Future[dict[str, str]]") -> None:
        if not making.cancelled() and making.exception() is None:
            self._made.append(UUID(making.result()["provider_id"]))

    async def _member(self, provider_id: UUID, standing: Standing, name: str) -> Member:
        now = self._clock.now()
        identity = Identity(idp=MARK, issuer=f"urn:vigie:{MARK}", subject=str(uuid7()), id_token="", name=name)
        account = await self._doorstep.account_of(identity, now)
        async with self._database.session(provider_id, write=True) as session:
            return await add_member(session, provider_id, account.id, standing, name=name, now=now)

    async def _session(self, member: Member) -> str:
        new = NewSession(member, MARK, f"urn:vigie:{MARK}", idle=_LIFE, lifetime=_LIFE)
        async with self._database.session(member.provider_id, write=True) as session:
            return (await open_session(session, new, now=self._clock.now()))[1]

    def _expired(self, provider_id: UUID, client_id: str) -> str | None:
        settings = self._settings
        if settings.token_key_file is None:
            return None
        tokens = Tokens(load_signing_keys(settings.token_key_file), settings.public_url, settings.token_lifetime_s)
        claims = AccessToken(client_id, provider_id, SCOPES, 1)
        return tokens.issue(claims, self._clock.now() - timedelta(days=1)).access_token

    async def put_away(self) -> None:
        """Revoke every client and end every membership and session of what was made; each stands in its audit."""
        while self._made:
            await self._end_all(self._made.pop())

    async def _end_all(self, provider_id: UUID) -> None:
        now = self._clock.now()
        async with self._database.session(provider_id, write=True) as session:
            clients = await session.scalars(
                select(PartnerClient.client_id).where(
                    PartnerClient.provider_id == provider_id, PartnerClient.revoked_at.is_(None)
                )
            )
            entries = [NewEntry(provider_id, OPERATOR, Action.CLIENT_REVOKE, object_id=each) for each in clients.all()]
            for entry in entries:
                await revoke_client(session, provider_id, str(entry.object_id), now=now)
            members = await session.scalars(
                update(Member)
                .where(Member.provider_id == provider_id, Member.removed_at.is_(None))
                .values(removed_at=now)
                .returning(Member.id)
            )
            for member_id in members.all():
                await end_sessions_of(session, provider_id, member_id, _WHY, now=now)
                entries.append(NewEntry(provider_id, OPERATOR, Action.MEMBER_REMOVE, object_id=str(member_id)))
            for entry in entries:
                await append(session, entry, now)

    async def close(self) -> None:
        """Close every connection."""
        await self._database.close()
        await self._doorstep.close()


@asynccontextmanager
async def workshop(settings: Settings, clock: Clock) -> AsyncIterator[Workshop]:
    """Open a workshop for as long as the block lasts."""
    found = Workshop(settings, clock)
    try:
        yield found
    finally:
        await found.close()
