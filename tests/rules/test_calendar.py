"""Opening hours: what a day is, ages in opening days, expected reports, and the nights of the clock change."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from vigie.practices.calendar import Hours, PracticeCalendar, Span, day_of, ordered, slot_after
from vigie.practices.public_holidays import TERRITORIES, public_holidays

PARIS = "Europe/Paris"
MORNING, AFTERNOON = Span(8 * 60 + 30, 12 * 60 + 30), Span(14 * 60, 19 * 60)
DAY = (MORNING, AFTERNOON)
WEEK = (DAY, DAY, (MORNING,), DAY, DAY, (), ())  # Wednesday morning only, closed at the week-end
HOURS = Hours(
    WEEK,
    closures=((date(2026, 8, 3), date(2026, 8, 23)),),
    openings={date(2026, 11, 11): (Span(9 * 60, 12 * 60),), date(2026, 8, 12): (Span(9 * 60, 10 * 60),)},
)
CALENDAR = PracticeCalendar(HOURS, PARIS)


def paris(text: str) -> datetime:
    """An instant by the clocks of Paris."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(PARIS)).astimezone(UTC)


def calendar(**changed: Any) -> PracticeCalendar:
    return PracticeCalendar(Hours(**{"weekly": WEEK, **changed}), changed.get("time_zone", PARIS))


@pytest.mark.parametrize(
    ("day", "spans", "because"),
    [
        ("2026-11-16", DAY, "weekly"),
        ("2026-11-18", (MORNING,), "weekly"),
        ("2026-11-21", (), "weekly"),
        ("2026-07-14", (), "public_holiday"),
        ("2026-11-11", (Span(540, 720),), "opening"),  # a public holiday on which it opens
        ("2026-08-02", (), "weekly"),
        ("2026-08-03", (), "closure"),
        ("2026-08-12", (Span(540, 600),), "opening"),  # within the closure
        ("2026-08-15", (), "closure"),
        ("2026-08-23", (), "closure"),
        ("2026-08-24", DAY, "weekly"),
    ],
)
def test_the_nearer_word_decides_what_a_day_is(day: str, spans: tuple[Span, ...], because: str) -> None:
    assert day_of(HOURS, date.fromisoformat(day)) == (spans, because)


@pytest.mark.parametrize(
    ("territory", "day", "name"),
    [
        ("metropolitan", "2026-05-25", "Lundi de Pentecôte"),
        ("metropolitan", "2026-04-03", None),
        ("alsace_moselle", "2026-04-03", "Vendredi saint"),
        ("metropolitan", "2026-12-26", None),
        ("alsace_moselle", "2026-12-26", "Saint-Étienne"),
        ("reunion", "2026-12-20", "Abolition de l'esclavage"),
        ("guadeloupe", "2026-05-27", "Abolition de l'esclavage"),
        ("martinique", "2026-05-22", "Abolition de l'esclavage"),
        ("guyane", "2026-06-10", "Abolition de l'esclavage"),
        ("mayotte", "2026-04-27", "Abolition de l'esclavage"),
        ("none", "2026-12-25", None),
    ],
)
def test_public_holidays_of_the_territories(territory: str, day: str, name: str | None) -> None:
    assert public_holidays(territory, 2026).get(date.fromisoformat(day)) == name


def test_every_territory_but_none_keeps_the_eleven_holidays_of_the_labour_code() -> None:
    eleven = set(public_holidays("metropolitan", 2026))
    assert len(eleven) == 11
    assert {name for name in TERRITORIES if eleven - set(public_holidays(name, 2026))} == {"none"}


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-16T08:29:59", False),
        ("2026-11-16T08:30:00", True),
        ("2026-11-16T12:29:59", True),
        ("2026-11-16T12:30:00", False),
        ("2026-11-16T14:00:00", True),
        ("2026-11-16T19:00:00", False),
        ("2026-11-18T15:00:00", False),
        ("2026-11-22T10:00:00", False),
    ],
)
def test_a_practice_is_open_from_its_first_to_before_its_last_minute(at: str, expected: object) -> None:
    assert CALENDAR.is_open(paris(at)) is expected


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-11-16T08:00:00", "2026-11-16T08:30:00"),
        ("2026-11-16T08:30:00", "2026-11-16T14:00:00"),  # the next one, not the one that has begun
        ("2026-11-20T19:00:00", "2026-11-23T08:30:00"),
        ("2026-07-31T19:00:00", "2026-08-12T09:00:00"),
        ("2026-08-12T10:00:00", "2026-08-24T08:30:00"),
    ],
)
def test_the_next_opening(at: str, opens: str) -> None:
    assert CALENDAR.next_opening(paris(at)) == paris(opens)


def test_a_practice_that_stays_closed_for_four_years_opens_at_no_time_and_expects_nothing_until_then() -> None:
    never = calendar(closures=((date(2026, 1, 1), date(2036, 1, 1)),))
    at = paris("2026-11-16T09:00:00")
    assert never.next_opening(at) is None
    assert never.next_expected(at, 600, 3600) > at + timedelta(days=1400)
    assert never.elapse(at, timedelta(days=2)) > at + timedelta(days=2)


@pytest.mark.parametrize(
    ("start", "amount_h", "end"),
    [
        ("2026-11-16T02:00:00", 26, "2026-11-17T04:00:00"),
        ("2026-11-20T02:00:00", 26, "2026-11-23T04:00:00"),  # Friday's backup, over the week-end
        ("2026-11-20T02:00:00", 22, "2026-11-21T00:00:00"),
        ("2026-11-21T11:00:00", 1, "2026-11-23T01:00:00"),  # begun on a closed day
        ("2026-07-31T20:00:00", 26, "2026-08-12T22:00:00"),  # August, but for the one morning it opens
        ("2026-11-16T02:00:00", 0, "2026-11-16T02:00:00"),
    ],
)
def test_ages_count_opening_days_only(start: str, amount_h: int, end: str) -> None:
    amount = timedelta(hours=amount_h)
    assert CALENDAR.elapse(paris(start), amount) == paris(end)
    assert CALENDAR.open_between(paris(start), paris(end)) == amount


def test_the_time_between_two_instants_is_never_negative_and_counts_what_is_open() -> None:
    friday, monday = paris("2026-11-20T18:00:00"), paris("2026-11-23T09:00:00")
    assert CALENDAR.open_between(friday, monday) == timedelta(hours=15)
    assert CALENDAR.open_between(monday, friday) == timedelta(0)
    assert CALENDAR.open_between(monday, monday) == timedelta(0)


@pytest.mark.parametrize(
    ("after", "slot_min", "expected"),
    [
        ("2026-11-16T09:10:00", 10, "2026-11-16T10:10:00"),  # strictly after
        ("2026-11-16T09:09:59", 10, "2026-11-16T09:10:00"),
        ("2026-11-16T07:00:00", 10, "2026-11-16T09:10:00"),  # 08:10 is before opening, 09:10 half an hour after
        ("2026-11-16T07:00:00", 50, "2026-11-16T09:50:00"),  # 08:50 is too soon after opening
        ("2026-11-16T11:20:00", 10, "2026-11-16T12:10:00"),
        ("2026-11-16T12:10:00", 10, "2026-11-16T15:10:00"),  # lunch, and half an hour
        ("2026-11-16T18:00:00", 0, "2026-11-17T09:00:00"),  # 19:00 is closing time; 09:00 is exactly half an hour
        ("2026-11-20T18:30:00", 10, "2026-11-23T09:10:00"),
    ],
)
def test_a_report_is_expected_at_its_slot_when_the_practice_has_been_open_for_half_an_hour(
    after: str, slot_min: int, expected: str
) -> None:
    assert CALENDAR.next_expected(paris(after), slot_min * 60, 3600) == paris(expected)


def test_slots_lie_at_their_second_of_the_hour() -> None:
    at = datetime(2026, 11, 16, 9, 0, 0, tzinfo=UTC)
    assert slot_after(at, 0, 3600) == at + timedelta(hours=1)
    assert slot_after(at, 1, 3600) == at + timedelta(seconds=1)
    assert slot_after(at + timedelta(seconds=2), 1, 3600) == at + timedelta(seconds=3601)


ALL_DAY = ((Span(0, 1440),),) * 7


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_of_the_clock_change_is_an_hour_shorter_or_longer(day: str, hours: int) -> None:
    (start, end), *others = calendar(weekly=ALL_DAY).spans(date.fromisoformat(day))
    assert (end - start, others) == (timedelta(hours=hours), [])


@pytest.mark.parametrize(
    ("day", "span", "expected"),
    [
        ("2026-03-29", Span(150, 300), ("2026-03-29T01:30:00+00:00", "2026-03-29T03:00:00+00:00")),  # 02:30 is skipped
        ("2026-10-25", Span(150, 300), ("2026-10-25T00:30:00+00:00", "2026-10-25T04:00:00+00:00")),  # 02:30 comes twice
        ("2026-10-25", Span(120, 180), ("2026-10-25T00:00:00+00:00", "2026-10-25T02:00:00+00:00")),
    ],
)
def test_hours_in_the_night_of_the_clock_change(day: str, span: Span, expected: tuple[str, str]) -> None:
    found = calendar(weekly=((span,),) * 7).spans(date.fromisoformat(day))
    assert [(start.isoformat(), end.isoformat()) for start, end in found] == [expected]


def test_hours_that_the_clock_jumps_over_are_no_opening() -> None:
    skipped = calendar(weekly=((Span(130, 180),),) * 7)  # 02:10 to 03:00, which is 03:10 to 03:00
    assert skipped.spans(date(2026, 3, 29)) == ()
    assert len(skipped.spans(date(2026, 3, 30))) == 1


def test_a_day_is_that_of_the_practice_and_not_of_the_server() -> None:
    reunion = PracticeCalendar(Hours(WEEK, territory="reunion"), "Indian/Reunion")
    assert reunion.is_open(datetime(2026, 11, 16, 4, 30, tzinfo=UTC))
    assert not reunion.is_open(datetime(2026, 11, 16, 15, 0, tzinfo=UTC))
    assert reunion.elapse(datetime(2026, 11, 20, 19, 0, tzinfo=UTC), timedelta(hours=2)) == datetime(
        2026, 11, 22, 21, 0, tzinfo=UTC
    )


def test_the_order_in_which_days_are_asked_for_does_not_matter() -> None:
    one, other = calendar(), calendar()
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(200)]
    assert [one.spans(day) for day in days] == [other.spans(day) for day in reversed(days)][::-1]


@pytest.mark.parametrize(
    "spans", [[Span(60, 60)], [Span(61, 60)], [Span(-1, 60)], [Span(0, 1441)], [Span(0, 60), Span(59, 90)]]
)
def test_spans_that_make_no_day_are_refused(spans: list[Span]) -> None:
    with pytest.raises(ValueError, match="span"):
        ordered(spans)


def test_spans_are_put_in_order_and_may_touch() -> None:
    assert ordered([Span(60, 120), Span(0, 60)]) == (Span(0, 60), Span(60, 120))
