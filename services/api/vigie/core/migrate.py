"""Bringing a database to the schema of this release, and asking whether it is there.

Alembic is loaded (`upgrading`) only by who migrates: with Mako it takes a fifth of a second of each start.
"""

import asyncio
import re
from pathlib import Path

import asyncpg

ROLES = ("vigie_owner", "vigie_app", "vigie_intake", "vigie_signin", "vigie_worker")
_REVISION = re.compile(r'^revision = "([^"]+)"$', re.MULTILINE)
_FOLLOWS = re.compile(r'^down_revision = "([^"]+)"$', re.MULTILINE)


def migrations_folder() -> Path:
    """Return the folder of the migrations: inside the installed package, or at the root of the checkout."""
    package = Path(__file__).parents[1]
    candidates = (package / "_migrations", package.parents[2] / "migrations")
    found = next((folder for folder in candidates if (folder / "env.py").exists()), None)
    if found is None:
        raise FileNotFoundError("the migrations are neither in the package nor in a checkout")
    return found


async def ensure_roles(url: str) -> None:
    """Create the five roles where they are missing, and let the login of `url` become each of them.

    Raises `asyncpg.InsufficientPrivilegeError` when the login may not create roles: `docs/operators/database.md` then says
    what an administrator runs once.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SELECT pg_advisory_lock(7346105202)")
        login = await connection.fetchval("SELECT quote_ident(current_user)")
        database = await connection.fetchval("SELECT quote_ident(current_database())")
        for role in ROLES:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
                await connection.execute(f"CREATE ROLE {role} NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOLOGIN")
            if not await connection.fetchval("SELECT pg_has_role(current_user, $1, 'MEMBER')", role):
                await connection.execute(f"GRANT {role} TO {login}")
        if not await connection.fetchval("SELECT has_schema_privilege('vigie_owner', 'public', 'CREATE')"):
            await connection.execute("GRANT USAGE, CREATE ON SCHEMA public TO vigie_owner")
        await connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {', '.join(ROLES)}")
    finally:
        await connection.close()


def migrate(url: str) -> None:
    """Bring the database of `url` to the newest revision; safe to run at any time and by several at once."""
    from vigie.core import upgrading  # noqa: PLC0415 - loads Alembic

    asyncio.run(ensure_roles(url))
    upgrading.upgrade(url)


def head_revision() -> str:
    """Return the newest revision this release knows: the one that no other follows. Raises `LookupError` unless there is one."""
    texts = [file.read_text() for file in (migrations_folder() / "versions").glob("*.py")]
    made = {found[1] for text in texts if (found := _REVISION.search(text))}
    followed = {found[1] for text in texts if (found := _FOLLOWS.search(text))}
    heads = made - followed
    if len(heads) != 1:
        raise LookupError(f"the migrations end in {len(heads)} revisions, not in one")
    return heads.pop()
