"""Fixtures of the tests of background work: a worker whose clock the test moves, and the rows it leaves."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.support.time_travel import Worker
from vigie.core.db import connect
from vigie.settings import Settings


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
