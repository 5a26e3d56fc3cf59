"""Each lock on tenancy taken off, for the tests that show what the other one is worth alone.

The second lock is PostgreSQL's: an application that logs in as a superuser is not stopped by it. The first is the condition on
the caller's provider in every statement: here it is made true in the text of each statement as it leaves for the server, so that no
way of writing SQL (ORM, Core, text, sets of rows) is left out.
"""

import re
from typing import Any, ClassVar, Final

import asyncpg
from pydantic import SecretStr

_ROLES: Final = ("app", "intake", "signin", "worker")
_GIVEN: Final = re.compile(
    r"(?<![\w.])(?P<column>(?:\w+\.)?provider_id|provider\.id) = (?P<value>\$\d+)(?:::UUID)?", re.IGNORECASE
)
_JOINED: Final = re.compile(r"(?<![\w.])t\.provider_id = v\.provider_id")
_LEFT: Final = re.compile(r"provider_id\s*(?:=|IN|<>|!=)\s*(?:ANY\s*)?\(?\s*\$", re.IGNORECASE)


def without_row_level_security(url: str) -> dict[str, SecretStr]:
    """Return settings with which every connection of the application logs in as the superuser of the test server."""
    return {f"{role}_database_url": SecretStr(url) for role in _ROLES}


def without_provider(statement: str) -> str:
    """Return a statement whose conditions on the provider are always true; its parameters stay what they were."""
    opened = _GIVEN.sub(r"(\g<value>::uuid IS NOT NULL OR \g<column> IS NULL)", statement)
    return _JOINED.sub("v.provider_id IS NOT NULL", opened)


class Unlocked(asyncpg.Connection):  # type: ignore[misc]
    """A connection on which the first lock does not hold."""

    opened: ClassVar[set[str]] = set()
    sent: ClassVar[set[str]] = set()

    def _without(self, query: str) -> str:
        rewritten = without_provider(query)
        type(self).sent.add(rewritten)
        if rewritten != query:
            type(self).opened.add(query)
        return rewritten

    async def execute(self, query: str, *args: Any, **more: Any) -> Any:
        """Run a statement."""
        return await super().execute(self._without(query), *args, **more)

    async def executemany(self, command: str, args: Any, **more: Any) -> Any:
        """Run a statement many times."""
        return await super().executemany(self._without(command), args, **more)

    async def fetch(self, query: str, *args: Any, **more: Any) -> Any:
        """Fetch rows."""
        return await super().fetch(self._without(query), *args, **more)

    async def fetchrow(self, query: str, *args: Any, **more: Any) -> Any:
        """Fetch one row."""
        return await super().fetchrow(self._without(query), *args, **more)

    async def fetchval(self, query: str, *args: Any, **more: Any) -> Any:
        """Fetch one value."""
        return await super().fetchval(self._without(query), *args, **more)

    async def prepare(self, query: str, **more: Any) -> Any:
        """Prepare a statement, as SQLAlchemy does with every one."""
        return await super().prepare(self._without(query), **more)

    @classmethod
    def left(cls) -> list[str]:
        """Return the statements that still compare with a provider that was given."""
        return sorted(each for each in cls.sent if _LEFT.search(each))
