"""The SQL of the operator's page is enough: run on a real PostgreSQL, then migrated and used as the page says."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from vigie.core.embedded import EmbeddedPostgres
from vigie.core.migrate import migrate

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operators" / "kubernetes.md"
LOGINS = ("vigie_app", "vigie_intake", "vigie_signin", "vigie_worker", "vigie_migration")
PASSWORD = "password-of-a-test"


def url_as(administrator: str, login: str) -> str:
    """Return the URL of one login on the documented database."""
    parts = urlsplit(administrator)
    return parts._replace(netloc=f"{login}:{PASSWORD}@{parts.hostname}:{parts.port}", path="/documented").geturl()


async def follow_the_page(administrator: str) -> None:
    """Do what the page asks of the administrator; the database gets another name, the embedded one has that already."""
    (block,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    statements = [line for line in block.splitlines() if line]
    assert statements[-1] == "CREATE DATABASE vigie OWNER vigie_owner;"
    connection = await asyncpg.connect(administrator)
    for statement in statements[:-1]:
        await connection.execute(statement)
    await connection.execute("CREATE DATABASE documented OWNER vigie_owner")
    for login in LOGINS:
        await connection.execute(f"ALTER ROLE {login} PASSWORD '{PASSWORD}'")
    await connection.close()


@pytest.fixture(scope="module")
def administrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("documented")
    server = EmbeddedPostgres(folder / "data", options={"fsync": "off"})
    url = server.start()
    asyncio.run(follow_the_page(url))
    yield url
    home = server.log_file.parent
    server.stop()
    shutil.rmtree(home, ignore_errors=True)


def test_the_documented_migration_login_can_migrate_twice(administrator: str) -> None:
    migrate(url_as(administrator, "vigie_migration"))
    migrate(url_as(administrator, "vigie_migration"))


def test_each_documented_login_may_read_its_tables_and_alter_none(administrator: str) -> None:
    migrate(url_as(administrator, "vigie_migration"))

    async def look(login: str) -> None:
        connection = await asyncpg.connect(url_as(administrator, login))
        try:
            assert await connection.fetchval("SELECT count(*) FROM practice") == 0
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("ALTER TABLE practice ADD COLUMN stray integer")
            owner = await connection.fetchval("SELECT tableowner FROM pg_tables WHERE tablename = 'practice'")
            assert owner == "vigie_owner"
            bypass = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
            assert await connection.fetchval(bypass) is False
        finally:
            await connection.close()

    for login in ("vigie_app", "vigie_intake", "vigie_signin", "vigie_worker"):
        asyncio.run(look(login))
