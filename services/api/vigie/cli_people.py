"""What the command line and the demo do directly on the database to let people in."""

from uuid import UUID

from sqlalchemy import select

from vigie.audit.actions import Action
from vigie.audit.log import OPERATOR, NewEntry, append
from vigie.core.clock import SystemClock
from vigie.core.db import Database, role_url
from vigie.people.invitations import NewInvitation, invite, link_of
from vigie.practices.models import Practice
from vigie.practices.service import known_provider
from vigie.settings import Settings


async def invite_member(settings: Settings, provider_id: UUID, new: NewInvitation) -> str | None:
    """Invite somebody as the operator; return the link, None for an invitation by number. Raises `LookupError`."""
    now = SystemClock().now()
    database = Database(*role_url(settings, "vigie_app"), pool_size=1)
    try:
        async with database.session(provider_id, write=True) as session:
            if not await known_provider(session, provider_id):
                raise LookupError(f"there is no provider {provider_id}")
            practice = new.standing.practice_id
            found = select(Practice.id).where(Practice.provider_id == provider_id, Practice.id == practice)
            if practice is not None and (await session.scalars(found)).first() is None:
                raise LookupError(f"there is no practice {practice}")
            invitation, token = await invite(session, provider_id, new, by="operator", now=now)
            entry = NewEntry(
                provider_id,
                OPERATOR,
                Action.INVITATION_CREATE,
                object_id=str(invitation.id),
                practice_id=practice,
                details={"role": new.standing.role, "link": token is not None},
            )
            await append(session, entry, now)
    finally:
        await database.close()
    return None if token is None else link_of(settings.public_url, token)
