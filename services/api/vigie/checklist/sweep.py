"""The sweep of the checklist: answers end, contracts and signatures run out, and nobody has to do anything for it to be told.

1. Ask, without a lock, which providers have practices whose deadline has passed.
2. Per provider and practice, one short transaction: claim the posture (`SKIP LOCKED`: whoever holds it may be settling the practice
   at this moment), read the deadline again, judge the practice as of each instant at which something changed, and move it ahead.

Two workers are harmless: whoever comes second finds the posture held or the deadline moved. A practice that raises is pushed an
hour ahead and counted, so that the loop does not meet it for ever.
"""

import logging
import random
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from vigie.checklist import queries
from vigie.checklist.settling import settle
from vigie.core.db import Database
from vigie.core.metrics import JOB_OLDEST_DUE, JOB_ROW_FAILURES, JOB_ROWS
from vigie.posture.assessment import Assessor

log = logging.getLogger(__name__)
JOB: Final = "checklist.sweep"
_PROVIDERS: Final = 20
_PRACTICES: Final = 200
_PUSH: Final = timedelta(hours=1)
_MOST_STEPS: Final = 50  # instants a practice may pass in one transaction before the rest waits for the next
DUE_PROVIDERS: Final = """
    SELECT provider_id, min(due_at) AS due_at FROM checklist_deadline
    WHERE due_at <= $1 GROUP BY provider_id ORDER BY 2 LIMIT $2
"""


class ChecklistSweep:
    """Runs the sweep for one worker process. `database`: as the role of the worker."""

    def __init__(self, database: Database, assessor: Assessor) -> None:
        self._database = database
        self._assessor = assessor

    async def run(self, connection: asyncpg.Connection, now: datetime) -> int:
        """Work on everything that is due at `now`; return how many practices were looked at."""
        done = 0
        while True:
            due = await connection.fetch(DUE_PROVIDERS, now, _PROVIDERS)
            JOB_OLDEST_DUE.labels(JOB).set(max(0.0, (now - due[0]["due_at"]).total_seconds()) if due else 0.0)
            if not due:
                return done
            providers = [row["provider_id"] for row in due]
            random.shuffle(providers)  # so that two workers begin at different ends
            progress = 0
            for provider_id in providers:
                progress += await self._provider(provider_id, now)
            done += progress
            JOB_ROWS.labels(JOB).inc(progress)
            if progress == 0:  # what is left is held by somebody else
                return done

    async def _provider(self, provider_id: UUID, now: datetime) -> int:
        async with self._database.session(provider_id, write=True) as session:
            due = await queries.due_practices(session, provider_id, now, _PRACTICES)
        done = 0
        for practice_id in due:
            try:
                async with self._database.session(provider_id, write=True) as session:
                    done += await self._practice(session, provider_id, practice_id, now)
            except Exception as error:
                if _is_passing(error):
                    raise
                JOB_ROW_FAILURES.labels(JOB).inc()
                log.exception("practice pushed aside", extra={"practice_id": str(practice_id)})
                await self._push(provider_id, practice_id, now)
                done += 1
        return done

    async def _practice(self, session: AsyncSession, provider_id: UUID, practice_id: UUID, now: datetime) -> int:
        """Bring one practice through the instants it has passed; return whether there was anything to do."""
        claimed = await queries.claim_posture(session, provider_id, practice_id)
        if claimed is None:  # archived: nothing is judged any more
            await queries.set_deadlines(session, provider_id, [practice_id], {})
            return 1
        if not claimed:
            return 0
        looked = 0
        for _ in range(_MOST_STEPS):
            due_at = await queries.deadline_of(session, provider_id, practice_id)
            if due_at is None or due_at > now:
                break
            await settle(session, self._assessor, provider_id, [practice_id], now, happened_at=due_at)
            if await queries.deadline_of(session, provider_id, practice_id) == due_at:
                # A verdict that claims to have ended already must not be met for ever.
                raise RuntimeError(f"judged as of {due_at}, and due at that instant again")
            looked = 1
        return looked

    async def _push(self, provider_id: UUID, practice_id: UUID, now: datetime) -> None:
        async with self._database.session(provider_id, write=True) as session:
            await queries.set_deadlines(session, provider_id, [practice_id], {practice_id: now + _PUSH})


def _is_passing(error: Exception) -> bool:
    """Whether it is the server, the line or another transaction in the way: nothing is wrong with the practice."""
    if isinstance(error, DBAPIError):
        state = str(getattr(error.orig, "sqlstate", None) or "")
        return error.connection_invalidated or state[:2] in {"08", "40", "53", "57"}
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in {"08", "40", "53", "57"}
    return isinstance(error, OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError)
