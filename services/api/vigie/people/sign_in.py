"""From a verified identity to a session: who is it, what are they members of or invited to, which of it does this door open.

    identity → account → places (memberships, invitations by RPPS number) → none: why not · one: in · several: a choice
                       → a link that was followed: that one

Whatever is decided is decided again in the transaction that opens the session, with the rows locked.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.audit.actions import Action
from vigie.audit.log import ANONYMOUS, OPERATOR_CHAIN, SYSTEM, Actor, NewEntry, append, append_all
from vigie.auth.identifiers import provider_of
from vigie.auth.models import Member
from vigie.auth.oidc.errors import (
    AttemptExpiredError,
    AttemptUnknownError,
    ProviderAwayError,
    ResponseMalformedError,
)
from vigie.auth.oidc.identity import Identity
from vigie.auth.oidc.profiles import IdentityProvider
from vigie.auth.sessions import NewSession, end_session_of, open_session
from vigie.core.errors import AppError
from vigie.people.doors import opens
from vigie.people.doorstep import Place
from vigie.people.errors import (
    AlreadyMemberError,
    InvitationUnknownError,
    NoAccessError,
    ProfessionRefusedError,
    WrongDoorError,
)
from vigie.people.invitations import (
    invitation_by_id,
    invitation_of,
    provider_of_token,
    refuse_spent,
    standing_of,
)
from vigie.people.kit import People
from vigie.people.members import add_member
from vigie.people.models import Invitation

ID_TOKEN: Final = "id token"  # noqa: S105 - what a sealed ID token is bound to
REPLACED: Final = "signed in again"


@dataclass(frozen=True, slots=True)
class Browser:
    """Where a request came from, and the session cookie it still carried."""

    address: str | None
    user_agent: str | None
    cookie: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Whoever passed the identity provider, as far as it matters here; `repr` shows no person.

    `profession`: the codes of the professions with full rights, None when there is none. `sealed_id_token` is for the logout.
    """

    idp: str
    issuer: str
    account_id: UUID
    relinked: bool
    name: str = field(repr=False)
    email: str | None = field(repr=False)
    rpps: str | None = field(repr=False)
    profession: str | None
    sid: str | None = field(repr=False)
    acr: str | None
    sealed_id_token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Visit:
    """A visitor at a door, at an instant."""

    idp: IdentityProvider
    visitor: Visitor
    browser: Browser
    now: datetime


@dataclass(frozen=True, slots=True)
class Entered:
    """An open session: the secret is the value of the cookie."""

    secret: str = field(repr=False)
    provider_id: UUID
    member_id: UUID


async def recognise(people: People, identity: Identity, now: datetime) -> Visitor:
    """Return the visitor an identity is, their account made at the first time. Raises `IdentityConflictError`."""
    account = await people.doorstep.account_of(identity, now)
    if account.relinked:
        await _record_relink(people, identity, account.id, now)
    professional = identity.professional
    return Visitor(
        idp=identity.idp,
        issuer=identity.issuer,
        account_id=account.id,
        relinked=account.relinked,
        name=identity.name or identity.email or "",
        email=identity.email,
        rpps=professional.rpps if professional else None,
        profession=",".join(sorted(professional.professions)) or None if professional else None,
        sid=identity.sid,
        acr=identity.acr,
        sealed_id_token=people.relying_party().sealer.seal(ID_TOKEN, identity.id_token.encode()),
    )


async def _record_relink(people: People, identity: Identity, account_id: UUID, now: datetime) -> None:
    """Record, with the operator, that an account was given another subject: it belongs to no provider."""
    entry = NewEntry(
        OPERATOR_CHAIN,
        SYSTEM,
        Action.ACCOUNT_RELINK,
        object_id=str(account_id),
        details={"identity_provider": identity.idp, "issuer": identity.issuer},
    )
    async with people.database.session(OPERATOR_CHAIN, write=True) as session:
        await append(session, entry, now)


async def places_of(people: People, visit: Visit) -> Sequence[Place]:
    """Return where a visitor may go through this door, at least one place.

    Raises `ProfessionRefusedError`, `WrongDoorError` or `NoAccessError`, whichever says best what is missing.
    """
    idp, visitor = visit.idp, visit.visitor
    # In this order: an invitation that another tab accepts meanwhile is a membership by then.
    invited = await people.doorstep.invitations_for(visitor.rpps, visit.now) if visitor.rpps else ()
    member_of = await people.doorstep.memberships_of(visitor.account_id)
    there = {(place.provider_id, place.practice_id) for place in member_of}
    found = [*member_of, *(place for place in invited if (place.provider_id, place.practice_id) not in there)]
    behind = [place for place in found if opens(idp, place.role, place.provider_id)]
    open_ones = [place for place in behind if place.role != "practitioner" or visitor.profession]
    if open_ones:
        return open_ones
    if behind:
        raise ProfessionRefusedError
    raise WrongDoorError if found else NoAccessError


async def enter(people: People, visit: Visit, place: Place) -> Entered:
    """Open a session at a place that `places_of` offered; an invitation is accepted by it.

    Raises `NoAccessError` when the membership ended meanwhile, and the errors of invitations.
    """
    with _already_member():
        async with people.database.session(place.provider_id, write=True) as session:
            if place.invitation_id is not None:
                invitation = await invitation_by_id(session, place.provider_id, place.invitation_id)
                entered = await _follow(session, visit, invitation)
            else:
                entered = await _open(session, visit, await _open_member(session, visit, place), [])
    await _end_older(people, visit, place.provider_id)
    return entered


async def enter_by_link(people: People, visit: Visit, token: str) -> Entered:
    """Accept the invitation of a link and open a session; both or nothing.

    Raises the errors of invitations, `WrongDoorError`, `ProfessionRefusedError`, `AlreadyMemberError`.
    """
    provider_id = provider_of_token(token)
    with _already_member():
        async with people.database.session(provider_id, write=True) as session:
            invitation = await invitation_of(session, provider_id, token, lock=True)
            entered = await _follow(session, visit, invitation)
    await _end_older(people, visit, provider_id)
    return entered


async def _follow(session: AsyncSession, visit: Visit, invitation: Invitation) -> Entered:
    """Accept an invitation that is locked; whoever accepted it before, in another tab perhaps, is simply let in."""
    member = await _member_of(session, invitation.provider_id, visit, Member.id == invitation.member_id)
    if member is not None:
        _refuse(visit, member.role, member.provider_id)
        return await _open(session, visit, member, [])
    member, joined = await _accept(session, visit, invitation)
    return await _open(session, visit, member, [joined])


@contextmanager
def _already_member() -> Iterator[None]:
    """Turn the database's refusal of a second membership at the same place into ours."""
    try:
        yield
    except IntegrityError as error:
        if "uq_member_provider_id_account_id_practice_id" in str(error.orig):
            raise AlreadyMemberError from error
        raise


async def _member_of(
    session: AsyncSession, provider_id: UUID, visit: Visit, which: ColumnElement[bool]
) -> Member | None:
    found = await session.scalars(
        select(Member)
        .where(Member.provider_id == provider_id, Member.account_id == visit.visitor.account_id, which)
        .where(Member.removed_at.is_(None))
        .with_for_update(key_share=True)
    )
    return found.first()


async def _open_member(session: AsyncSession, visit: Visit, place: Place) -> Member:
    member = await _member_of(session, place.provider_id, visit, Member.id == place.member_id)
    if member is None:
        raise NoAccessError
    _refuse(visit, member.role, place.provider_id)
    return member


def _refuse(visit: Visit, role: str, provider_id: UUID) -> None:
    """Raise what keeps a visitor from a role, whatever they are invited to."""
    if not opens(visit.idp, role, provider_id):
        raise WrongDoorError
    if role == "practitioner" and visit.visitor.profession is None:
        raise ProfessionRefusedError


async def _accept(session: AsyncSession, visit: Visit, invitation: Invitation) -> tuple[Member, NewEntry]:
    """Make the visitor the member an invitation is for, and the invitation used; return also what the audit will say."""
    refuse_spent(invitation, visit.now)
    visitor = visit.visitor
    if invitation.rpps is not None and invitation.rpps != visitor.rpps:
        raise NoAccessError
    _refuse(visit, invitation.role, invitation.provider_id)
    member = await add_member(
        session,
        invitation.provider_id,
        visitor.account_id,
        standing_of(invitation),
        name=visitor.name or invitation.label,
        email=visitor.email,
        profession=visitor.profession,
        now=visit.now,
    )
    invitation.used_at, invitation.member_id = visit.now, member.id
    joined = {
        "invitation": str(invitation.id),
        "role": member.role,
        "by": "link" if invitation.token_hash else "number",
    }
    return member, _entry(Action.MEMBER_JOIN, visit, member, str(member.id), joined)


async def _open(session: AsyncSession, visit: Visit, member: Member, before: Sequence[NewEntry]) -> Entered:
    """Open the session and record it all; an older one of the same browser at the same provider ends."""
    visitor, browser, now = visit.visitor, visit.browser, visit.now
    member.last_sign_in_at, member.identity_provider = now, visit.idp.id
    member.name, member.email = visitor.name[:160] or member.name, visitor.email or member.email
    if member.role == "practitioner":
        member.profession = visitor.profession
    how: dict[str, Any] = {"identity_provider": visit.idp.id, "acr": visitor.acr, "relinked": visitor.relinked}
    if browser.cookie is not None and provider_of(browser.cookie, "vss") == member.provider_id:
        older = await end_session_of(session, member.provider_id, browser.cookie, REPLACED, now=now)
        how["replaced"] = str(older.id) if older else None
    row, secret = await open_session(
        session,
        NewSession(
            member=member,
            identity_provider=visit.idp.id,
            issuer=visitor.issuer,
            idle=timedelta(seconds=visit.idp.idle_s),
            lifetime=timedelta(seconds=visit.idp.absolute_s),
            sid=visitor.sid,
            acr=visitor.acr,
            id_token=visitor.sealed_id_token,
            profession=visitor.profession,
            user_agent=browser.user_agent,
            address=browser.address,
        ),
        now=now,
    )
    await append_all(session, [*before, _entry(Action.SESSION_OPEN, visit, member, str(row.id), how)], now)
    return Entered(secret, member.provider_id, member.id)


async def _end_older(people: People, visit: Visit, entered: UUID) -> None:
    """End the session this browser had at another provider: one browser, one session."""
    cookie = visit.browser.cookie
    older = provider_of(cookie, "vss") if cookie else None
    if cookie is None or older is None or older == entered:
        return
    async with people.database.session(older, write=True) as session:
        ended = await end_session_of(session, older, cookie, REPLACED, now=visit.now)
        if ended is not None:
            actor = Actor("member", str(ended.member_id))
            entry = NewEntry(older, actor, Action.SESSION_END, object_id=str(ended.id), address=visit.browser.address)
            await append(session, entry, visit.now)


def _entry(action: Action, visit: Visit, member: Member, object_id: str, details: dict[str, Any]) -> NewEntry:
    return NewEntry(
        provider_id=member.provider_id,
        actor=Actor("member", str(member.id), member.name, member.role),
        action=action,
        object_id=object_id,
        practice_id=member.practice_id,
        address=visit.browser.address,
        details={name: value for name, value in details.items() if value},
    )


_NOT_RECORDED: Final = (AttemptUnknownError, AttemptExpiredError, ResponseMalformedError, ProviderAwayError)
"""Refusals that need no identity provider's word: anybody could fill the record with them."""


async def record_refusal(
    people: People, idp: IdentityProvider, error: AppError, token: str | None, browser: Browser, now: datetime
) -> None:
    """Record a refused sign-in: with the provider it concerns where that is known, else with the operator."""
    if isinstance(error, _NOT_RECORDED):
        return
    concerned = idp.provider_id or OPERATOR_CHAIN
    if token is not None and not isinstance(error, InvitationUnknownError):
        concerned = provider_of_token(token)
    entry = NewEntry(
        concerned,
        ANONYMOUS,
        Action.SESSION_OPEN,
        "refused",
        error.code,
        address=browser.address,
        details={"identity_provider": idp.id},
    )
    async with people.database.session(concerned, write=True) as session:
        await append(session, entry, now)
