"""How long things are kept: what operators may choose, from when on things are old, and that the page for operators names each."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from vigie.core.retention import kept_since
from vigie.incidents.rules import EVIDENCE_BEFORE, LOOKS_BACK
from vigie.reports.rules import MOST_DAYS
from vigie.retention import KINDS, PURGES
from vigie.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "operators" / "retention.md"
LEAST = {"presence": 13, "backup_runs": 13, "history": 13, "events": 13, "alerts": 13, "access": 1}


@pytest.mark.parametrize(("period", "least"), LEAST.items())
def test_less_than_something_rests_on_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, period: str, least: int
) -> None:
    name = f"retention_{period}_months"
    monkeypatch.setenv(f"VIGIE_{name.upper()}", str(least))
    chosen: Any = getattr(Settings(), name)
    assert chosen == least
    for refused in (least - 1, 241):
        monkeypatch.setenv(f"VIGIE_{name.upper()}", str(refused))
        with pytest.raises(ValidationError) as error:
            Settings()
        assert [fault["loc"] for fault in error.value.errors()] == [(name,)]


def test_the_least_that_can_be_chosen_is_enough_for_reports_and_for_the_evidence_of_incidents() -> None:
    now = datetime(2026, 11, 17, 9, 30, tzinfo=UTC)
    since = kept_since({"events": LEAST["events"], "history": LEAST["history"], "alerts": LEAST["alerts"]}, now)
    assert now - since["events"] == timedelta(days=13 * 31)
    assert since["events"] <= now - timedelta(
        days=MOST_DAYS + 1
    )  # the first day of the longest report, in every time zone
    assert since["alerts"] <= now - timedelta(days=MOST_DAYS + 1)
    assert since["history"] <= now - LOOKS_BACK - EVIDENCE_BEFORE
    assert (now - since["unused_files"], since["keys"]) == (timedelta(days=31), now)


def test_operators_find_every_kind_with_its_setting() -> None:
    told = {
        kind: setting
        for line in PAGE.read_text().splitlines()
        if line.startswith("| `") and (cells := [cell.strip() for cell in line.strip("| ").split(" | ")])
        for kind in re.findall(r"`([a-z_]+)`", cells[0])
        for setting in ["".join(re.findall(r"VIGIE_RETENTION_([A-Z_]+)_MONTHS", cells[3])) or cells[3]]
    }
    assert set(told) == set(KINDS)
    for purge in PURGES:
        assert told[purge.kind] in {purge.period.upper(), "the same", "–" if purge.period not in LEAST else ""}  # noqa: RUF001
    assert told["history"] == "HISTORY"
