"""People's sessions: rows on the server, a secret in a cookie, ended everywhere within a second."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.identifiers import new_session_secret, provider_of
from vigie.auth.models import Member, MemberPractice, Session
from vigie.auth.principal import ALL_PRACTICES, PERMISSIONS, Principal, Role
from vigie.core.crypto import b64url, hash_secret
from vigie.core.db import Database
from vigie.core.ids import uuid7
from vigie.core.invalidation import Remembered, announce

SEEN_EVERY = timedelta(minutes=1)
REMEMBERED_S = 0.9
"""How long a process believes what it read of a session: a notification that is lost delays an end by less than a second."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a sign-in knows of the session to open. Lifetimes are those of the identity provider."""

    member: Member
    identity_provider: str
    issuer: str
    idle: timedelta
    lifetime: timedelta
    sid: str | None = None
    acr: str | None = None
    id_token: bytes | None = None  # sealed
    profession: str | None = None
    user_agent: str | None = None
    address: str | None = None


async def open_session(session: AsyncSession, new: NewSession, *, now: datetime) -> tuple[Session, str]:
    """Open a session of a member; return its row and the secret for the cookie, which is kept only as a hash."""
    secret = new_session_secret(new.member.provider_id)
    row = Session(
        provider_id=new.member.provider_id,
        id=uuid7(),
        secret_hash=hash_secret(secret),
        member_id=new.member.id,
        account_id=new.member.account_id,
        identity_provider=new.identity_provider,
        issuer=new.issuer,
        sid=new.sid,
        acr=new.acr,
        id_token=new.id_token,
        created_at=now,
        seen_at=now,
        idle_s=int(new.idle.total_seconds()),
        expires_at=now + new.lifetime,
        user_agent=(new.user_agent or "")[:200] or None,
        address=new.address,
        profession=new.profession,
    )
    session.add(row)
    await session.flush()
    return row, secret


@dataclass(frozen=True, slots=True)
class Ended:
    """A session that was ended just now, and whose it was."""

    id: UUID
    member_id: UUID


async def end_session(
    session: AsyncSession, provider_id: UUID, session_id: UUID, why: str, *, now: datetime
) -> Ended | None:
    """End one session; None when there is no such open session. Every process refuses it within a second."""
    return next(iter(await _end(session, provider_id, Session.id == session_id, why, now)), None)


async def end_sessions_of(session: AsyncSession, provider_id: UUID, member_id: UUID, why: str, *, now: datetime) -> int:
    """End every session of a member; return how many. Every process refuses them within a second."""
    return len(await _end(session, provider_id, Session.member_id == member_id, why, now))


async def end_sessions_through(
    session: AsyncSession, provider_id: UUID, idp_id: str, why: str, *, now: datetime
) -> int:
    """End every session that was opened through an identity provider; return how many."""
    return len(await _end(session, provider_id, Session.identity_provider == idp_id, why, now))


async def end_session_of(
    session: AsyncSession, provider_id: UUID, cookie: str, why: str, *, now: datetime
) -> Ended | None:
    """End the session of a cookie; None when it is not open."""
    return next(iter(await _end(session, provider_id, Session.secret_hash == hash_secret(cookie), why, now)), None)


async def forget_sessions_of(session: AsyncSession, provider_id: UUID, member_id: UUID) -> None:
    """Have every process ask again what a member may do: their role or their practices changed."""
    open_ones = await session.scalars(
        select(Session.secret_hash).where(
            Session.provider_id == provider_id, Session.member_id == member_id, Session.ended_at.is_(None)
        )
    )
    for secret_hash in open_ones.all():
        await announce(session, "session", secret_hash.hex())


async def _end(
    session: AsyncSession, provider_id: UUID, chosen: ColumnElement[bool], why: str, now: datetime
) -> list[Ended]:
    ended = await session.execute(
        update(Session)
        .where(Session.provider_id == provider_id, chosen, Session.ended_at.is_(None))
        .values(ended_at=now, ended_why=why, id_token=None)
        .returning(Session.id, Session.member_id, Session.secret_hash)
    )
    rows = ended.all()
    for row in rows:
        await announce(session, "session", row.secret_hash.hex())
    return [Ended(row.id, row.member_id) for row in rows]


@dataclass(slots=True)
class _Known:
    principal: Principal
    seen_at: datetime
    idle: timedelta
    expires_at: datetime

    def holds(self, now: datetime) -> bool:
        return now < self.expires_at and now < self.seen_at + self.idle


def form_token(cookie: str) -> str:
    """Return what a form on our own pages carries to show that it was written for this session (CSRF)."""
    return b64url(hash_secret(f"form {cookie}"))


class Sessions:
    """Finds the person behind a cookie, remembering for a moment who it was."""

    def __init__(self, database: Database, monotonic: Callable[[], float]) -> None:
        self._database = database
        self._monotonic = monotonic
        self._known: Remembered[str, _Known] = Remembered(capacity=10_000, ttl_s=REMEMBERED_S, clock=monotonic)

    async def principal_of(self, cookie: str, now: datetime, *, used: bool = True) -> Principal | None:
        """Return the person of a session cookie; None when it is unknown, ended, expired or idle too long.

        `used`: somebody is using the session now; false for a stream that only looks whether it may go on.
        """
        provider_id = provider_of(cookie, "vss")
        if provider_id is None:
            return None
        secret_hash = hash_secret(cookie)
        known = self._known.get(secret_hash.hex()) or await self._look_up(provider_id, secret_hash)
        if known is None or not known.holds(now):
            return None
        if used and now - known.seen_at >= SEEN_EVERY:
            if not await self._touch(provider_id, secret_hash, now):
                self._known.forget(secret_hash.hex())
                return None
            known.seen_at = now  # in place: what is remembered gets no younger by being used
        return known.principal

    async def _look_up(self, provider_id: UUID, secret_hash: bytes) -> _Known | None:
        asked = self._monotonic()
        known = await self._find(provider_id, secret_hash)
        if known is not None:
            self._known.put(secret_hash.hex(), known, as_of=asked)
        return known

    async def _find(self, provider_id: UUID, secret_hash: bytes) -> _Known | None:
        async with self._database.session(provider_id, write=False) as session:
            found = await session.execute(
                select(Session, Member)
                .join(Member, (Member.provider_id == Session.provider_id) & (Member.id == Session.member_id))
                .where(Session.provider_id == provider_id, Session.secret_hash == secret_hash)
                .where(Session.ended_at.is_(None), Member.removed_at.is_(None))
            )
            row = found.first()
            if row is None:
                return None
            principal = await principal_of_member(session, row.Member, session_id=row.Session.id)
            idle = timedelta(seconds=row.Session.idle_s)
            return _Known(principal, row.Session.seen_at, idle, row.Session.expires_at)

    async def _touch(self, provider_id: UUID, secret_hash: bytes, now: datetime) -> bool:
        """Note that the session was used; False when it has ended meanwhile."""
        async with self._database.session(provider_id, write=True) as session:
            touched = await session.execute(
                update(Session)
                .where(Session.provider_id == provider_id, Session.secret_hash == secret_hash)
                .where(Session.ended_at.is_(None))
                .values(seen_at=now)
                .returning(Session.id)
            )
            return touched.first() is not None

    def on_change(self, key: str) -> None:
        """Forget a session that changed or ended."""
        self._known.forget(key)

    def on_hearing(self, hearing: bool) -> None:  # noqa: FBT001 - it is the news itself
        """Forget everything when notifications begin or stop to arrive."""
        self._known.forget_all()
        self._known.hearing = hearing


async def principal_of_member(session: AsyncSession, member: Member, *, session_id: UUID | None = None) -> Principal:
    """Return the principal a member is: role, permissions, and the practices they may see."""
    role = cast("Role", member.role)  # a check constraint of the table says so
    practices: frozenset[UUID] | None = None
    if member.practice_id is not None:
        practices = frozenset({member.practice_id})
    elif member.limited:
        rows = await session.scalars(
            select(MemberPractice.practice_id).where(
                MemberPractice.provider_id == member.provider_id, MemberPractice.member_id == member.id
            )
        )
        practices = frozenset(rows)
    return Principal(
        kind="member",
        provider_id=member.provider_id,
        subject=str(member.id),
        permissions=PERMISSIONS[role],
        practices=ALL_PRACTICES if practices is None else practices,
        role=role,
        session_id=session_id,
        name=member.name,
    )
