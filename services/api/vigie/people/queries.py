"""Reading members and invitations for lists, and checking that practices named in a request are the caller's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.dependencies import Call
from vigie.auth.models import Member, Session
from vigie.auth.principal import Principal
from vigie.core.errors import NotFoundError
from vigie.core.pagination import keyset, page_of
from vigie.people.models import Invitation, ProviderIdentity
from vigie.people.schemas import InvitationQuery, MemberQuery
from vigie.practices.models import Practice, Provider
from vigie.practices.queries import visible_practices


async def list_members(call: Call, query: MemberQuery) -> tuple[Sequence[Member], str | None]:
    """Return a page of the open memberships of the caller's provider, in the order in which they joined."""
    chosen = select(Member).where(Member.provider_id == call.principal.provider_id, Member.removed_at.is_(None))
    if query.role is not None:
        chosen = chosen.where(Member.role == query.role)
    if query.practice_id is not None:
        chosen = chosen.where(Member.practice_id == query.practice_id)
    rows = (await call.session.scalars(keyset(chosen, query, [Member.id], [UUID]))).all()
    return page_of(rows, query, lambda row: (row.id,))


async def list_invitations(call: Call, query: InvitationQuery) -> tuple[Sequence[Invitation], str | None]:
    """Return a page of the invitations of the caller's provider, latest first."""
    chosen = select(Invitation).where(Invitation.provider_id == call.principal.provider_id)
    if query.status is not None:
        chosen = chosen.where(_in_status(query.status, call.now))
    rows = (await call.session.scalars(keyset(chosen, query, [Invitation.id], [UUID], descending=True))).all()
    return page_of(rows, query, lambda row: (row.id,))


def status_of(invitation: Invitation, now: datetime) -> str:
    """Return the one word for the state an invitation is in."""
    if invitation.used_at is not None:
        return "used"
    if invitation.revoked_at is not None:
        return "revoked"
    return "expired" if now >= invitation.expires_at else "open"


def _in_status(status: str, now: datetime) -> ColumnElement[bool]:
    untouched = and_(Invitation.used_at.is_(None), Invitation.revoked_at.is_(None))
    return {
        "used": Invitation.used_at.is_not(None),
        "revoked": and_(Invitation.used_at.is_(None), Invitation.revoked_at.is_not(None)),
        "expired": and_(untouched, Invitation.expires_at <= now),
        "open": and_(untouched, Invitation.expires_at > now),
    }[status]


async def list_issuers(call: Call) -> Sequence[ProviderIdentity]:
    """Return the issuers of the caller's provider that may be used, the oldest first; there are few."""
    rows = await call.session.scalars(
        select(ProviderIdentity)
        .where(ProviderIdentity.provider_id == call.principal.provider_id, ProviderIdentity.disabled_at.is_(None))
        .order_by(ProviderIdentity.created_at, ProviderIdentity.id)
    )
    return rows.all()


@dataclass(frozen=True, slots=True)
class Names:
    """How a provider and a practice of it are called."""

    provider: str
    practice: str | None


async def names_of(session: AsyncSession, provider_id: UUID, practice_id: UUID | None) -> Names | None:
    """Return the names of a provider and, if one is meant, of a practice; None when there is no such provider."""
    found = await session.execute(
        select(Provider.name.label("provider"), Practice.name.label("practice"))
        .outerjoin(Practice, and_(Practice.provider_id == Provider.id, Practice.id == practice_id))
        .where(Provider.id == provider_id)
    )
    row = found.first()
    return None if row is None else Names(row.provider, row.practice)


async def own_session(session: AsyncSession, principal: Principal) -> Session:
    """Return the session a person is calling with."""
    found = await session.scalars(
        select(Session).where(Session.provider_id == principal.provider_id, Session.id == principal.session_id)
    )
    return found.one()


async def own_sessions(session: AsyncSession, principal: Principal) -> Sequence[Session]:
    """Return the sessions of a person as this member that nobody ended, the latest used first."""
    found = await session.scalars(
        select(Session)
        .where(Session.provider_id == principal.provider_id, Session.member_id == UUID(principal.subject))
        .where(Session.ended_at.is_(None))
        .order_by(Session.seen_at.desc(), Session.id)
    )
    return found.all()


async def refuse_foreign_practices(call: Call, practices: Iterable[UUID]) -> None:
    """Raise `NotFoundError` unless every practice is one the caller sees and is not archived."""
    asked = set(practices)
    if not asked:
        return
    statement: Any = visible_practices(call.principal).where(Practice.id.in_(asked), Practice.archived_at.is_(None))
    found = {practice.id for practice in (await call.session.scalars(statement)).all()}
    if found != asked:
        raise NotFoundError
