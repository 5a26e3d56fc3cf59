"""The identity providers people sign in with: the operator's, from a file, and those a provider configures for its staff."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.identifiers import new_identity_provider_id, provider_of
from vigie.auth.oidc.errors import SignInError
from vigie.auth.oidc.metadata import Directory
from vigie.auth.oidc.profiles import IdentityProvider, ProfileError, generic
from vigie.core.db import Database
from vigie.core.outbound import Outbound
from vigie.core.sealing import SealBrokenError, Sealer
from vigie.core.sentences import Sentence
from vigie.people.errors import IssuerRefusedError, TooManyIssuersError
from vigie.people.models import ProviderIdentity

log = logging.getLogger(__name__)
SECRET: Final = "identity provider"  # noqa: S105 - what a sealed client secret is bound to
_MOST: Final = 10
_CHOSEN: Final = ("scopes", "algorithms", "token_auth", "idle_s", "absolute_s", "max_age_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIssuer:
    """An issuer that a provider wants its staff to sign in with."""

    label: str
    issuer: str
    client_id: str
    client_secret: str
    options: Mapping[str, Any]


class IdentityProviders:
    """Finds the configuration of an identity provider by the id in our addresses."""

    def __init__(
        self,
        operators: Sequence[IdentityProvider],
        database: Database,
        sealer: Sealer | None,
    ) -> None:
        self.operators = {idp.id: idp for idp in operators}
        self._database = database
        self._sealer = sealer

    async def find(self, idp_id: str) -> IdentityProvider | None:
        """Return an identity provider that may be used now, or None. Nothing is remembered: a closed door is closed at once."""
        provider_id = provider_of(idp_id, "vip")
        if provider_id is None:
            return self.operators.get(idp_id)
        async with self._database.session(provider_id, write=False) as session:
            return next((idp for idp in await self.of_provider(session, provider_id) if idp.id == idp_id), None)

    async def of_provider(self, session: AsyncSession, provider_id: UUID) -> Sequence[IdentityProvider]:
        """Return the issuers of a provider's own that may be used now."""
        if self._sealer is None:
            return []
        rows = await session.scalars(
            select(ProviderIdentity)
            .where(ProviderIdentity.provider_id == provider_id, ProviderIdentity.disabled_at.is_(None))
            .order_by(ProviderIdentity.created_at, ProviderIdentity.id)
        )
        return [idp for row in rows.all() if (idp := _of_row(row, self._sealer)) is not None]


def _of_row(row: ProviderIdentity, sealer: Sealer) -> IdentityProvider | None:
    """Return the configuration of a row; None, and a line in the log, when it can no longer be used."""
    try:
        secret = None if row.client_secret is None else sealer.open(SECRET, row.client_secret).decode()
        return configured(row.provider_id, row.id, row.label, row.issuer, row.client_id, secret, row.options)
    except SealBrokenError:
        log.warning("the client secret of %s was sealed with a key that is gone", row.id)
    except IssuerRefusedError as error:
        log.warning("%s cannot be used as it is configured: %s", row.id, error.detail)
    return None


def configured(
    provider_id: UUID,
    idp_id: str,
    label: str,
    issuer: str,
    client_id: str,
    client_secret: str | None,
    options: Mapping[str, Any],
) -> IdentityProvider:
    """Return the configuration of a provider's own issuer; raises `IssuerRefusedError` when it cannot be."""
    further: dict[str, Any] = {name: options[name] for name in _CHOSEN if options.get(name) is not None}
    for name in ("scopes", "algorithms"):
        if name in further:
            further[name] = tuple(further[name])
    claims = {name: frozenset(values) for name, values in (options.get("required_claims") or {}).items()}
    hosts = frozenset(options.get("hosts") or ())
    try:
        return generic(
            id=idp_id,
            label=label,
            issuer=issuer,
            client_id=client_id,
            client_secret=client_secret,
            provider_id=provider_id,
            required_claims=claims,
            hosts=hosts,
            **further,
        )
    except ProfileError as error:
        raise IssuerRefusedError(error.sentence) from error


async def check_issuer(outbound: Outbound, provider_id: UUID, new: NewIssuer, now: datetime) -> IdentityProvider:
    """Fetch what an issuer says of itself, before anything is saved; no transaction may be open meanwhile.

    Raises `IssuerRefusedError`: the address is not one we call, nobody answers, or what answers is not that issuer.
    """
    idp_id = new_identity_provider_id(provider_id)
    idp = configured(provider_id, idp_id, new.label, new.issuer, new.client_id, new.client_secret, new.options)
    try:
        await Directory(outbound).metadata(idp, now)  # a fresh one: what is tried out leaves nothing behind
    except SignInError as error:
        raise IssuerRefusedError(Sentence(error.title, error.title_fr), reason=error.code) from error
    return idp


async def save_issuer(
    session: AsyncSession, sealer: Sealer, idp: IdentityProvider, new: NewIssuer, *, now: datetime
) -> ProviderIdentity:
    """Keep a checked issuer, its secret sealed; raises `TooManyIssuersError`."""
    assert idp.provider_id is not None  # noqa: S101 - `check_issuer` makes a provider's own
    kept = await session.scalars(
        select(ProviderIdentity.id).where(
            ProviderIdentity.provider_id == idp.provider_id, ProviderIdentity.disabled_at.is_(None)
        )
    )
    if len(kept.all()) >= _MOST:
        raise TooManyIssuersError(f"at most {_MOST}")
    row = ProviderIdentity(
        provider_id=idp.provider_id,
        id=idp.id,
        label=idp.label,
        issuer=idp.issuer,
        client_id=idp.client_id,
        client_secret=sealer.seal(SECRET, new.client_secret.encode()),
        options={name: value for name, value in new.options.items() if value is not None},
        created_at=now,
    )
    session.add(row)
    await session.flush()
    return row


async def disable_issuer(session: AsyncSession, provider_id: UUID, idp_id: str, *, now: datetime) -> bool:
    """Close the door of an issuer; false when there is none. Its secret is forgotten."""
    disabled = await session.execute(
        update(ProviderIdentity)
        .where(
            ProviderIdentity.provider_id == provider_id,
            ProviderIdentity.id == idp_id,
            ProviderIdentity.disabled_at.is_(None),
        )
        .values(disabled_at=now, client_secret=None)
        .returning(ProviderIdentity.id)
    )
    return disabled.first() is not None
