"""Counting the devices of practices: for their liveness, and for the inventory (ANS-5.11)."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

import asyncpg

from vigie.core.batch import Form, Statement, fetch
from vigie.posture.assessment import PracticeChange, PracticeKey
from vigie.posture.rules.practice import DeviceSeen
from vigie.posture.verdict import Census

_LOCK = Statement(
    """
    SELECT t.provider_id FROM {rows} AS v (provider_id, practice_id)
    JOIN posture t ON t.provider_id = v.provider_id AND t.practice_id = v.practice_id
    WHERE {tenant}
    ORDER BY t.provider_id, t.practice_id
    FOR NO KEY UPDATE OF t
    """,
    ("uuid", "uuid"),
)
_DEVICES = Statement(
    """
    SELECT t.provider_id, t.practice_id, t.id AS device_id, t.status, t.enrolled_at, l.last_seen_at, l.silent_since
    FROM {rows} AS v (provider_id, practice_id)
    JOIN device t ON t.provider_id = v.provider_id AND t.practice_id = v.practice_id AND t.status <> 'revoked'
    JOIN device_liveness l ON l.provider_id = t.provider_id AND l.device_id = t.id
    WHERE {tenant}
    ORDER BY t.id
    """,
    ("uuid", "uuid"),
)


async def lock_practices(connection: asyncpg.Connection, form: Form, practices: Iterable[PracticeKey]) -> None:
    """Lock the postures of all practices a transaction will settle, in the order of keys everybody keeps."""
    await fetch(connection, form, _LOCK, sorted(set(practices)))


async def take_census(
    connection: asyncpg.Connection,
    form: Form,
    practices: Iterable[tuple[PracticeKey, datetime]],
    *,
    beside: Iterable[PracticeKey] = (),
) -> list[PracticeChange]:
    """Return each practice with its counted devices, ready to be settled at the instant given with it.

    Postures are locked before anything is counted: two who count at once would each miss what the other has not committed.
    `beside`: further practices that the same transaction settles, so that all are locked in one order.
    """
    instants = dict(practices)
    await lock_practices(connection, form, [*instants, *beside])
    found: dict[PracticeKey, list[asyncpg.Record]] = defaultdict(list)
    for row in await fetch(connection, form, _DEVICES, sorted(instants)):
        found[row["provider_id"], row["practice_id"]].append(row)
    return [
        PracticeChange(
            key[0], key[1], happened_at, _census(found[key]), [_seen(row) for row in found[key] if _is_active(row)]
        )
        for key, happened_at in sorted(instants.items())
    ]


def _is_active(row: asyncpg.Record) -> bool:
    return bool(row["status"] == "active")


def _census(rows: list[asyncpg.Record]) -> Census:
    active = [row for row in rows if _is_active(row)]
    return Census(
        active=len(active),
        silent=sum(1 for row in active if row["silent_since"] is not None),
        never=sum(1 for row in active if row["last_seen_at"] is None and row["silent_since"] is None),
        pending=len(rows) - len(active),
    )


def _seen(row: asyncpg.Record) -> DeviceSeen:
    return DeviceSeen(str(row["device_id"]), row["enrolled_at"], row["last_seen_at"])
