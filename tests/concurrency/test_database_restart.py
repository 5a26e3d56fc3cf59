"""REST over a database that goes away and comes back: it says "try again", and then simply works."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import settings_for
from tests.support.cast import Cast
from tests.support.line import Line
from vigie.settings import Settings


@pytest.fixture
async def line(fresh_database_url: str) -> AsyncIterator[Line]:
    """A line to a database of the test's own."""
    line = Line(fresh_database_url)
    await line.connect()
    yield line
    await line.cut()


@pytest.fixture
def settings(line: Line, key_file: Path) -> Settings:
    """Settings by way of the line."""
    return settings_for(line.url, key_file)


async def test_connections_that_died_in_the_pool_fail_no_request(cast: Cast, fresh_database_url: str) -> None:
    before = await cast.pia.call("GET", "/v1/practices")
    admin = await asyncpg.connect(fresh_database_url.rpartition("/")[0] + "/postgres")
    name = fresh_database_url.rpartition("/")[2]
    await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    await admin.close()
    after = [(await cast.pia.call("GET", "/v1/practices")).status_code for _ in range(3)]
    assert before.status_code == 200
    assert after == [200, 200, 200]


async def test_while_the_database_is_away_rest_says_try_again_and_afterwards_answers(cast: Cast, line: Line) -> None:
    await line.cut()
    away = await cast.pia.call("GET", "/v1/practices")
    await line.connect()
    back = await cast.pia.call("GET", "/v1/practices")
    assert (away.status_code, away.json()["code"]) == (503, "service.unavailable")
    assert int(away.headers["retry-after"]) > 0
    assert back.status_code == 200
