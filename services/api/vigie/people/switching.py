"""Going from one of one's own places to another without signing in again: another practice, another provider."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.audit.actions import Action
from vigie.audit.log import Actor, NewEntry, append
from vigie.auth.models import Member, Session
from vigie.auth.oidc.profiles import IdentityProvider
from vigie.auth.principal import Principal
from vigie.auth.sessions import NewSession, open_session
from vigie.core.errors import NotFoundError
from vigie.people.doors import opens
from vigie.people.doorstep import Place
from vigie.people.errors import PeopleOnlyError
from vigie.people.kit import People
from vigie.people.queries import own_session


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A person's session, and every place of theirs that it could be at."""

    session: Session = field(repr=False)
    here: UUID
    places: Sequence[Place]


async def whereabouts(people: People, session: AsyncSession, principal: Principal) -> Whereabouts:
    """Return where a person is and may go: what their identity provider opens. Raises `PeopleOnlyError` for a partner client."""
    if principal.session_id is None:
        raise PeopleOnlyError
    row = await own_session(session, principal)
    places = await people.doorstep.memberships_of(row.account_id)
    elsewhere = any(place.member_id != row.member_id for place in places)
    idp = await people.providers.find(row.identity_provider) if elsewhere else None
    return Whereabouts(row, row.member_id, [place for place in places if _may_go(row, idp, place)])


def _may_go(session: Session, idp: IdentityProvider | None, place: Place) -> bool:
    if place.member_id == session.member_id:
        return True
    if idp is None or not opens(idp, place.role, place.provider_id):
        return False
    return place.role != "practitioner" or session.profession is not None


async def switch(
    people: People, at: Whereabouts, member_id: UUID, address: str | None, now: datetime
) -> tuple[str, Place]:
    """Open a session at another place of the person's; return the new cookie's value. It ends when the old one would have.

    The caller ends the old one, last, in its own unit of work. Raises `NotFoundError` for what is not among their places.
    """
    place = next((place for place in at.places if place.member_id == member_id), None)
    if place is None or place.member_id == at.here:
        raise NotFoundError
    old = at.session
    async with people.database.session(place.provider_id, write=True) as session:
        found = await session.scalars(
            select(Member)
            .where(Member.provider_id == place.provider_id, Member.id == member_id, Member.removed_at.is_(None))
            .with_for_update(key_share=True)
        )
        member = found.first()
        if member is None:
            raise NotFoundError
        row, secret = await open_session(
            session,
            NewSession(
                member=member,
                identity_provider=old.identity_provider,
                issuer=old.issuer,
                idle=timedelta(seconds=old.idle_s),
                lifetime=old.expires_at - now,
                sid=old.sid,
                acr=old.acr,
                id_token=old.id_token,
                profession=old.profession,
                user_agent=old.user_agent,
                address=address,
            ),
            now=now,
        )
        entry = NewEntry(
            member.provider_id,
            Actor("member", str(member.id), member.name, member.role),
            Action.SESSION_OPEN,
            object_id=str(row.id),
            practice_id=member.practice_id,
            address=address,
            details={"identity_provider": old.identity_provider, "switched": True},
        )
        await append(session, entry, now)
    return secret, place
