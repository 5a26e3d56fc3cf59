"""The outbox: what is to be sent is a row written in the transaction that decided it; sending happens later, elsewhere.

The id of a message follows from its dedup key (`message_id`), so that the same decision taken again, after a crash or in a replay,
is the same message. Nothing here calls the network.

What `data` carries, by kind (plain JSON; instants as `wire_time` writes them; words are chosen when it is sent, not here):

* `alert.opened`, `alert.updated`, `alert.acknowledged`, `alert.escalated`, `alert.reopened`, `alert.resolved`, `alert.closed`:
  `cause`, `severity` (info | warning | critical), `since` (when it became true), `opened_at`, and where known `control`
  (`ANS-5.4`), `devices` ([{`id`, `alias`}]), `count` (devices concerned), `evidence` (flat: name → value), `step` (of the ladder),
  `actor` (name of who did it), `reason` and `comment` (what they said), `closed_at`.
* `digest`, `opening_check`, `test`: written by `alerts/digest.py`, `alerts/daily.py` and `alerts/channels.py`.
* `report`: written by `reports/monthly.py`: `report`, `number`, `period_from`, `period_to`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

import asyncpg

from vigie.core.batch import Form, Statement, fetch

# Ours, chosen once: the ids of messages must not change between releases.
_NAMESPACE: Final = UUID("0f5b0c9e-6b5e-5c0a-9d53-6f1d2f0c7a41")
_COLUMNS: Final = ("uuid", "uuid", "uuid", "uuid", "uuid", "uuid", "text", "jsonb", "timestamptz")
_WANT: Final = Statement(
    """
    INSERT INTO notification (provider_id, id, channel_id, member_id, practice_id, alert_id, kind, data, wanted_at, due_at) {source}
    ON CONFLICT (provider_id, id) DO NOTHING RETURNING id
    """,
    (*_COLUMNS, "timestamptz"),
)
_SUPPRESS: Final = Statement(
    """
    INSERT INTO suppression (provider_id, id, channel_id, member_id, practice_id, alert_id, kind, data, wanted_at, why) {source}
    ON CONFLICT (provider_id, id) DO NOTHING RETURNING id
    """,
    (*_COLUMNS, "text"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A notification somebody wants: exactly one of `channel_id` and `member_id` (mail to their address) says where to.

    `dedup_key`: what makes it this message and no other, unique within the provider (alert, transition, step, target).
    `wanted_at`: the instant of the decision; `due_at`: the earliest at which to send, `wanted_at` when not given.
    """

    provider_id: UUID
    dedup_key: str
    kind: str
    data: dict[str, Any]
    wanted_at: datetime
    channel_id: UUID | None = None
    member_id: UUID | None = None
    practice_id: UUID | None = None
    alert_id: UUID | None = None
    due_at: datetime | None = field(default=None)


def message_id(provider_id: UUID, dedup_key: str) -> UUID:
    """Return the id of a message: the same for the same key of the same provider, in every run and on every machine."""
    return uuid5(_NAMESPACE, f"{provider_id}\n{dedup_key}")


def _row(message: Message) -> tuple[Any, ...]:
    return (
        message.provider_id,
        message_id(message.provider_id, message.dedup_key),
        message.channel_id,
        message.member_id,
        message.practice_id,
        message.alert_id,
        message.kind,
        message.data,
        message.wanted_at,
    )


async def want(connection: asyncpg.Connection, messages: Sequence[Message], form: Form = "citus") -> int:
    """Write what is to be sent, in the caller's transaction; return how many of them were not there yet.

    `form`: the portable one unless the caller knows better; both mean the same.
    """
    rows = [(*_row(each), each.due_at or each.wanted_at) for each in messages]
    return len(await fetch(connection, form, _WANT, rows))


async def suppress(
    connection: asyncpg.Connection, messages: Sequence[tuple[Message, str]], form: Form = "citus"
) -> int:
    """Write what is not sent and why (`window`, `quiet_hours`, `snoozed`…); return how many were not there yet.

    The ids come from another space than those of `want`: a message may first be held back and be sent later.
    """
    rows = [(*_row(each), why) for each, why in messages]
    return len(await fetch(connection, form, _SUPPRESS, rows))
