"""`Idempotency-Key`: a creating POST that is sent again after a lost answer creates nothing twice.

The key is written in the unit of work of the creation itself, so there is no instant at which one is known without the other. A
second request with the same key that arrives meanwhile waits for the first. A request that is refused leaves no key behind: it
may be corrected and sent again under the same one.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import DateTime, ForeignKey, LargeBinary, SmallInteger, String, delete, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from vigie.core.db import TENANT, Base
from vigie.core.errors import AppError

LIFETIME = timedelta(hours=24)


class IdempotencyConflictError(AppError):
    """The key belongs to another request of the last 24 hours."""

    status, code = 409, "request.idempotency_conflict"
    title = "The idempotency key was used for another request"
    title_fr = "La clé d'idempotence a servi à une autre requête"


class AlreadyDoneError(AppError):
    """The same request was done before; its answer held a secret, which is not kept and cannot be repeated."""

    status, code = 409, "request.already_done"
    title = "This was done already; the secret in its answer is shown only once"
    title_fr = "C'est déjà fait ; le secret de la réponse n'est montré qu'une fois"


class IdempotencyKey(Base):
    """A creating request that was done, and what was answered; nothing secret is in `body`."""

    __tablename__ = "idempotency_key"
    __table_args__ = (TENANT,)

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    request_digest: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One keyed request: whose it is, what it asks (caller, route and body decide whether two are the same), and when."""

    provider_id: UUID
    key: str
    digest: bytes
    now: datetime

    @classmethod
    def of(cls, provider_id: UUID, key: str, subject: str, path: str, body: BaseModel, now: datetime) -> "Attempt":
        """Describe a request; two bodies are the same when they mean the same, however they were written."""
        asked = f"{subject}\n{path}\n{body.model_dump_json()}"
        return cls(provider_id, key, hashlib.sha256(asked.encode()).digest(), now)


async def begin(session: AsyncSession, attempt: Attempt) -> dict[str, Any] | None:
    """Claim the key: None when the request is to be done now, else what `finish` kept of the time it was done.

    Raises `IdempotencyConflictError` when the key belongs to another request.
    """
    await _forget_expired(session, attempt)
    claimed = await session.execute(
        insert(IdempotencyKey)
        .values(
            provider_id=attempt.provider_id,
            key=attempt.key,
            request_digest=attempt.digest,
            status=0,
            body={},
            created_at=attempt.now,
            expires_at=attempt.now + LIFETIME,
        )
        .on_conflict_do_nothing(index_elements=["provider_id", "key"])
        .returning(IdempotencyKey.key)
    )
    if claimed.first() is not None:
        return None
    found = await session.execute(select(IdempotencyKey.request_digest, IdempotencyKey.body).where(*_is(attempt)))
    row = found.one()
    if row.request_digest != attempt.digest:
        raise IdempotencyConflictError
    body: dict[str, Any] = row.body
    return body


async def finish(session: AsyncSession, attempt: Attempt, status: int, body: dict[str, Any]) -> None:
    """Keep what is to be answered to the same request; the caller leaves out what is secret."""
    await session.execute(update(IdempotencyKey).where(*_is(attempt)).values(status=status, body=body))


def _is(attempt: Attempt) -> tuple[Any, Any]:
    return IdempotencyKey.provider_id == attempt.provider_id, IdempotencyKey.key == attempt.key


async def _forget_expired(session: AsyncSession, attempt: Attempt) -> None:
    """Delete the provider's expired keys, in the order of the keys: two requests that do so must not wait for each other."""
    expired = (
        select(IdempotencyKey.key)
        .where(IdempotencyKey.provider_id == attempt.provider_id, IdempotencyKey.expires_at <= attempt.now)
        .order_by(IdempotencyKey.key)
        .with_for_update()
    )
    await session.execute(
        delete(IdempotencyKey)
        .where(IdempotencyKey.provider_id == attempt.provider_id, IdempotencyKey.key.in_(expired))
        .execution_options(synchronize_session=False)
    )
