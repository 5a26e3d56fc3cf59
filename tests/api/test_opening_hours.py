"""Opening hours told over REST: what is stored, what is shown for two weeks, what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.cast import Cast
from tests.support.refusals import refusal
from vigie.core.clock import MovableClock

PATH = "/v1/practices/{}/opening-hours"
MORNING = {"from": "08:30", "to": "12:30"}
AFTERNOON = {"from": "14:00", "to": "19:00"}
TOLD: dict[str, Any] = {
    "territory": "metropolitan",
    "weekly": {
        **{key: [MORNING, AFTERNOON] for key in ("monday", "tuesday", "thursday", "friday")},
        "wednesday": [MORNING],
        "saturday": [],
        "sunday": [],
    },
    "closures": [{"first": "2026-11-26", "last": "2026-11-27", "label": "Congrès"}],
    "openings": [{"on": "2026-11-28", "spans": [{"from": "09:00", "to": "12:00"}]}],
}
INVALID = (422, "request.invalid")


async def put(cast: Cast, told: Any) -> Any:
    return await cast.pia.call("PUT", PATH.format(cast.cedar), json=told)


async def test_a_practice_that_told_nothing_never_closes(cast: Cast) -> None:
    read = await cast.pia.get(PATH.format(cast.cedar))
    assert (read["hours"], read["open_now"], read["next_opening"], read["preview"]) == (None, True, None, [])


async def test_hours_are_told_and_shown_day_by_day_for_two_weeks(cast: Cast) -> None:
    # The clock of the cast stands at Tuesday 17 November, 10:30 in Paris.
    answer = await put(cast, TOLD)
    assert answer.status_code == 200, answer.text
    shown = await cast.pia.get(PATH.format(cast.cedar))
    assert shown == answer.json()
    assert shown["hours"] == TOLD
    assert (shown["open_now"], shown["next_opening"]) == (True, "2026-11-17T13:00:00Z")
    days = {day["day"]: day for day in shown["preview"]}
    assert len(days) == 14
    assert min(days) == "2026-11-17"
    assert days["2026-11-18"] == {
        "day": "2026-11-18",
        "spans": [{"opens_at": "2026-11-18T07:30:00Z", "closes_at": "2026-11-18T11:30:00Z"}],
        "because": "weekly",
        "holiday": None,
    }
    assert [days[f"2026-11-{day}"]["because"] for day in (26, 27, 28, 29)] == [
        "closure",
        "closure",
        "opening",
        "weekly",
    ]
    assert days["2026-11-29"]["spans"] == []


async def test_a_public_holiday_is_named_even_where_the_practice_opens_on_it(cast: Cast, clock: MovableClock) -> None:
    clock.move_to(datetime(2026, 12, 20, 9, 0, tzinfo=UTC))
    told = {**TOLD, "territory": "alsace_moselle", "openings": [{"on": "2026-12-25", "spans": [MORNING]}]}
    days = {day["day"]: day for day in (await put(cast, told)).json()["preview"]}
    named = {day: (shown["holiday"], shown["because"]) for day, shown in days.items() if shown["holiday"]}
    assert named == {
        "2026-12-25": ("Noël", "opening"),
        "2026-12-26": ("Saint-Étienne", "public_holiday"),
        "2027-01-01": ("Jour de l'an", "public_holiday"),
    }


async def test_the_same_hours_again_change_nothing_and_are_no_event(cast: Cast) -> None:
    first = (await put(cast, TOLD)).json()
    changes = PATH.format(cast.cedar).replace("opening-hours", "changes")
    kinds = [item["kind"] for item in (await cast.pia.get(changes))["items"]]
    assert kinds.count("practice.opening_hours_changed") == 1
    assert (await put(cast, TOLD)).json() == first
    assert [item["kind"] for item in (await cast.pia.get(changes))["items"]] == kinds


async def test_hours_are_forgotten_once_and_twice(cast: Cast) -> None:
    await put(cast, TOLD)
    for _ in range(2):
        assert (await cast.pia.call("DELETE", PATH.format(cast.cedar))).status_code == 204
    assert (await cast.pia.get(PATH.format(cast.cedar)))["hours"] is None


def changed(**parts: Any) -> dict[str, Any]:
    return {**TOLD, **parts}


@pytest.mark.parametrize(
    "told",
    [
        {},
        changed(weekly={}),
        changed(weekly={"monday": []}),
        changed(weekly={"montag": [MORNING]}),
        changed(weekly={"monday": [{"from": "12:30", "to": "08:30"}]}),
        changed(weekly={"monday": [{"from": "08:30", "to": "08:30"}]}),
        changed(weekly={"monday": [{"from": "8:30", "to": "12:30"}]}),
        changed(weekly={"monday": [{"from": "24:00", "to": "24:00"}]}),
        changed(weekly={"monday": [{"from": "08:30", "to": "24:30"}]}),
        changed(weekly={"monday": [{"from": "08:30", "to": "12:30", "note": "x"}]}),
        changed(weekly={"monday": [MORNING, {"from": "12:00", "to": "13:00"}]}),
        changed(territory="bretagne"),
        changed(closures=[{"first": "2026-08-23", "last": "2026-08-03"}]),
        changed(closures=[{"first": "2026-08-03", "last": "2027-09-07"}]),
        changed(closures=[{"first": "0026-08-03", "last": "0026-08-05"}]),
        changed(closures=[{"first": "2026-02-30", "last": "2026-03-05"}]),
        changed(openings=[{"on": "2026-08-03", "spans": []}]),
        changed(openings=[{"on": "2026-08-03", "spans": [MORNING]}] * 2),
        changed(time_zone="Europe/Paris"),
    ],
)
async def test_hours_that_make_no_sense_are_refused_and_change_nothing(cast: Cast, told: Any) -> None:
    assert (await put(cast, TOLD)).status_code == 200
    assert refusal(await put(cast, told)) == INVALID
    assert (await cast.pia.get(PATH.format(cast.cedar)))["hours"] == TOLD


@pytest.mark.parametrize(
    "told",
    [
        changed(weekly={"monday": [{"from": "00:00", "to": "24:00"}]}),
        changed(weekly={"monday": [AFTERNOON, MORNING]}),
        changed(weekly={"monday": [MORNING, {"from": "12:30", "to": "13:00"}]}),
        changed(closures=[{"first": "2026-08-03", "last": "2026-08-03"}]),
        changed(territory="alsace_moselle"),
    ],
)
async def test_hours_at_the_edge_of_sense_are_taken(cast: Cast, told: Any) -> None:
    assert (await put(cast, told)).status_code == 200
