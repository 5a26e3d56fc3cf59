"""Alerts open, escalate, wait and close by the event log and by time, each at its own instant."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from tests.conftest import NOW
from tests.support.agent import healthy, patch_section
from tests.support.cast import Cast
from tests.support.time_travel import Worker
from vigie.alerts.follow import Follower

OVERDUE = {"security": 1, "critical": 0, "other": 0, "max_age_days": 90, "items": []}


@pytest.fixture
async def worker(cast: Cast) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the worker's."""
    found = Worker(cast.settings)
    yield await found.connection()
    await found.close()


async def test_a_failing_control_opens_an_alert_and_passing_closes_it(
    cast: Cast, worker: asyncpg.Connection, database: Any
) -> None:
    device = await cast.device()
    await device.report({**healthy(NOW), "patch": patch_section(NOW, pending=OVERDUE)})
    follower = Follower("postgresql")
    await follower.run(worker, NOW)
    at: datetime = NOW + timedelta(minutes=60)
    await follower.run(worker, at)
    async with database.engine.connect() as connection:
        told = text("SELECT cause, status, opened_at FROM alert WHERE practice_id = :practice ORDER BY cause")
        rows = (await connection.execute(told, {"practice": cast.cedar})).all()
    assert ("patch", "open", NOW + timedelta(minutes=60)) in [tuple(row) for row in rows]
