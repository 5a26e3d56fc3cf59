"""Waiting for a provider's log to grow: one question a second per provider that somebody follows, however many follow it.

The log is asked instead of announcing itself: an announcement in the transaction of each heartbeat would make all of them
queue for one lock at their commit.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from vigie.core.db import Database
from vigie.events.queries import last_number

log = logging.getLogger(__name__)
EVERY_S = 1.0


@dataclass(slots=True)
class _Followed:
    """A provider's log that somebody follows."""

    number: int = 0
    followers: int = 0
    grown: asyncio.Condition = field(default_factory=asyncio.Condition)
    asking: asyncio.Task[None] | None = None


class Tail:
    """The ends of the logs that are followed in this process."""

    def __init__(self, database: Database, every_s: float = EVERY_S) -> None:
        self._database = database
        self._every_s = every_s
        self._followed: dict[UUID, _Followed] = {}
        self.ended = False

    @asynccontextmanager
    async def follow(self, provider_id: UUID) -> AsyncIterator[None]:
        """Keep asking for the end of a provider's log while the context lasts."""
        followed = self._followed.setdefault(provider_id, _Followed())
        followed.followers += 1
        if followed.asking is None:
            followed.asking = asyncio.create_task(self._ask(provider_id, followed), name=f"tail {provider_id}")
        try:
            yield
        finally:
            followed.followers -= 1
            if not followed.followers:
                followed.asking.cancel()
                del self._followed[provider_id]

    async def end(self) -> None:
        """Let nobody wait any more: this process is told to stop, and who follows goes on at another."""
        self.ended = True
        for followed in list(self._followed.values()):
            async with followed.grown:
                followed.grown.notify_all()

    async def grown(self, provider_id: UUID, known: int, timeout_s: float) -> bool:
        """Wait until the log goes beyond a number, or until the end; false when neither came in time. Inside `follow` only."""
        followed = self._followed[provider_id]
        try:
            async with asyncio.timeout(timeout_s), followed.grown:
                await followed.grown.wait_for(lambda: self.ended or followed.number > known)
        except TimeoutError:
            return False
        return True

    async def _ask(self, provider_id: UUID, followed: _Followed) -> None:
        while True:
            try:
                async with self._database.session(provider_id, write=False) as session:
                    number = await last_number(session, provider_id)
            except (SQLAlchemyError, OSError):
                log.warning("the end of the event log could not be read, trying again", exc_info=True)
            else:
                if number > followed.number:
                    followed.number = number
                    async with followed.grown:
                        followed.grown.notify_all()
            await asyncio.sleep(self._every_s)
