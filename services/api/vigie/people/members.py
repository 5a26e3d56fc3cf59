"""Members: making one, changing what they may do, removing them. What it changes is effective everywhere within a second."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.models import Member, MemberPractice
from vigie.auth.principal import PRACTICE_ROLES
from vigie.auth.sessions import end_sessions_of, forget_sessions_of
from vigie.core.errors import NotFoundError
from vigie.core.ids import uuid7
from vigie.people.errors import LastOwnerError, RoleMismatchError


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody is at a provider: a role, at one practice or at the provider, there perhaps limited to some practices."""

    role: str
    practice_id: UUID | None = None
    practices: frozenset[UUID] | None = None  # None: all of the provider's

    def check(self) -> None:
        """Raise `RoleMismatchError` on what contradicts itself."""
        if (self.role in PRACTICE_ROLES) != (self.practice_id is not None):
            raise RoleMismatchError("a practice goes with the roles of a practice, and only with them")
        if self.practices is not None and self.role != "technician":
            raise RoleMismatchError("only a technician can be limited to some practices")


async def add_member(  # noqa: PLR0913 - what a member is made of
    session: AsyncSession,
    provider_id: UUID,
    account_id: UUID,
    standing: Standing,
    *,
    name: str,
    email: str | None = None,
    profession: str | None = None,
    now: datetime,
) -> Member:
    """Make an account a member; the database refuses a second open membership at the same place."""
    standing.check()
    member = Member(
        provider_id=provider_id,
        id=uuid7(),
        account_id=account_id,
        role=standing.role,
        practice_id=standing.practice_id,
        limited=standing.practices is not None,
        name=name[:160],
        email=email,
        profession=profession,
        created_at=now,
    )
    session.add(member)
    await session.flush()
    await _see_only(session, member, standing.practices or ())
    return member


async def change_member(
    session: AsyncSession, provider_id: UUID, member_id: UUID, standing: Standing
) -> tuple[Member, bool]:
    """Give a member another role at the provider, or another set of practices; return them and whether anything changed.

    Somebody of a practice keeps role and practice: their identity provider may not open another, so they are invited anew.
    Raises `NotFoundError`, `RoleMismatchError`, `LastOwnerError`.
    """
    owners = await _lock_owners(session, provider_id)
    member = await locked_member(session, provider_id, member_id)
    standing.check()
    if (member.role in PRACTICE_ROLES or standing.role in PRACTICE_ROLES) and member.role != standing.role:
        raise RoleMismatchError("somebody of a practice is invited anew for another role")
    if standing.role != "owner" and owners == [member.id]:
        raise LastOwnerError
    seen = await practices_of(session, provider_id, [member_id])
    before = Standing(member.role, member.practice_id, frozenset(seen.get(member.id, ())) if member.limited else None)
    if before == standing:
        return member, False
    member.role, member.limited = standing.role, standing.practices is not None
    await session.flush()
    await _see_only(session, member, standing.practices or ())
    await forget_sessions_of(session, provider_id, member.id)
    return member, True


async def remove_member(session: AsyncSession, provider_id: UUID, member_id: UUID, *, now: datetime) -> int:
    """End a membership and every session of it; return how many sessions. Raises `NotFoundError` and `LastOwnerError`."""
    owners = await _lock_owners(session, provider_id)
    member = await locked_member(session, provider_id, member_id)
    if owners == [member.id]:
        raise LastOwnerError
    member.removed_at = now
    await session.flush()
    return await end_sessions_of(session, provider_id, member.id, "member removed", now=now)


async def locked_member(session: AsyncSession, provider_id: UUID, member_id: UUID) -> Member:
    """Return an open membership of a provider, locked; raises `NotFoundError`."""
    found = await session.scalars(
        select(Member)
        .where(Member.provider_id == provider_id, Member.id == member_id, Member.removed_at.is_(None))
        .with_for_update(key_share=True)
    )
    member = found.first()
    if member is None:
        raise NotFoundError
    return member


async def practices_of(
    session: AsyncSession, provider_id: UUID, members: Sequence[UUID]
) -> Mapping[UUID, Sequence[UUID]]:
    """Return the practices that limited technicians see, by member."""
    rows = await session.execute(
        select(MemberPractice.member_id, MemberPractice.practice_id)
        .where(MemberPractice.provider_id == provider_id, MemberPractice.member_id.in_(members))
        .order_by(MemberPractice.member_id, MemberPractice.practice_id)
    )
    found: dict[UUID, list[UUID]] = {}
    for member_id, practice_id in rows:
        found.setdefault(member_id, []).append(practice_id)
    return found


async def _lock_owners(session: AsyncSession, provider_id: UUID) -> list[UUID]:
    """Lock the owners of a provider, in order, so that two of them cannot remove each other at the same moment."""
    owners = await session.scalars(
        select(Member.id)
        .where(Member.provider_id == provider_id, Member.role == "owner", Member.removed_at.is_(None))
        .order_by(Member.id)
        .with_for_update(key_share=True)
    )
    return list(owners.all())


async def _see_only(session: AsyncSession, member: Member, practices: Iterable[UUID]) -> None:
    """Write which practices a limited technician sees, instead of those of before."""
    key = {"provider_id": member.provider_id, "member_id": member.id}
    await session.execute(
        delete(MemberPractice).where(
            MemberPractice.provider_id == member.provider_id, MemberPractice.member_id == member.id
        )
    )
    rows = [{**key, "practice_id": practice} for practice in sorted(practices)]
    if rows:
        await session.execute(insert(MemberPractice), rows)
