"""The worker makes the partitions of the history, also of months whose rows were there first."""

from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import settings_for
from tests.support.agent import healthy
from tests.support.cast import Cast
from tests.support.time_travel import Worker
from vigie.core.clock import MovableClock
from vigie.settings import Settings
from vigie.worker import ensure_partitions

LATER = datetime(2031, 3, 31, 23, 30, tzinfo=UTC)
PLACES = "SELECT tableoid::regclass::text AS place, count(*) AS n FROM section_history GROUP BY 1 ORDER BY 1"
PROTECTED = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^section_history_' "
    "AND NOT (relrowsecurity AND relforcerowsecurity)"
)


@pytest.fixture
def settings(cloned_database_url: str, key_file: Path) -> Settings:
    return settings_for(cloned_database_url, key_file)


async def test_rows_that_came_before_their_partition_are_moved_into_it(
    cast: Cast, worker: Worker, settings: Settings
) -> None:
    cast.clock.move_to(LATER)
    cast.refresh(cast.pia)
    device = await cast.device()
    await device.report(healthy(LATER))
    assert settings.database_url is not None
    rows = await asyncpg.connect(settings.database_url.get_secret_value())
    try:
        assert [tuple(row) for row in await rows.fetch(PLACES)] == [("section_history_rest", 1)]
        connection = await worker.connection()
        assert await ensure_partitions(connection, MovableClock(LATER)) == 4
        assert [tuple(row) for row in await rows.fetch(PLACES)] == [("section_history_2031_03", 1)]
        assert await ensure_partitions(connection, MovableClock(LATER)) == 0
        assert await rows.fetch(PROTECTED) == []
        history = await cast.pia.get(f"/v1/devices/{device.device_id}/history")
        assert len(history["items"]) == 1
    finally:
        await rows.close()
