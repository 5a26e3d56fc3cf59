"""One embedded PostgreSQL per test run, one database per worker process, cloned from a migrated template."""

import asyncio
import os
import shutil
from pathlib import Path

import asyncpg
from filelock import FileLock

from vigie.core.embedded import EmbeddedPostgres
from vigie.core.migrate import migrate

URL_VARIABLE = "VIGIE_TEST_DATABASE_URL"
TEMPLATE = "vigie_template"
PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "main")  # part of the names of what each process makes for itself
# Tests prove behaviour, not durability (tests/e2e does, with the default settings): no reason to wait for the disk, nor to
# write what only a standby or a recovery reads. Databases come and go by the hundred, each with few rows: compiling plans, or
# looking every five seconds for something to vacuum, would be work for nothing.
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "jit": "off",
    "autovacuum_naptime": "60s",
    "max_connections": "300",
}


def in_database(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    return f"{url.rpartition('/')[0]}/{name}"


async def execute(url: str, statement: str) -> None:
    """Run one statement on its own connection."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
ORDER BY relname
"""
OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


async def tables_of(url: str) -> list[str]:
    """Return the names of the tables that hold rows, partitions among them; migrations put rows into none."""
    connection = await asyncpg.connect(url)
    try:
        return [row["relname"] for row in await connection.fetch(TABLES)]
    finally:
        await connection.close()


async def emptied(url: str, tables: list[str]) -> bool:
    """Take every row out of a database; false when its tables are not these any more."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(OTHERS)
        if [row["relname"] for row in await connection.fetch(TABLES)] != tables:
            return False
        deletions = "; ".join(f"DELETE FROM {name}" for name in tables)  # noqa: S608 - names of our own tables
        await connection.execute(f"BEGIN; SET LOCAL session_replication_role = replica; {deletions}; COMMIT")
    finally:
        await connection.close()
    return True


class Server:
    """The server of a test run: started by whoever comes first, or the one of VIGIE_TEST_DATABASE_URL."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._embedded: EmbeddedPostgres | None = None
        self._tables: dict[str, list[str]] = {}
        self.url = os.environ.get(URL_VARIABLE, "")

    def start(self) -> None:
        """Start or join the server and make the migrated template once."""
        with FileLock(str(self._folder / "server.lock")):
            if not self.url:
                self._embedded = EmbeddedPostgres(self._folder / "server", options=FAST)
                self.url = self._embedded.start()
            marker = self._folder / "template.ready"
            if not marker.exists():
                asyncio.run(execute(self.url, f"DROP DATABASE IF EXISTS {TEMPLATE}"))
                asyncio.run(execute(self.url, f"CREATE DATABASE {TEMPLATE}"))
                migrate(in_database(self.url, TEMPLATE))
                marker.touch()

    def clone(self, name: str, of: str = TEMPLATE) -> str:
        """Make a fresh migrated database, or a copy of one that nobody is connected to, and return its URL."""
        with FileLock(str(self._folder / "clone.lock")):  # a template can be copied by one session at a time
            asyncio.run(execute(self.url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            # Page by page through the log, as PostgreSQL does unless told otherwise, takes half as long again.
            asyncio.run(execute(self.url, f"CREATE DATABASE {name} TEMPLATE {of} STRATEGY file_copy"))
        return in_database(self.url, name)

    def empty(self, name: str) -> str:
        """Return the URL of a database without rows: the one of this name again if it can be emptied, else a clone.

        Emptying takes some hundredths of a second; making and dropping a database several times as long.
        """
        url = in_database(self.url, name)
        if name not in self._tables:
            self.clone(name)
            self._tables[name] = asyncio.run(tables_of(url))
        elif not asyncio.run(emptied(url, self._tables[name])):
            self.clone(name)
        return url

    def drop(self, name: str) -> None:
        """Drop a database made by `clone` or `empty`."""
        asyncio.run(execute(self.url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))

    def stop(self) -> None:
        """Leave the server; it ends with the process that started it."""
        if self._embedded is not None:
            self._embedded.stop()
            shutil.rmtree(self._embedded.log_file.parent, ignore_errors=True)  # may lie outside our folder
