"""Rehearsal: what a policy would have sent and held back over the stored history, by the very function that sends.

Each practice starts from the last checkpoint before the time asked for (the first, if there is none so early), so what was open
then is open; from there on the policy to be tried decides. Windows and channels are those that were there at each instant; what
people did, they do again, to the alert of the same cause.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy import select

from vigie.alerts import follow_statements as sql
from vigie.alerts.channel_models import Notification, Suppression
from vigie.alerts.engine_run import KINDS, KINDS_FOR_ALL, input_of
from vigie.alerts.policy_schemas import beginning_of_time
from vigie.alerts.rules.codec import load_state
from vigie.alerts.rules.engine import advance
from vigie.alerts.rules.model import Input, Note, Terms
from vigie.alerts.rules.policy import Policy
from vigie.alerts.terms import read_terms
from vigie.auth.dependencies import Call
from vigie.events.session import driver_connection
from vigie.practices.models import Practice
from vigie.practices.queries import get_practice, visible_practices

MOST_PRACTICES: Final = 500
_CHUNK: Final = 25
_KINDS_OF_ALERTS: Final = "alert."


@dataclass(slots=True)
class Rehearsed:
    """What one practice would have caused, in the order of time."""

    practice_id: UUID
    name: str
    notes: list[Note]


@dataclass(slots=True)
class Rehearsal:
    """The outcome; `complete`: every practice the caller sees was looked at."""

    since: datetime
    until: datetime
    practices: list[Rehearsed] = field(default_factory=list)
    complete: bool = True

    def sums(self) -> tuple[Counter[str], Counter[str], Counter[str]]:
        """Return how many were sent per cause, held back per cause, and held back per reason."""
        sent: Counter[str] = Counter()
        held: Counter[str] = Counter()
        why: Counter[str] = Counter()
        for practice in self.practices:
            for note in practice.notes:
                (sent if note.why is None else held)[note.data["cause"]] += 1
                if note.why is not None:
                    why[note.why] += 1
        return sent, held, why


async def rehearse(call: Call, policy: Policy, days: int, practice_id: UUID | None) -> Rehearsal:
    """Replay the last days of the practices a caller sees, or of one of them, under a policy. Changes nothing.

    Raises `NotFoundError` for a practice the caller does not see.
    """
    if practice_id is not None:
        await get_practice(call, practice_id)
    connection = await driver_connection(call.session)
    outcome = Rehearsal(call.now - timedelta(days=days), call.now)
    statement = visible_practices(call.principal)
    if practice_id is not None:
        statement = statement.where(Practice.id == practice_id)
    practices = (await call.session.scalars(statement.order_by(Practice.id).limit(MOST_PRACTICES + 1))).all()
    outcome.complete = len(practices) <= MOST_PRACTICES
    laws = (beginning_of_time(), policy)
    terms = await read_terms(connection, call.principal.provider_id, beginning_of_time(), laws)
    chosen = practices[:MOST_PRACTICES]
    for start in range(0, len(chosen), _CHUNK):
        await _chunk(call, connection, terms, chosen[start : start + _CHUNK], outcome)
    return outcome


async def _chunk(
    call: Call, connection: asyncpg.Connection, terms: Terms, practices: Sequence[Practice], outcome: Rehearsal
) -> None:
    provider_id = call.principal.provider_id
    ids = [practice.id for practice in practices]
    kept = {row["practice_id"]: row for row in await connection.fetch(sql.CHECKPOINTS, provider_id, ids, outcome.since)}
    after = min((row["number"] for row in kept.values()), default=0)
    rows = await connection.fetch(sql.NEWS_OF_PRACTICES, provider_id, after, KINDS, ids, KINDS_FOR_ALL)
    own: dict[UUID, list[Input]] = defaultdict(list)
    for row in rows:
        for each in [row["practice_id"]] if row["practice_id"] is not None else ids:
            own[each].append(input_of(row))
    for practice in practices:
        checkpoint = kept.get(practice.id)
        if checkpoint is None:  # the engine has not met it: nothing was ever told of it
            continue
        before = load_state(checkpoint["state"])
        _, effects = advance(before, own[practice.id], terms, practice.id, outcome.until)
        notes = [effect for effect in effects if isinstance(effect, Note) and effect.at >= outcome.since]
        outcome.practices.append(Rehearsed(practice.id, practice.name, notes))
        await asyncio.sleep(0)  # other requests have their turn between two practices


async def what_happened(call: Call, outcome: Rehearsal) -> tuple[int, int]:
    """Return how many notifications about alerts were really sent, and held back, in the time and the practices rehearsed."""
    ids = [practice.practice_id for practice in outcome.practices]
    found = []
    for table in (Notification, Suppression):
        statement = select(table.id).where(
            table.provider_id == call.principal.provider_id,
            table.practice_id.in_(ids),
            table.wanted_at >= outcome.since,
            table.wanted_at <= outcome.until,
            table.kind.startswith(_KINDS_OF_ALERTS),
        )
        found.append(len((await call.session.scalars(statement)).all()))
    return found[0], found[1]
