"""A week of the simulated world, lived through by the real intake, sweep and alerts; and rules broken on purpose, which it tells.

`make truth` lives through a whole year (docs/truth.md).
"""

import asyncio
from datetime import date, datetime
from pathlib import Path

import pytest

from tests.conftest import settings_for
from vigie.devices import silence
from vigie.practices.calendar import DAY_MINUTES, PracticeCalendar
from vigie.settings import Settings
from vigie.truth.judge import Judgement
from vigie.truth.report import as_json, goals_of
from vigie.truth.simulation import Asked, simulate

pytestmark = [
    pytest.mark.slow("lives through a week of twenty practices"),
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("truth"),
]


@pytest.fixture
def settings(fresh_database_url: str, key_file: Path) -> Settings:
    return settings_for(fresh_database_url, key_file)


async def lived(settings: Settings, asked: Asked) -> Judgement:
    """Live through a world in a thread, on an event loop of its own as the command has it."""
    result, ran = await asyncio.to_thread(simulate, settings, asked, lambda _line: None)
    assert as_json(result, ran)["run"]["heartbeats"] > 40 * asked.practices * asked.days
    return result


def reached(result: Judgement) -> dict[str, float]:
    return {goal.name: goal.reached for goal in goals_of(result) if not goal.met}


async def test_in_a_week_of_twenty_practices_every_alert_is_right_and_none_is_missing(settings: Settings) -> None:
    """Eight times as much goes wrong as usual, so that a week brings something of everything; it ends with a night of 23 hours."""
    result = await lived(settings, Asked("1", 20, 7, intensity=8))
    assert reached(result) == {}, as_json(result, {})
    told = {told.cause for told in result.alerts}
    assert {"line", "backup", "protection"} <= told
    assert {truth.kind for truth in result.truths} >= {"line_cut", "power_cut", "broken_workstation", "backup_failing"}
    assert sum(truth.due_at is not None for truth in result.truths) > 3


async def test_a_service_that_takes_what_is_switched_off_for_lost_is_found_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same judge, two ordinary practices, and a service that knows neither nights nor lunch: the table says so."""

    def always_open(calendar: PracticeCalendar, day: date) -> tuple[tuple[datetime, datetime], ...]:
        return ((calendar._at(day, 0), calendar._at(day, DAY_MINUTES)),)

    monkeypatch.setattr(PracticeCalendar, "spans", always_open)
    monkeypatch.setattr(silence, "cause_of", lambda _facts: "unknown")
    missed = reached(await lived(settings, Asked("0", 2, 2, intensity=0.01)))
    assert missed["alerts about devices while their practice is closed"] > 0
    assert missed["false alerts per practice and year"] > 1
