"""Points that add up whatever the states are, sentences that say their numbers, and what would help most."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest

from vigie.overview.explaining import (
    ENOUGH_PRACTICES,
    Standing,
    absent_reason,
    all_states,
    earliest,
    fill,
    improvements,
    standing,
    states_of,
    tally,
    threshold_of,
    trend,
    worst_first,
    written_day,
)
from vigie.posture.catalogue import Text, load_catalogue
from vigie.posture.rules.model import Policy, State
from vigie.posture.rules.score import Points, judge_checklist

CONTROLS = load_catalogue().controls
WEIGHTS = load_catalogue().weights
STATES: tuple[State, ...] = get_args(State)
DAY = date(2026, 11, 17)


def some_states(seed: int) -> dict[str, State]:
    """Return states as a practice may have them: every control, or only some."""
    chance = random.Random(seed)
    share = chance.random()
    return {control: chance.choice(STATES) for control in CONTROLS if chance.random() < share}


@pytest.mark.parametrize("seed", range(200))
def test_controls_add_up_to_rules_rules_to_the_total_and_the_total_to_the_score_of_the_verdict(seed: int) -> None:
    states = some_states(seed)
    points = tally(CONTROLS.values(), states)
    for rule, sum_of_rule in points.rules.items():
        own = [points.controls[control.id] for control in CONTROLS.values() if control.rule == rule]
        assert sum(own, Points(0, 0)) == sum_of_rule
    assert sum(points.rules.values(), Points(0, 0)) == points.total
    verdict = judge_checklist(states, WEIGHTS)
    if verdict.score is not None:
        assert points.total.percent == verdict.score


@pytest.mark.parametrize("seed", range(60))
def test_each_improvement_brings_what_it_says_and_all_of_them_bring_everything(seed: int) -> None:
    states: dict[str, State] = dict.fromkeys(CONTROLS, "unknown")
    states |= {**some_states(seed), "ANS-1.1": "pass"}
    points = tally(CONTROLS.values(), states)
    found = improvements(CONTROLS, points)
    assert points.total.earned + sum(item.gain for item in found) == points.total.possible
    for item in found:
        then = judge_checklist({**states, item.control: "pass"}, WEIGHTS)
        assert then.score == item.score_then, item
    order = [(-item.gain, CONTROLS[item.control].effort) for item in found]
    assert order == sorted(order)


def test_what_passes_does_not_apply_or_was_accepted_is_not_suggested() -> None:
    states: dict[str, State] = dict.fromkeys(CONTROLS, "pass")
    states |= {"ANS-1.1": "not_applicable", "ANS-2.2": "warn", "ANS-2.6": "fail", "ANS-1.2": "fail"}
    points = tally(CONTROLS.values(), states)
    assert [item.control for item in improvements(CONTROLS, points)] == ["ANS-2.6", "ANS-2.2", "ANS-1.2"]
    assert [item.control for item in improvements(CONTROLS, points, ["ANS-2.2"])] == ["ANS-2.6", "ANS-1.2"]


def test_among_equal_gains_the_least_effort_comes_first() -> None:
    states: dict[str, State] = dict.fromkeys(CONTROLS, "pass")
    states |= {"ANS-2.1": "fail", "ANS-2.2": "fail"}  # both essential; replacing a system is a project
    found = improvements(CONTROLS, tally(CONTROLS.values(), states))
    assert [item.control for item in found] == ["ANS-2.2", "ANS-2.1"]
    assert [item.gain for item in found] == [6, 6]


def test_where_devices_decide_the_answer_does_not() -> None:
    controls = {"ANS-5.7": {"state": "fail", "reason": "x"}}
    assert states_of(controls, {"ANS-5.7": "pass", "ANS-1.1": "warn"}) == {"ANS-5.7": "fail", "ANS-1.1": "warn"}


SAYS = Text(fr="Depuis le {since}, {tools} : {days} jours.", en="Since {since}, {tools}: {days} days.")


def test_dates_are_written_out_lists_are_enumerated_and_what_is_missing_is_never_guessed() -> None:
    known = {"since": "2026-03-01T10:00:00Z", "tools": ["anydesk", "vnc"], "days": 3}
    assert fill(SAYS, "fr", known) == "Depuis le 1er mars 2026, anydesk, vnc : 3 jours."
    assert fill(SAYS, "en", known) == "Since 1 March 2026, anydesk, vnc: 3 days."
    assert fill(SAYS, "en", {"days": 1}, {"days": 2}) == "Since ?, ?: 2 days."
    assert fill(SAYS, "en", {**known, "since": None, "days": "2026-3"}) == "Since ?, anydesk, vnc: 2026-3 days."
    assert fill(Text(fr="Rien.", en="Nothing."), "fr", known) == "Rien."


@pytest.mark.parametrize(
    ("day", "french", "english"),
    [
        (date(2026, 8, 1), "1er août 2026", "1 August 2026"),
        (date(2026, 12, 31), "31 décembre 2026", "31 December 2026"),
        (date(2027, 1, 21), "21 janvier 2027", "21 January 2027"),
    ],
)
def test_days_as_people_write_them(day: date, french: str, english: str) -> None:
    assert (written_day(day, "fr"), written_day(day, "en")) == (french, english)


@pytest.mark.parametrize(
    ("scores", "score", "expected"),
    [
        ({50: ENOUGH_PRACTICES - 1}, 50, None),
        ({50: ENOUGH_PRACTICES}, 50, Standing(50, 1, 10)),
        ({50: ENOUGH_PRACTICES}, None, None),
        ({40: 5, 60: 5}, 60, Standing(40, 1, 10)),  # the lower of the two in the middle
        ({40: 5, 60: 5}, 40, Standing(40, 6, 10)),
        ({40: 5, 60: 6}, 40, Standing(60, 7, 11)),
        ({90: 1, 10: 9, 55: 1}, 55, Standing(10, 2, 11)),
        ({}, 50, None),
    ],
)
def test_a_practice_stands_among_enough_others_or_nowhere(
    scores: dict[int, int], score: int | None, expected: Standing | None
) -> None:
    assert standing(scores, score) == expected


def test_a_day_without_a_change_has_the_score_of_the_day_before() -> None:
    days = [DAY + timedelta(days=number) for number in range(4)]
    changes = [(DAY - timedelta(days=40), 20), (days[1], 35), (days[3], None)]
    assert trend(changes, days[0], days[3]) == [(days[0], 20), (days[1], 35), (days[2], 35), (days[3], None)]
    assert trend(changes[1:], days[0], days[3]) == [(days[1], 35), (days[2], 35), (days[3], None)]
    assert trend([(days[0], 1), (days[0], 2)], days[0], days[0]) == [(days[0], 2)]
    assert trend([], days[0], days[3]) == []
    assert trend([(days[3], 5)], days[0], days[2]) == []


def test_what_is_not_stored_is_unknown_and_the_worst_come_first() -> None:
    counts = all_states({"fail": 1, "pass": 2}, 5)
    assert counts == {"pass": 2, "warn": 0, "fail": 1, "unknown": 2, "not_applicable": 0}
    worse, same = all_states({"fail": 2}, 5), all_states({"fail": 1, "pass": 4}, 5)
    assert sorted([same, counts, worse], key=worst_first) == [worse, counts, same]


def test_a_control_of_which_nothing_is_stored_says_who_has_not_spoken() -> None:
    reasons = load_catalogue().reasons
    given = {control.id: absent_reason(control) for control in CONTROLS.values()}
    assert set(given.values()) <= set(reasons)
    assert (given["ANS-2.2"], given["ANS-1.1"], given["ANS-8.5"]) == (
        "no_device_assessed",
        "not_answered",
        "not_answered",
    )
    assert (given["ANS-5.11"], given["ANS-9.3"], given["ANS-10.2"]) == (
        "inventory_empty",
        "suppliers_not_listed",
        "card_missing",
    )


def test_the_first_end_decides_and_no_end_is_none() -> None:
    soon, late = datetime(2026, 11, 18, tzinfo=UTC), datetime(2026, 11, 19, tzinfo=UTC)
    assert (earliest([late, None, soon]), earliest([None]), earliest([])) == (soon, None, None)


def test_thresholds_are_read_from_a_policy_by_their_names() -> None:
    policy = Policy.from_mapping({"patch": {"security_pass_days": 5}, "exposure": {"remote_tools_allowed": ["vnc"]}})
    assert threshold_of(policy, "patch.security_pass_days") == 5
    assert threshold_of(policy, "exposure.remote_tools_allowed") == ["vnc"]
    assert threshold_of(Policy(), "exposure.remote_tools_allowed") is None
