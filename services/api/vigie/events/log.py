"""Appending to the event log, in the transaction of the change itself."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from vigie.core.batch import Form, Statement, fetch
from vigie.events.kinds import check_payload, version_of

_ADVANCE = Statement(
    """
    INSERT INTO event_head AS t (provider_id, last_number) {source}
    ON CONFLICT (provider_id) DO UPDATE SET last_number = t.last_number + excluded.last_number
    RETURNING provider_id, last_number
    """,
    ("uuid", "bigint"),
)
_APPEND = Statement(
    """
    INSERT INTO event (provider_id, number, kind, version, practice_id, device_id, happened_at, recorded_at, payload)
    {source}
    """,
    ("uuid", "bigint", "text", "smallint", "uuid", "uuid", "timestamptz", "timestamptz", "jsonb"),
)


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that changed. `happened_at` is when it became true, not when we noticed."""

    provider_id: UUID
    kind: str
    practice_id: UUID | None
    device_id: UUID | None
    happened_at: datetime
    payload: dict[str, Any]


_paranoid = False


def check_all() -> None:
    """Check the payload of every event from now on in this process, as the tests do.

    Elsewhere those of requests are checked (`events/session.record`); a report that turns many controls would pay several percent.
    """
    global _paranoid  # noqa: PLW0603 - decided once, when the tests begin
    _paranoid = True


def check(events: Sequence[NewEvent]) -> None:
    """Raise `UnknownKindError` or `PayloadMisfitError` unless each event says what its kind says."""
    for event in events:
        check_payload(event.kind, event.payload)


async def append(connection: asyncpg.Connection, form: Form, events: Sequence[NewEvent], now: datetime) -> None:
    """Append events; numbers rise per provider without gaps, in commit order (the head row stays locked until commit).

    Call it last in a transaction: head rows are the last locks in the order liveness, posture, head. Raises `UnknownKindError`
    before anything is locked.
    """
    if not events:
        return
    versions = [version_of(event.kind) for event in events]
    if _paranoid:
        check(events)
    counts = sorted(Counter(event.provider_id for event in events).items())
    heads = await fetch(connection, form, _ADVANCE, counts)
    following = {row["provider_id"]: row["last_number"] - dict(counts)[row["provider_id"]] + 1 for row in heads}
    rows = []
    for event, version in zip(events, versions, strict=True):
        number = following[event.provider_id]
        following[event.provider_id] = number + 1
        rows.append(
            (
                event.provider_id,
                number,
                event.kind,
                version,
                event.practice_id,
                event.device_id,
                event.happened_at,
                now,
                event.payload,
            )
        )
    await fetch(connection, form, _APPEND, rows)
