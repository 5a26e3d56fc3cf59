"""The queue of practices to judge anew. Who changes what they are judged by asks here; the job of the devices works it off.

A request is locked before device rows, and by whoever asks after everything but the event head: so the two never wait for each
other in a circle.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.core.batch import Statement, fetch
from vigie.core.ids import uuid7
from vigie.events.log import NewEvent
from vigie.events.session import driver_connection

NOTICE = timedelta(days=30)
"""How long before its end an exception is told to expire."""

# Named controls are gathered; what asks for all of them (null) stays so: null || anything is null.
_ASK = Statement(
    """
    INSERT INTO reassessment AS t (provider_id, practice_id, due_at, request, failures, controls) {source}
    ON CONFLICT (provider_id, practice_id)
    DO UPDATE SET due_at = LEAST(t.due_at, excluded.due_at), request = excluded.request, failures = 0,
                  controls = t.controls || excluded.controls
    """,
    ("uuid", "uuid", "timestamptz", "uuid", "integer", "jsonb"),
)
DUE_PROVIDERS = """
    SELECT provider_id, min(due_at) AS due_at FROM reassessment WHERE due_at <= $1 GROUP BY provider_id ORDER BY 2 LIMIT $2
"""
_DUE_PRACTICES = """
    SELECT practice_id FROM reassessment WHERE provider_id = $1 AND due_at <= $2 ORDER BY due_at, practice_id LIMIT $3
"""
_CLAIM = """
    SELECT practice_id, request, controls FROM reassessment
    WHERE provider_id = $1 AND practice_id = ANY ($2::uuid[]) AND due_at <= $3
    ORDER BY practice_id
    FOR UPDATE SKIP LOCKED
"""
_POSTPONE = """
    UPDATE reassessment SET due_at = $3, failures = failures + 1 WHERE provider_id = $1 AND practice_id = $2
"""
_FINISH = Statement(
    """
    DELETE FROM reassessment t USING {rows} AS v (provider_id, practice_id, request)
    WHERE t.provider_id = v.provider_id AND t.practice_id = v.practice_id AND t.request = v.request AND {tenant}
    """,
    ("uuid", "uuid", "uuid"),
)
_AGAIN = Statement(
    """
    UPDATE reassessment t SET due_at = v.due_at, controls = v.controls, failures = 0
    FROM {rows} AS v (provider_id, practice_id, request, due_at, controls)
    WHERE t.provider_id = v.provider_id AND t.practice_id = v.practice_id AND t.request = v.request AND {tenant}
    """,
    ("uuid", "uuid", "uuid", "timestamptz", "jsonb"),
)
_TELL_ENDS = """
    UPDATE control_exception SET end_told_at = $3
    WHERE provider_id = $1 AND practice_id = ANY ($2::uuid[]) AND end_told_at IS NULL AND ends_at <= $3
    RETURNING practice_id, device_id, id, control, ends_at AS at
"""
_TELL_EXPIRING = """
    UPDATE control_exception SET expiring_told_at = $3
    WHERE provider_id = $1 AND practice_id = ANY ($2::uuid[]) AND expiring_told_at IS NULL AND end_told_at IS NULL
      AND ends_at > $3 AND ends_at <= $4
    RETURNING practice_id, device_id, id, control, ends_at AS at
"""
_NEXT = """
    SELECT practice_id, min(CASE WHEN starts_at > $3 THEN starts_at
                                 WHEN expiring_told_at IS NULL AND ends_at > $4 THEN ends_at - $5::interval
                                 ELSE ends_at END) AS at, jsonb_object_agg(control, true) AS controls
    FROM control_exception
    WHERE provider_id = $1 AND practice_id = ANY ($2::uuid[]) AND end_told_at IS NULL
    GROUP BY practice_id
"""
_DEVIATING = """
    SELECT DISTINCT practice_id FROM control_exception
    WHERE provider_id = $1 AND practice_id = ANY ($2::uuid[]) AND device_id IS NULL AND control = ANY ($3::text[])
"""


class Request(NamedTuple):
    """A request to judge a practice anew. `controls` None: by everything; else by these, of devices or of the practice."""

    id: UUID
    controls: frozenset[str] | None

    def names(self, control: str) -> bool:
        """Whether a control is to be judged."""
        return self.controls is None or control in self.controls


async def ask(
    session: AsyncSession,
    provider_id: UUID,
    practices: Iterable[UUID],
    due_at: datetime,
    *,
    controls: Iterable[str] | None = None,
) -> None:
    """Ask for practices to be judged anew at an instant, now or to come; an earlier request stands.

    `controls`: those whose terms changed, when nothing else did (None: all). What was asked for before is judged with them.
    """
    named = None if controls is None else dict.fromkeys(sorted(controls), True)
    rows = [(provider_id, practice_id, due_at, uuid7(), 0, named) for practice_id in sorted(set(practices))]
    await fetch(await driver_connection(session), "citus", _ASK, rows)


async def due_practices(connection: asyncpg.Connection, provider_id: UUID, now: datetime, most: int) -> list[UUID]:
    """Return practices of a provider that are due, longest first; nothing is locked."""
    return [row["practice_id"] for row in await connection.fetch(_DUE_PRACTICES, provider_id, now, most)]


async def claim(
    connection: asyncpg.Connection, provider_id: UUID, practices: Sequence[UUID], now: datetime
) -> dict[UUID, Request]:
    """Lock those of the practices that are due and that nobody else holds; return the request of each."""
    rows = await connection.fetch(_CLAIM, provider_id, practices, now)
    return {
        row["practice_id"]: Request(row["request"], None if row["controls"] is None else frozenset(row["controls"]))
        for row in rows
    }


async def deviating(
    connection: asyncpg.Connection, provider_id: UUID, requests: Mapping[UUID, Request]
) -> frozenset[UUID]:
    """Return the practices that as a whole deviate, or once did, from a control they are to be judged by.

    What an exception of the practice makes of a control does not always show on a device: no device has a backup.
    """
    named = sorted({control for request in requests.values() for control in request.controls or ()})
    rows = await connection.fetch(_DEVIATING, provider_id, sorted(requests), named)
    return frozenset(row["practice_id"] for row in rows)


async def judged(connection: asyncpg.Connection, provider_id: UUID, practices: Sequence[UUID]) -> set[UUID]:
    """Return those of the practices that have a verdict: an archived one has none."""
    rows = await connection.fetch(
        "SELECT practice_id FROM posture WHERE provider_id = $1 AND practice_id = ANY ($2::uuid[])",
        provider_id,
        practices,
    )
    return {row["practice_id"] for row in rows}


async def postpone(connection: asyncpg.Connection, provider_id: UUID, practice_id: UUID, until: datetime) -> None:
    """Put a practice aside that cannot be judged."""
    await connection.execute(_POSTPONE, provider_id, practice_id, until)


async def tell_exceptions(
    connection: asyncpg.Connection, provider_id: UUID, practices: Sequence[UUID], now: datetime
) -> list[NewEvent]:
    """Note which exceptions have come to their end, or near it, and return the events that say so."""
    ended = await connection.fetch(_TELL_ENDS, provider_id, practices, now)
    expiring = await connection.fetch(_TELL_EXPIRING, provider_id, practices, now, now + NOTICE)
    told = [("exception.ended", row, row["at"]) for row in ended]
    told += [("exception.expiring", row, now) for row in expiring]
    return [
        NewEvent(
            provider_id,
            kind,
            row["practice_id"],
            row["device_id"],
            at,
            {"exception": str(row["id"]), "control": row["control"], "ends_at": row["at"].isoformat()[:19] + "Z"},
        )
        for kind, row, at in sorted(told, key=lambda one: (one[2], one[1]["id"]))
    ]


async def finish(
    connection: asyncpg.Connection, provider_id: UUID, requests: Mapping[UUID, Request], now: datetime
) -> None:
    """Take practices off the queue, or leave them there until their next exception begins, nears its end, or ends."""
    practices = sorted(requests)
    rows = await connection.fetch(_NEXT, provider_id, practices, now, now + NOTICE, NOTICE)
    ahead = {row["practice_id"]: (row["at"], row["controls"]) for row in rows}
    again = [
        (provider_id, practice, requests[practice].id, *ahead[practice]) for practice in practices if practice in ahead
    ]
    done = [(provider_id, practice, requests[practice].id) for practice in practices if practice not in ahead]
    await fetch(connection, "citus", _AGAIN, again)
    await fetch(connection, "citus", _FINISH, done)
