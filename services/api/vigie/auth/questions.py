"""What the questions of one page have in common: who asks, and one reading transaction (docs/adr/0034).

A page asks the REST API several questions in this process. Each of them passes its own guard: permission, quota, parameters,
restriction to practices. Looked up once is only whose session it is, and the transaction is one for all that read.
Nothing of the network gets here: a request that a server hands over has no such object in its scope.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from vigie.auth.principal import Principal
from vigie.core.db import Database, SharedReading

_KEY: Final = "vigie.questions"
Known = dict[tuple[str, UUID], Any]
"""Objects of the caller's by kind and id: to be read, never to be changed."""


class Questions:
    """Carried by every question of a page. Whoever makes it closes it when the page is done."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._principal: Principal | None = None
        self._reading: SharedReading | None = None
        self.known: Known = {}

    def carried_by(self, scope: MutableMapping[str, Any]) -> None:
        """Make a request one of these questions; it has to come with the cookie of the page's request."""
        scope[_KEY] = self

    async def asked_by(self, identify: Callable[[], Awaitable[Principal]]) -> Principal:
        """Return who asks: found by the first question, which raises when it is nobody; so does each one after it, then."""
        async with self._turn:
            if self._principal is None:
                self._principal = await identify()
            return self._principal

    def reading(self, principal: Principal) -> AbstractAsyncContextManager[AsyncSession]:
        """Lend the reading transaction to a question."""
        if self._reading is None:
            self._reading = SharedReading(self._database, principal.provider_id)
        return self._reading.session()

    async def let_go(self) -> None:
        """Give back the connection; the next question has another."""
        self.known.clear()
        if self._reading is not None:
            await self._reading.let_go()

    async def close(self) -> None:
        """Give back the connection for good; a question that was still on its way reads by itself."""
        if self._reading is not None:
            await self._reading.close()


def questions_of(scope: MutableMapping[str, Any]) -> Questions | None:
    """Return the questions that a request is one of; None for a request of its own."""
    found: Questions | None = scope.get(_KEY)
    return found


def unit_of_work(
    scope: MutableMapping[str, Any], database: Database, principal: Principal, *, write: bool
) -> AbstractAsyncContextManager[AsyncSession]:
    """Return the unit of work of a request: its own, or for a question that reads its turn in the page's."""
    questions = questions_of(scope)
    if questions is None or write:
        return database.session(principal.provider_id, write=write)
    return questions.reading(principal)


def known_of(scope: MutableMapping[str, Any]) -> Known | None:
    """Return what the questions of a page have found by now; None for a request of its own."""
    questions = questions_of(scope)
    return None if questions is None else questions.known


async def let_go(scope: MutableMapping[str, Any]) -> None:
    """Give back what a page holds: who waits for a second connection while holding a first one may wait for ever."""
    if (questions := questions_of(scope)) is not None:
        await questions.let_go()
