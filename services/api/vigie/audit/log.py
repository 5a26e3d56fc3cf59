"""Appending to the audit, in the transaction of the change itself."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import bindparam, insert, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.audit import chain
from vigie.audit.actions import Action
from vigie.audit.details import harmless, looks_secret, plain_text
from vigie.audit.models import AuditEntry, AuditHead
from vigie.core.db import Base
from vigie.core.metrics import AUDIT_DROPPED, AUDIT_ENTRIES

_log = logging.getLogger(__name__)
OPERATOR_CHAIN: Final = UUID(int=0)
"""Whose chain holds what concerns no provider, such as a refused sign-in of somebody nobody knows."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, and in which role: a value, not a principal, for not everybody who acts has signed in."""

    kind: Literal["member", "client", "device", "operator", "system", "anonymous"]
    id: str | None = None
    name: str | None = None
    role: str | None = None


_HEADS, _ENTRIES = (Base.metadata.tables[model.__tablename__] for model in (AuditHead, AuditEntry))
# Written down once: building the same two statements for each change costs more than running them.
_ADVANCE: Final = (
    upsert(_HEADS)
    .values(provider_id=bindparam("p_provider_id"), last_number=bindparam("p_more"), last_hash=bindparam("p_genesis"))
    .on_conflict_do_update(
        index_elements=["provider_id"], set_={"last_number": _HEADS.c.last_number + bindparam("p_more")}
    )
    .returning(_HEADS.c.last_number, _HEADS.c.last_hash)  # the hash is still that of the entry before
)
_WRITE: Final = (
    update(_HEADS)
    .where(_HEADS.c.provider_id == bindparam("p_provider_id"))
    .values(last_hash=bindparam("p_hash"))
    .add_cte(
        insert(_ENTRIES).values({column.name: bindparam(f"p_{column.name}") for column in _ENTRIES.c}).cte("written")
    )
)
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
    """Append an entry to the chain of its provider and return its number; see `append_all`."""
    return (await append_all(session, [entry], now))[0]


async def append_all(session: AsyncSession, entries: Sequence[NewEntry], now: datetime) -> list[int]:
    """Append entries to the chain of their one provider, in this order, and return their numbers.

    Call it last in a unit of work that is bound to that provider, once for all it has to say: the head's row stays locked until
    the commit, it is the last lock of a transaction (after the head of the event log), and while it is held nobody else of
    the provider can commit a change. What the session still holds back is written first. Numbers rise without gaps, in commit
    order; a transaction that is rolled back leaves neither an entry nor a gap.
    """
    await session.flush()
    if not entries:
        return []
    provider_id = entries[0].provider_id
    if any(entry.provider_id != provider_id for entry in entries):
        raise ValueError("entries of several providers belong in as many units of work")
    rows = [_row(entry, now) for entry in entries]
    connection = await session.connection()
    begun = {"p_provider_id": provider_id, "p_more": len(rows), "p_genesis": chain.genesis(provider_id)}
    last, own_hash = (await connection.execute(_ADVANCE, begun)).one()
    for number, row in enumerate(rows, start=last - len(rows) + 1):
        row["number"], row["previous_hash"] = number, own_hash
        own_hash = row["hash"] = chain.entry_hash(own_hash, chain.fields_of(row))
        await connection.execute(_WRITE, {f"p_{name}": value for name, value in row.items()})
    for entry in entries:
        AUDIT_ENTRIES.labels(entry.outcome).inc()
    return [row["number"] for row in rows]


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
        _log.warning(
            "audit: %d details of %s looked like a secret or a person's number and were dropped", dropped, entry.action
        )
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
