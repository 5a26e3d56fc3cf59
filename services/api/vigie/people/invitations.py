"""Invitations: what a first sign-in needs. A link for whoever holds it, or the RPPS number of a practitioner."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.identifiers import new_invitation_token, provider_of
from vigie.core.crypto import hash_secret
from vigie.core.errors import NotFoundError
from vigie.core.ids import uuid7
from vigie.people.errors import (
    InvitationExpiredError,
    InvitationOpenError,
    InvitationRevokedError,
    InvitationUnknownError,
    InvitationUsedError,
    RoleMismatchError,
)
from vigie.people.members import Standing
from vigie.people.models import Invitation

LINK_PATH: Final = "/auth/invitation"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvitation:
    """Whom to invite, as what, for how long. With an `rpps` number there is no link: signing in is enough."""

    standing: Standing
    label: str
    lifetime: timedelta
    rpps: str | None = None


async def invite(
    session: AsyncSession, provider_id: UUID, new: NewInvitation, *, by: str, now: datetime
) -> tuple[Invitation, str | None]:
    """Write an invitation; return it with the token of its link, which is kept only as a hash.

    Raises `RoleMismatchError` and `InvitationOpenError`.
    """
    new.standing.check()
    if new.rpps is not None:
        await _refuse_second(session, provider_id, new, now)
    token = new_invitation_token(provider_id) if new.rpps is None else None
    invitation = Invitation(
        provider_id=provider_id,
        id=uuid7(),
        token_hash=hash_secret(token) if token else None,
        rpps=new.rpps,
        role=new.standing.role,
        practice_id=new.standing.practice_id,
        limited=new.standing.practices is not None,
        practices=sorted(new.standing.practices or ()),
        label=new.label,
        created_at=now,
        created_by=by,
        expires_at=now + new.lifetime,
    )
    session.add(invitation)
    await session.flush()
    return invitation, token


async def _refuse_second(session: AsyncSession, provider_id: UUID, new: NewInvitation, now: datetime) -> None:
    if new.standing.role != "practitioner":
        raise RoleMismatchError("an RPPS number invites a practitioner")
    open_ones = await session.scalars(
        select(Invitation.id).where(
            Invitation.provider_id == provider_id,
            Invitation.practice_id == new.standing.practice_id,
            Invitation.rpps == new.rpps,
            Invitation.used_at.is_(None),
            Invitation.revoked_at.is_(None),
            Invitation.expires_at > now,
        )
    )
    if open_ones.first() is not None:
        raise InvitationOpenError


def link_of(public_url: str, token: str) -> str:
    """Return the link of an invitation. The token is in the fragment: browsers send it to nobody, so no log holds it."""
    return f"{public_url}{LINK_PATH}#{token}"


def provider_of_token(token: str) -> UUID:
    """Return the provider whose invitation a token may be; raises `InvitationUnknownError` for what has no such form."""
    provider_id = provider_of(token, "vit")
    if provider_id is None:
        raise InvitationUnknownError
    return provider_id


async def invitation_of(session: AsyncSession, provider_id: UUID, token: str, *, lock: bool = False) -> Invitation:
    """Return the invitation of a link, in whatever state; raises `InvitationUnknownError`."""
    return await _found(session, provider_id, Invitation.token_hash == hash_secret(token), lock=lock)


async def invitation_by_id(session: AsyncSession, provider_id: UUID, invitation_id: UUID) -> Invitation:
    """Return an invitation and lock it; raises `InvitationUnknownError`."""
    return await _found(session, provider_id, Invitation.id == invitation_id, lock=True)


async def _found(session: AsyncSession, provider_id: UUID, which: ColumnElement[bool], *, lock: bool) -> Invitation:
    statement = select(Invitation).where(Invitation.provider_id == provider_id, which)
    found = (await session.scalars(statement.with_for_update() if lock else statement)).first()
    if found is None:
        raise InvitationUnknownError
    return found


def refuse_spent(invitation: Invitation, now: datetime) -> None:
    """Raise what keeps an invitation from being accepted now."""
    if invitation.revoked_at is not None:
        raise InvitationRevokedError
    if invitation.used_at is not None:
        raise InvitationUsedError
    if now >= invitation.expires_at:
        raise InvitationExpiredError


def standing_of(invitation: Invitation) -> Standing:
    """Return what an invitation makes of somebody."""
    practices = frozenset(invitation.practices) if invitation.limited else None
    return Standing(invitation.role, invitation.practice_id, practices)


async def revoke_invitation(session: AsyncSession, provider_id: UUID, invitation_id: UUID, *, now: datetime) -> None:
    """Take an invitation back; one that was used stays as it is. Raises `NotFoundError` and `InvitationUsedError`."""
    found = await session.scalars(
        select(Invitation)
        .where(Invitation.provider_id == provider_id, Invitation.id == invitation_id)
        .with_for_update()
    )
    invitation = found.first()
    if invitation is None:
        raise NotFoundError
    if invitation.used_at is not None:
        raise InvitationUsedError
    await session.execute(
        update(Invitation)
        .where(Invitation.provider_id == provider_id, Invitation.id == invitation_id, Invitation.revoked_at.is_(None))
        .values(revoked_at=now)
    )
