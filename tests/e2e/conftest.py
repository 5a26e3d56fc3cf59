"""The service that end-to-end tests share when they do not disturb each other in it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.service import Service, running_service


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def service() -> AsyncIterator[Service]:
    """API, worker and PostgreSQL as real processes. Who uses it is in the group "real service": one is started, not two."""
    async with running_service() as found:
        yield found
