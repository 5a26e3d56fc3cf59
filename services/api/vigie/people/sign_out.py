"""Ending sessions: by the person, by the identity provider (back-channel logout)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from vigie.audit.actions import Action
from vigie.audit.log import SYSTEM, Actor, NewEntry, append, append_all
from vigie.auth.models import Session
from vigie.auth.oidc.logout import logout_url, receive_logout
from vigie.auth.oidc.profiles import IdentityProvider
from vigie.auth.principal import Principal
from vigie.auth.sessions import end_session
from vigie.core.crypto import new_secret
from vigie.core.errors import NotFoundError
from vigie.core.sealing import SealBrokenError
from vigie.people.doorstep import OpenSession
from vigie.people.kit import People
from vigie.people.queries import own_session, own_sessions
from vigie.people.sign_in import ID_TOKEN

LOGGED_OUT_PATH: Final = "/auth/logged-out"
SIGNED_OUT: Final = "signed out"


@dataclass(frozen=True, slots=True)
class FarewellTo:
    """Where the browser goes to end the session at the identity provider as well, and the state it is to bring back."""

    label: str
    url: str = field(repr=False)
    state: str = field(repr=False)


def is_open(session: Session, now: datetime) -> bool:
    """Whether a session that nobody ended still holds."""
    return now < session.expires_at and (now - session.seen_at).total_seconds() < session.idle_s


async def end_own_session(session: AsyncSession, principal: Principal, session_id: UUID, *, now: datetime) -> None:
    """End one of a person's sessions at the place they are at; raises `NotFoundError` for any other."""
    if session_id not in {row.id for row in await own_sessions(session, principal)}:
        raise NotFoundError
    await end_session(session, principal.provider_id, session_id, "ended by the person", now=now)


async def sign_out(people: People, principal: Principal, address: str | None, now: datetime) -> FarewellTo | None:
    """End the person's session here; return where to end it at the identity provider, if it can be ended there.

    Ours has ended whatever the provider answers, or whether it answers.
    """
    if principal.session_id is None:
        return None
    async with people.database.session(principal.provider_id, write=True) as session:
        row = await own_session(session, principal)
        idp_id, sealed = row.identity_provider, row.id_token
        if await end_session(session, principal.provider_id, row.id, SIGNED_OUT, now=now) is not None:
            actor = Actor("member", principal.subject, principal.name or None, principal.role)
            entry = NewEntry(principal.provider_id, actor, Action.SESSION_END, object_id=str(row.id), address=address)
            await append(session, entry, now)
    return await _farewell(people, idp_id, sealed, now)


async def _farewell(people: People, idp_id: str, sealed: bytes | None, now: datetime) -> FarewellTo | None:
    idp = await people.providers.find(idp_id)
    if idp is None or people.party is None:
        return None
    try:
        id_token = people.party.sealer.open(ID_TOKEN, sealed).decode() if sealed else None
    except SealBrokenError:
        id_token = None
    state = new_secret()
    return_uri = f"{people.public_url}{LOGGED_OUT_PATH}"
    url = await logout_url(people.party, idp, id_token=id_token, return_uri=return_uri, state=state, now=now)
    return None if url is None else FarewellTo(idp.label, url, state)


async def end_by_notice(
    people: People, idp: IdentityProvider, logout_token: str, address: str | None, now: datetime
) -> int:
    """Believe a verified logout token: end the sessions it is about, on every process; return how many.

    Raises a `SignInError` for a token that does not hold.
    """
    notice = await receive_logout(people.relying_party(), idp, logout_token, now)
    about = await people.doorstep.sessions_at(idp.id, notice.issuer, sid=notice.sid, subject=notice.subject)
    ended = 0
    for provider_id in sorted({each.provider_id for each in about}):
        async with people.database.session(provider_id, write=True) as session:
            entries = [
                _ended_by(idp, each, address)
                for each in about
                if each.provider_id == provider_id
                and await end_session(session, provider_id, each.session_id, "identity provider", now=now)
            ]
            await append_all(session, entries, now)
        ended += len(entries)
    return ended


def _ended_by(idp: IdentityProvider, ended: OpenSession, address: str | None) -> NewEntry:
    return NewEntry(
        ended.provider_id,
        SYSTEM,
        Action.SESSION_END,
        object_id=str(ended.session_id),
        address=address,
        details={"identity_provider": idp.id, "member": str(ended.member_id)},
    )
