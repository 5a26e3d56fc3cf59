"""Reading members, invitations and partner clients for lists, and checking that practices named in a request are the caller's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, and_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.dependencies import Call
from vigie.auth.models import Member, PartnerClient, PartnerKey, PartnerPractice, PartnerSecret, Session
from vigie.auth.principal import Principal
from vigie.core.db import PROVIDER
from vigie.core.errors import NotFoundError
from vigie.core.pagination import keyset, page_of
from vigie.people.client_schemas import ClientQuery
from vigie.people.models import Invitation, ProviderIdentity
from vigie.people.schemas import InvitationQuery, MemberQuery
from vigie.practices.models import Practice, Provider
from vigie.practices.queries import visible_practices

_Owned = TypeVar("_Owned", PartnerKey, PartnerPractice, PartnerSecret)


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


_NAMES: Final = (
    select(Provider.name.label("provider"), Practice.name.label("practice"))
    .outerjoin(Practice, and_(Practice.provider_id == Provider.id, Practice.id == bindparam("practice", type_=Uuid)))
    .where(Provider.id == PROVIDER)
)  # made once: every page asks it


async def names_of(session: AsyncSession, provider_id: UUID, practice_id: UUID | None) -> Names | None:
    """Return the names of a provider and, if one is meant, of a practice; None when there is no such provider."""
    row = (await session.execute(_NAMES, {"provider": provider_id, "practice": practice_id})).first()
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


@dataclass(frozen=True, slots=True)
class ClientView:
    """A partner client with what it may authenticate with at this instant, and what it is limited to."""

    client: PartnerClient
    secrets: Sequence[PartnerSecret]
    keys: Sequence[PartnerKey]
    practices: Sequence[UUID]


async def list_clients(call: Call, query: ClientQuery) -> tuple[Sequence[ClientView], str | None]:
    """Return a page of the partner clients of the caller's provider, latest first."""
    chosen = select(PartnerClient).where(PartnerClient.provider_id == call.principal.provider_id)
    if query.status is not None:
        revoked = PartnerClient.revoked_at.is_not(None)
        chosen = chosen.where(revoked if query.status == "revoked" else ~revoked)
    order = [PartnerClient.created_at, PartnerClient.client_id]
    rows = (
        await call.session.scalars(keyset(chosen, query, order, [datetime.fromisoformat, str], descending=True))
    ).all()
    page, following = page_of(rows, query, lambda row: (row.created_at, row.client_id))
    return await _client_views(call, page), following


async def client_view(call: Call, client_id: str) -> ClientView:
    """Return a partner client of the caller's provider; raises `NotFoundError`."""
    found = await call.session.scalars(
        select(PartnerClient)
        .where(PartnerClient.provider_id == call.principal.provider_id, PartnerClient.client_id == client_id)
        .execution_options(populate_existing=True)
    )
    client = found.first()
    if client is None:
        raise NotFoundError
    return (await _client_views(call, [client]))[0]


async def _client_views(call: Call, clients: Sequence[PartnerClient]) -> list[ClientView]:
    ids = [client.client_id for client in clients]
    secrets = await _owned(call, PartnerSecret, ids, PartnerSecret.created_at, PartnerSecret.id)
    keys = await _owned(call, PartnerKey, ids, PartnerKey.created_at, PartnerKey.kid)
    practices = await _owned(call, PartnerPractice, ids, PartnerPractice.practice_id)
    return [
        ClientView(
            client,
            [row for row in secrets.get(client.client_id, ()) if row.expires_at is None or row.expires_at > call.now],
            keys.get(client.client_id, ()),
            [row.practice_id for row in practices.get(client.client_id, ())],
        )
        for client in clients
    ]


async def _owned(call: Call, table: type[_Owned], clients: Sequence[str], *order: Any) -> dict[str, list[_Owned]]:
    """Return what belongs to clients, by client, in an order."""
    rows = await call.session.scalars(
        select(table)
        .where(table.provider_id == call.principal.provider_id, table.client_id.in_(clients))
        .order_by(*order)
        .execution_options(populate_existing=True)
    )
    found: dict[str, list[_Owned]] = {}
    for row in rows:
        found.setdefault(row.client_id, []).append(row)
    return found
