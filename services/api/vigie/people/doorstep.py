"""What a sign-in reads and writes before it is known to which provider the person belongs (role `vigie_signin`).

The only place that looks across providers: accounts, the memberships of one account, the invitations for one RPPS number, the
sessions that a back-channel logout ends. It changes accounts and nothing else; whatever belongs to a provider is
written as `vigie_app`, bound to that provider.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.models import Account, Member, Session
from vigie.auth.oidc.identity import Identity
from vigie.auth.used_once import NOBODY
from vigie.core.db import Database
from vigie.core.ids import uuid7
from vigie.people.errors import IdentityConflictError
from vigie.people.models import Invitation
from vigie.practices.models import Practice, Provider, practice_of

_ROUNDS: Final = 5  # how often a first sign-in that met another of the same person looks again


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """The account of whoever signed in; `relinked`: its subject was replaced, the national number being the same."""

    id: UUID
    relinked: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody may go: a membership, or (`member_id` None) an invitation for their RPPS number."""

    provider_id: UUID
    provider_name: str
    role: str
    practice_id: UUID | None
    practice_name: str | None
    member_id: UUID | None = None
    invitation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that a logout notice is about."""

    provider_id: UUID
    session_id: UUID
    member_id: UUID = field(repr=False)


class Doorstep:
    """The narrow access of a sign-in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def account_of(self, identity: Identity, now: datetime) -> KnownAccount:
        """Return the account of a verified identity, made at the first sign-in: one at most, however many come at once.

        An unknown subject with a national number that the same issuer vouched for before is the same person: the account
        is given the new subject. Raises `IdentityConflictError` when subject and number are of two different people.
        """
        for _ in range(_ROUNDS):
            async with self._database.session(NOBODY, write=True) as session:
                found = await _account(session, identity, now)
            if found is not None:
                return found
        raise IdentityConflictError

    async def memberships_of(self, account_id: UUID) -> Sequence[Place]:
        """Return the open memberships of an account; practices that are archived are left out."""
        chosen = _places(Member).where(Member.account_id == account_id, Member.removed_at.is_(None))
        async with self._database.session(NOBODY, write=False) as session:
            rows = await session.execute(chosen.order_by(Provider.name, Practice.name, Member.id))
            return [_place(row, member_id=row.id) for row in rows]

    async def invitations_for(self, rpps: str, now: datetime) -> Sequence[Place]:
        """Return the open invitations for an RPPS number, all eleven digits of which are the same."""
        chosen = _places(Invitation).where(
            Invitation.rpps == rpps,
            Invitation.used_at.is_(None),
            Invitation.revoked_at.is_(None),
            Invitation.expires_at > now,
        )
        async with self._database.session(NOBODY, write=False) as session:
            rows = await session.execute(chosen.order_by(Provider.name, Practice.name, Invitation.id))
            return [_place(row, invitation_id=row.id) for row in rows]

    async def sessions_at(
        self, idp: str, issuer: str, *, sid: str | None, subject: str | None
    ) -> Sequence[OpenSession]:
        """Return the open sessions that came through an identity provider: of one session there, else of one person."""
        chosen = (
            select(Session.provider_id, Session.id, Session.member_id)
            .where(Session.identity_provider == idp, Session.issuer == issuer, Session.ended_at.is_(None))
            .order_by(Session.provider_id, Session.id)
        )
        if sid is not None:
            chosen = chosen.where(Session.sid == sid)
        else:
            chosen = chosen.join(Account, Account.id == Session.account_id).where(Account.subject == subject)
        async with self._database.session(NOBODY, write=False) as session:
            return [OpenSession(*row) for row in await session.execute(chosen)]

    async def close(self) -> None:
        """Close every connection."""
        await self._database.close()


def _place(row: Any, *, member_id: UUID | None = None, invitation_id: UUID | None = None) -> Place:
    return Place(
        row.provider_id, row.provider_name, row.role, row.practice_id, row.practice_name, member_id, invitation_id
    )


def _places(table: type[Member] | type[Invitation]) -> Select[*tuple[Any, ...]]:
    """Return the statement over memberships or invitations, with the names of provider and practice; archived ones left out."""
    names = (Provider.name.label("provider_name"), Practice.name.label("practice_name"))
    return (
        select(table.provider_id, table.role, table.practice_id, table.id, *names)
        .join(Provider, Provider.id == table.provider_id)
        .outerjoin(Practice, practice_of(table))
        .where(or_(table.practice_id.is_(None), Practice.archived_at.is_(None)))
    )


async def _account(session: AsyncSession, identity: Identity, now: datetime) -> KnownAccount | None:
    """Find, relink or make the account; None when another sign-in of the same person made it at this very moment."""
    national_id = identity.professional.national_id if identity.professional else None
    known = await _locked(session, Account.issuer == identity.issuer, Account.subject == identity.subject)
    if known is not None:
        _refuse_another_person(known, identity, national_id)
        await _note(session, known.id, now, national_id=national_id or known.national_id)
        return KnownAccount(known.id)
    if national_id is not None:
        known = await _locked(session, Account.issuer == identity.issuer, Account.national_id == national_id)
        if known is not None:
            await _note(session, known.id, now, subject=identity.subject)
            return KnownAccount(known.id, relinked=True)
    made = await session.execute(
        insert(Account)
        .values(
            id=uuid7(),
            issuer=identity.issuer,
            subject=identity.subject,
            national_id=national_id,
            created_at=now,
            last_sign_in_at=now,
        )
        .on_conflict_do_nothing()
        .returning(Account.id)
    )
    row = made.first()
    return KnownAccount(row.id) if row is not None else None


async def _locked(session: AsyncSession, *conditions: Any) -> Account | None:
    found: Account | None = (await session.scalars(select(Account).where(*conditions).with_for_update())).first()
    return found


async def _note(session: AsyncSession, account_id: UUID, now: datetime, **changed: str | None) -> None:
    await session.execute(update(Account).where(Account.id == account_id).values(last_sign_in_at=now, **changed))


def _refuse_another_person(known: Account, identity: Identity, national_id: str | None) -> None:
    """Raise `IdentityConflictError` when a known subject comes with another person's number.

    A number that replaces the one we knew is accepted when the provider still names the old one beside it (ADELI numbers
    became RPPS numbers).
    """
    if national_id is None or known.national_id is None or national_id == known.national_id:
        return
    others = {other.value for other in identity.professional.other_ids} if identity.professional else set()
    if others.isdisjoint({known.national_id, known.national_id[1:]}):
        raise IdentityConflictError
