"""Fixtures of the tests of background work: a worker whose clock the test moves, and the rows it leaves."""

import os
from collections.abc import AsyncIterator
from zlib import crc32

import asyncpg
import pytest

from tests.support.time_travel import Worker
from vigie.core.db import connect
from vigie.settings import Settings

FORMS = ("postgresql", "citus")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test one of the two forms of our statements, half of the tests each; VIGIE_TEST_FORMS=both gives it both.

    That both forms leave the same rows, and hold the same locks, is what tests/concurrency tries.
    """
    if "database_form" in metafunc.fixturenames:
        both = os.environ.get("VIGIE_TEST_FORMS") == "both"
        place = crc32(metafunc.function.__name__.encode()) % len(FORMS)
        metafunc.parametrize("database_form", FORMS if both else [FORMS[place]])


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    """A worker on the database of the test."""
    worker = Worker(settings)
    yield worker
    await worker.close()


@pytest.fixture
async def rows(fresh_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection past row-level security."""
    connection = await connect(fresh_database_url, {})
    yield connection
    await connection.close()
