"""The judge of the simulated world: a yardstick that cannot say "wrong" measures nothing. And the world it judges by."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from vigie.practices.calendar import PracticeCalendar
from vigie.practices.opening_hours_schemas import OpeningHoursIn
from vigie.practices.public_holidays import public_holidays
from vigie.truth.judge import Told, by_cause, judge, table
from vigie.truth.openings import DAY_S, HOUR_S, Span, holidays_of, when
from vigie.truth.report import as_json, as_text, goals_of
from vigie.truth.spans import at, joined, without
from vigie.truth.truths import DEVICE_CAUSES, NEVER, Truth, truths_of
from vigie.truth.world import World, make_world

MONDAY = date(2026, 3, 23)
WORLD = make_world("judge", 2, MONDAY, 7)
NINE = WORLD.practices[0].openings.told(MONDAY)[0].start + 600  # shortly after the first practice opened
CUT = Truth(
    "line_cut",
    0,
    frozenset({0, 1}),
    Span(NINE, NINE + 5 * HOUR_S),
    DEVICE_CAUSES | {"line"},
    NINE + 6 * HOUR_S,
    NINE + 3 * HOUR_S,
)


def told(cause: str, opened_at: int, *places: int, alert: str = "a", practice: int = 0) -> Told:
    return Told(alert, practice, cause, "warning", opened_at, opened_at + HOUR_S, dict.fromkeys(places, opened_at))


LINE = told("line", NINE + 2 * HOUR_S)
NIGHT = WORLD.practices[0].openings.told(MONDAY)[0].start - 3 * HOUR_S


@pytest.mark.parametrize(
    ("truths", "alerts", "reached"),
    [
        ([CUT], [LINE], (0, 0, 0, 0, 0)),
        ([CUT], [], (0, 0, 1, 1, 0)),
        ([CUT], [LINE, told("silent", NINE + 2 * HOUR_S, 0, alert="b")], (0, 0, 0, 1, 0)),
        ([CUT], [told("line", NINE + 2 * HOUR_S, practice=1)], (0, 1, 1, 1, 0)),
        ([], [LINE], (0, 1, 0, 0, 0)),
        ([CUT], [LINE, told("backup", NINE + 2 * HOUR_S)], (0, 1, 0, 0, 0)),
        ([CUT], [told("line", NINE + 7 * HOUR_S)], (0, 1, 1, 1, 0)),
        ([], [told("silent", NIGHT, 0)], (1, 1, 0, 0, 0)),
    ],
    ids=["one-alert", "none", "two", "of-another-practice", "of-nothing", "of-another-cause", "too-late", "at-night"],
)
def test_each_way_of_being_wrong_is_counted(truths: list[Truth], alerts: list[Told], reached: tuple[int, ...]) -> None:
    result = judge(WORLD, truths, alerts)
    found = (
        len(result.while_closed),
        len(result.false),
        len(result.missed),
        len(result.wrong_cuts),
        len(result.from_ours),
    )
    assert found == reached
    assert as_json(result, {})["met"] == (reached == (0, 0, 0, 0, 0))
    assert ("**missed**" in as_text(result, {})) == (reached != (0, 0, 0, 0, 0))
    assert len(goals_of(result)) == 5


def test_the_tables_name_cause_and_delay() -> None:
    result = judge(WORLD, [CUT], [LINE, told("patch", NINE)])
    assert table(result)["line_cut"]["told_as"] == {"line": 1}
    assert table(result)["line_cut"]["median_minutes"] == 120
    causes = by_cause(result)
    assert causes["line"]["precision"] == causes["line"]["recall"] == 1
    assert causes["patch"]["false_positives"] == 1
    assert causes["patch"]["false_because"] == {"near line_cut": 1}


def test_what_follows_our_own_outage_is_ours() -> None:
    year = make_world("outage", 1, MONDAY, 120)
    start = year.outages[0].span.start
    result = judge(year, [], [told("silent", start + HOUR_S, 0)])
    assert len(result.from_ours) == len(result.false) == 1


def test_the_same_seed_makes_the_same_world() -> None:
    assert make_world("one", 3, MONDAY, 30) == make_world("one", 3, MONDAY, 30)
    assert make_world("one", 3, MONDAY, 30) != make_world("two", 3, MONDAY, 30)
    assert truths_of(WORLD) == truths_of(make_world("judge", 2, MONDAY, 7))


def test_a_world_with_more_trouble_has_more_of_everything() -> None:
    def kinds(world: World) -> set[str]:
        return {truth.kind for truth in truths_of(world)}

    troubled, quiet = (kinds(make_world("x", 8, MONDAY, 60, intensity=intensity)) for intensity in (10, 0.01))
    assert troubled > quiet


@pytest.mark.parametrize("territory", ["metropolitan", "alsace_moselle", "guadeloupe", "reunion"])
def test_its_public_holidays_are_those_of_the_law(territory: str) -> None:
    """They were computed without the library that the product asks, which also lists days of custom overseas."""
    for year in range(2024, 2032):
        own, known = holidays_of(territory, year), set(public_holidays(territory, year))
        assert own <= known
        if territory in {"metropolitan", "alsace_moselle"}:
            assert own == known


def test_its_opening_hours_are_what_the_product_makes_of_what_it_was_told() -> None:
    for practice in make_world("hours", 12, MONDAY, 2).practices:
        own = practice.openings
        told_hours = OpeningHoursIn.model_validate(own.document()).hours()
        calendar = PracticeCalendar(told_hours, own.zone.key)
        if own.territory in {"guadeloupe", "reunion"}:
            continue  # days of custom: see above
        for number in range(365):
            day = MONDAY + timedelta(days=number)
            assert [(when(a), when(b)) for a, b in own.told(day)] == list(calendar.spans(day)), day


def test_the_night_of_the_clock_change_is_an_hour_shorter() -> None:
    paris = next(
        p.openings for p in make_world("hours", 12, MONDAY, 2).practices if p.openings.zone == ZoneInfo("Europe/Paris")
    )
    assert paris.at(date(2026, 3, 30), 0) - paris.at(date(2026, 3, 29), 0) == 23 * HOUR_S
    assert paris.at(date(2026, 10, 26), 0) - paris.at(date(2026, 10, 25), 0) == 25 * HOUR_S


def test_spans() -> None:
    assert joined([Span(5, 6), Span(1, 3), Span(3, 4), Span(2, 2)]) == (Span(1, 4), Span(5, 6))
    assert without((Span(0, 10), Span(20, 30)), [Span(2, 3), Span(9, 25)]) == (Span(0, 2), Span(3, 9), Span(25, 30))
    assert at((Span(0, 2), Span(3, 9)), 3) == Span(3, 9)
    assert at((Span(0, 2), Span(3, 9)), 2) is None
    assert NEVER > DAY_S
