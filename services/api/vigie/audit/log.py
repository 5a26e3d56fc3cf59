"""Appending to the audit, in the transaction of the change itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.audit import chain
from vigie.audit.actions import Action
from vigie.audit.details import harmless, looks_secret, plain_text
from vigie.audit.models import AuditEntry, AuditHead
from vigie.core.metrics import AUDIT_DROPPED, AUDIT_ENTRIES

OPERATOR_CHAIN: Final = UUID(int=0)
"""Whose chain holds what concerns no provider, such as a refused sign-in of somebody nobody knows."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, and in which role: a value, not a principal, for not everybody who acts has signed in."""

    kind: Literal["member", "client", "device", "operator", "system", "anonymous"]
    id: str | None = None
    name: str | None = None
    role: str | None = None


OPERATOR: Final = Actor("operator", name="command line")
SYSTEM: Final = Actor("system")
ANONYMOUS: Final = Actor("anonymous")


@dataclass(frozen=True, slots=True)
class NewEntry:
    """Something that somebody did, or was refused (then with the `code` of the refusal).

    `object_kind` is the one of the action unless it says otherwise; `practice_id` only once it is known to be the provider's.
    `details` are few and plain; what looks like a secret or a person's number is dropped (`vigie.audit.details`).
    """

    provider_id: UUID
    actor: Actor
    action: Action
    outcome: Literal["done", "refused"] = "done"
    code: str | None = None
    object_kind: str | None = None
    object_id: str | None = None
    practice_id: UUID | None = None
    address: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


async def append(session: AsyncSession, entry: NewEntry, now: datetime) -> int:
    """Append an entry to the chain of its provider and return its number.

    Call it last in a unit of work that is bound to the entry's provider: the head's row stays locked until the commit, it is
    the last lock of a transaction (after the head of the event log), and while it is held nobody else of the provider can
    commit a change. What the session still holds back is written first. Numbers rise without gaps, in commit order; a
    transaction that is rolled back leaves neither an entry nor a gap.
    """
    await session.flush()
    row = _row(entry, now)
    advanced = await session.execute(
        upsert(AuditHead)
        .values(provider_id=entry.provider_id, last_number=1, last_hash=chain.genesis(entry.provider_id))
        .on_conflict_do_update(index_elements=["provider_id"], set_={"last_number": AuditHead.last_number + 1})
        .returning(AuditHead.last_number, AuditHead.last_hash)  # the hash is still that of the entry before
    )
    row["number"], previous_hash = advanced.one()
    own_hash = chain.entry_hash(previous_hash, chain.fields_of(row))
    written = insert(AuditEntry).values(**row, previous_hash=previous_hash, hash=own_hash).cte("written")
    await session.execute(
        update(AuditHead)
        .where(AuditHead.provider_id == entry.provider_id)
        .values(last_hash=own_hash)
        .add_cte(written)
        .execution_options(synchronize_session=False)
    )
    AUDIT_ENTRIES.labels(entry.outcome).inc()
    return int(row["number"])


def _row(entry: NewEntry, now: datetime) -> dict[str, Any]:
    details, dropped = harmless(entry.details)
    texts = {
        "actor_id": entry.actor.id,
        "actor_name": entry.actor.name,
        "object_id": entry.object_id,
    }
    for name, text in texts.items():
        if text is not None and looks_secret(text):
            texts[name], dropped = None, dropped + 1
    if dropped:
        AUDIT_DROPPED.inc(dropped)
    return {
        "provider_id": entry.provider_id,
        "number": 0,
        "at": now,
        "actor_kind": entry.actor.kind,
        **{name: plain_text(text) for name, text in texts.items()},
        "role": entry.actor.role,
        "action": entry.action.value,
        "object_kind": entry.object_kind or entry.action.object_kind,
        "practice_id": entry.practice_id,
        "address": entry.address,
        "outcome": entry.outcome,
        "code": entry.code,
        "details": details,
    }
