"""Members: making one, changing what they may do, removing them. What it changes is effective everywhere within a second."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.models import Member, MemberPractice
from vigie.auth.principal import PRACTICE_ROLES
from vigie.core.ids import uuid7
from vigie.people.errors import RoleMismatchError


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
