"""Partner clients as the owner of a provider manages them. What is changed is effective everywhere within a second."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.clients import AuthMethod, add_secret
from vigie.auth.models import PartnerClient, PartnerKey, PartnerPractice, PartnerSecret
from vigie.auth.partner_keys import public_keys
from vigie.core.errors import AppError, NotFoundError
from vigie.core.invalidation import announce

_MOST_SECRETS: Final = 2
_Owned = type[PartnerKey | PartnerPractice | PartnerSecret]


class RotationRunningError(AppError):
    """Two secrets hold already: a third would leave nobody sure which one to withdraw."""

    status, code = 409, "client.rotation_running"
    title = "Two secrets of this client hold already"
    title_fr = "Deux secrets de ce client sont déjà valables"


class WrongMethodError(AppError):
    """The way this client authenticates does not go with what was asked."""

    status, code = 409, "client.wrong_method"
    title = "The client authenticates in another way"
    title_fr = "Le client s'authentifie d'une autre manière"


class ClientRevokedError(AppError):
    """The client was revoked, and stays so."""

    status, code = 409, "client.revoked"
    title, title_fr = "The client was revoked", "Le client a été révoqué"


async def locked_client(session: AsyncSession, provider_id: UUID, client_id: str) -> PartnerClient:
    """Return a living client of a provider, locked; raises `NotFoundError` and `ClientRevokedError`."""
    found = await session.scalars(
        select(PartnerClient)
        .where(PartnerClient.provider_id == provider_id, PartnerClient.client_id == client_id)
        .with_for_update(key_share=True)
    )
    client = found.first()
    if client is None:
        raise NotFoundError
    if client.revoked_at is not None:
        raise ClientRevokedError
    return client


async def rotate_secret(
    session: AsyncSession, client: PartnerClient, overlap: timedelta, *, now: datetime
) -> tuple[PartnerSecret, str]:
    """Give a client a second secret; the one of before still holds for `overlap`. Return the new one and its text.

    Raises `RotationRunningError` while two hold, `WrongMethodError` for a client without secrets.
    """
    if client.auth_method != "client_secret":
        raise WrongMethodError("this client signs its requests; change auth_method to client_secret first")
    if len(await _holding(session, client, now)) >= _MOST_SECRETS:
        raise RotationRunningError
    await session.execute(delete(PartnerSecret).where(*_of(PartnerSecret, client), PartnerSecret.expires_at <= now))
    await session.execute(
        update(PartnerSecret)
        .where(*_of(PartnerSecret, client))
        .where(or_(PartnerSecret.expires_at.is_(None), PartnerSecret.expires_at > now + overlap))
        .values(expires_at=now + overlap)
        .execution_options(synchronize_session=False)
    )
    if not overlap:
        _end_tokens(client)
    return await add_secret(session, client, now=now)


async def delete_secret(session: AsyncSession, client: PartnerClient, secret_id: UUID) -> None:
    """Withdraw a secret at once, and every token of the client with it; raises `NotFoundError`."""
    gone = await session.execute(
        delete(PartnerSecret)
        .where(*_of(PartnerSecret, client), PartnerSecret.id == secret_id)
        .returning(PartnerSecret.id)
    )
    if gone.first() is None:
        raise NotFoundError
    _end_tokens(client)


async def replace_keys(
    session: AsyncSession, client: PartnerClient, document: Sequence[Mapping[str, Any]], *, now: datetime
) -> Sequence[str]:
    """Replace the registered keys; return the names of those withdrawn, whose tokens end at once.

    Raises what `public_keys` raises, and `WrongMethodError` when a client that signs would be left without a key.
    """
    wanted = public_keys(document)
    if not wanted and client.auth_method == "private_key_jwt":
        raise WrongMethodError("this client needs a key: revoke it, or change auth_method first")
    rows = await session.scalars(select(PartnerKey).where(*_of(PartnerKey, client)))
    kept = {row.kid: row for row in rows}
    withdrawn = sorted(kid for kid, row in kept.items() if wanted.get(kid) != row.jwk)
    await session.execute(delete(PartnerKey).where(*_of(PartnerKey, client), PartnerKey.kid.in_(withdrawn)))
    for kid, jwk in wanted.items():
        if kid not in kept or kid in withdrawn:
            key = {"provider_id": client.provider_id, "client_id": client.client_id, "kid": kid}
            await session.execute(insert(PartnerKey).values(**key, jwk=jwk, created_at=now))
    if withdrawn:
        _end_tokens(client)
    return withdrawn


async def change_method(session: AsyncSession, client: PartnerClient, method: AuthMethod) -> None:
    """Let a client authenticate in another way. Towards keys, its secrets end; towards secrets, it is given one next."""
    if method == client.auth_method:
        return
    if method == "private_key_jwt":
        keys = await session.scalars(select(PartnerKey.kid).where(*_of(PartnerKey, client)))
        if keys.first() is None:
            raise WrongMethodError("register a key first")
        await session.execute(delete(PartnerSecret).where(*_of(PartnerSecret, client)))
        _end_tokens(client)
    client.auth_method = method


async def limit_to(session: AsyncSession, client: PartnerClient, practices: Iterable[UUID] | None) -> None:
    """Let a client see these practices and no others; None: all of the provider's."""
    client.limited = practices is not None
    await session.execute(delete(PartnerPractice).where(*_of(PartnerPractice, client)))
    key = {"provider_id": client.provider_id, "client_id": client.client_id}
    rows = [{**key, "practice_id": practice} for practice in sorted(set(practices or ()))]
    if rows:
        await session.execute(insert(PartnerPractice), rows)


async def tell(session: AsyncSession, client: PartnerClient) -> None:
    """Write what was changed of a client, and have every process forget it when this commits."""
    await session.flush()
    await announce(session, "client", client.client_id)


def _end_tokens(client: PartnerClient) -> None:
    """Have every token issued so far refused: who held the credential that was withdrawn may hold them too."""
    client.generation += 1


async def _holding(session: AsyncSession, client: PartnerClient, now: datetime) -> Sequence[PartnerSecret]:
    rows = await session.scalars(select(PartnerSecret).where(*_of(PartnerSecret, client)))
    return [row for row in rows if row.expires_at is None or row.expires_at > now]


def _of(table: _Owned, client: PartnerClient) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.provider_id == client.provider_id, table.client_id == client.client_id
