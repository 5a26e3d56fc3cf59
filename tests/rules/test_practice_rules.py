"""From devices to a practice: states, inventory, lights and the order of the list."""

import copy
from datetime import datetime, timedelta
from itertools import permutations, product

import pytest

from tests.rules.posture_facts import MOMENT, NOW
from vigie.posture.rules.device import DEVICE_CONTROLS
from vigie.posture.rules.model import AlwaysOpen, Finding, Policy, State
from vigie.posture.rules.practice import (
    HEADLINES,
    DeviceSeen,
    Headline,
    assess_practice_inventory,
    fraction,
    headline,
    headline_of,
    lights_with,
    overall,
    practice_state,
    rank,
)
from vigie.posture.verdict import moved_counts

STATES: tuple[State, ...] = ("pass", "warn", "fail", "unknown", "not_applicable")
ENROLLED = datetime.fromisoformat("2026-01-05T09:00:00Z")


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"pass": 8}, ("pass", "all_devices_pass")),
        ({"pass": 8, "warn": 1}, ("warn", "some_devices_warn")),
        ({"pass": 8, "warn": 1, "unknown": 1}, ("unknown", "some_devices_unknown")),
        ({"pass": 8, "warn": 1, "unknown": 1, "fail": 1}, ("fail", "some_devices_fail")),
        ({"pass": 1, "not_applicable": 7}, ("pass", "all_devices_pass")),
        ({"pass": 1, "fail": 0}, ("pass", "all_devices_pass")),
        ({"not_applicable": 7}, ("not_applicable", "no_device_concerned")),
        ({}, ("unknown", "no_device_assessed")),
        ({"pass": 0}, ("unknown", "no_device_assessed")),
    ],
)
@pytest.mark.parametrize("control", ["ANS-2.1", "ANS-2.5", "ANS-5.2", "ANS-5.6", "ANS-5.12"])
def test_the_worst_device_decides(control: str, counts: dict[State, int], expected: tuple[str, str]) -> None:
    for order in permutations(counts):
        assert practice_state(control, {state: counts[state] for state in order}) == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"pass": 1, "warn": 1, "unknown": 1, "fail": 1}, ("pass", "best_copy_passes")),
        ({"warn": 1, "unknown": 1, "fail": 1}, ("warn", "best_copy_warns")),
        ({"unknown": 1, "fail": 1}, ("unknown", "best_copy_unknown")),
        ({"fail": 2, "not_applicable": 6}, ("fail", "best_copy_fails")),
        ({"not_applicable": 6}, ("fail", "no_backup_seen")),
        ({}, ("unknown", "no_device_assessed")),
    ],
)
@pytest.mark.parametrize("control", ["ANS-5.3", "ANS-5.4", "ANS-5.5"])
def test_one_good_copy_is_enough_for_a_practice(
    control: str, counts: dict[State, int], expected: tuple[str, str]
) -> None:
    for order in permutations(counts):
        assert practice_state(control, {state: counts[state] for state in order}) == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"pass": 1, "warn": 1, "fail": 1, "unknown": 9}, ("pass", "best_copy_passes")),
        ({"warn": 1, "fail": 1, "unknown": 9}, ("warn", "best_copy_warns")),
        ({"fail": 1, "unknown": 9, "not_applicable": 3}, ("fail", "best_copy_fails")),
        ({"unknown": 2, "not_applicable": 3}, ("unknown", "best_copy_unknown")),
        ({"not_applicable": 6}, ("not_applicable", "no_device_concerned")),
        ({}, ("unknown", "no_device_assessed")),
    ],
)
def test_a_restore_that_was_tried_and_told_outweighs_those_nobody_told_of(
    counts: dict[State, int], expected: tuple[str, str]
) -> None:
    for order in permutations(counts):
        assert practice_state("ANS-5.7", {state: counts[state] for state in order}) == expected


def test_a_practice_without_any_backup_fails_where_one_is_required() -> None:
    states = {control: practice_state(control, {"not_applicable": 5})[0] for control in DEVICE_CONTROLS}
    failing = {control for control, state in states.items() if state == "fail"}
    assert failing == {"ANS-5.1", "ANS-5.3", "ANS-5.4", "ANS-5.5"}
    assert headline_of("backup", states) == "critical"
    with_one = practice_state("ANS-5.1", {"not_applicable": 4, "pass": 1})
    assert with_one == ("pass", "all_devices_pass")


@pytest.mark.parametrize(
    ("state", "counts", "expected"),
    [
        ("fail", {"fail": 2, "pass": 7}, (2, 9)),
        ("pass", {"pass": 7, "unknown": 2, "not_applicable": 3}, (7, 9)),
        ("fail", {"not_applicable": 3}, (0, 0)),
    ],
)
def test_the_fraction_leaves_out_devices_a_control_does_not_concern(
    state: State, counts: dict[State, int], expected: tuple[int, int]
) -> None:
    assert fraction(state, counts) == expected


def seen(days: float, *, declared: bool = True, name: str = "cedar-01") -> DeviceSeen:
    return DeviceSeen(name, ENROLLED, NOW - timedelta(days=days), declared)


def inventory(*devices: DeviceSeen, now: datetime = NOW) -> Finding:
    return assess_practice_inventory(devices, Policy(), AlwaysOpen(), now)


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ([seen(0), seen(7.9)], ("pass", "inventory_seen")),
        ([seen(0), seen(8)], ("warn", "device_unseen")),
        ([seen(0), seen(30.9)], ("warn", "device_unseen")),
        ([seen(0), seen(31)], ("fail", "device_lost")),
        ([seen(8), seen(31)], ("fail", "device_lost")),
        ([seen(0), seen(0, declared=False)], ("fail", "device_undeclared")),
        ([seen(0, declared=False)], ("fail", "device_undeclared")),
        ([], ("unknown", "inventory_empty")),
        ([DeviceSeen("new", NOW - timedelta(days=2), None)], ("pass", "inventory_seen")),
        ([DeviceSeen("new", NOW - timedelta(days=9), None)], ("warn", "device_unseen")),
    ],
)
def test_every_declared_device_must_report(devices: list[DeviceSeen], expected: tuple[str, str]) -> None:
    finding = inventory(*devices)
    assert (finding.state, finding.reason) == expected


def test_the_devices_longest_unseen_are_named_first() -> None:
    finding = inventory(seen(0, name="a"), seen(9, name="b"), seen(40, name="c"), seen(12, name="d"))
    assert finding.evidence["devices"] == ["c", "d", "b"]
    assert finding.evidence["unseen"] == 3
    assert finding.evidence["longest_unseen_days"] == 40
    assert finding.threshold == {"pass_days": 7, "warn_days": 30}


@pytest.mark.parametrize(("days", "unseen"), [(7.9, 0), (8, 1)])
def test_a_device_counts_as_unseen_from_the_moment_the_inventory_warns(days: float, unseen: int) -> None:
    assert inventory(seen(days)).evidence["unseen"] == unseen


@pytest.mark.parametrize("devices", [[seen(0)], [seen(0), seen(5)], [seen(9), seen(3)], [seen(9)]])
def test_the_inventory_holds_exactly_until_it_says(devices: list[DeviceSeen]) -> None:
    finding = inventory(*devices)
    assert finding.valid_until is not None
    assert inventory(*devices, now=finding.valid_until - MOMENT).reason == finding.reason
    assert inventory(*devices, now=finding.valid_until).reason != finding.reason


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["pass", "pass"], "ok"),
        (["pass", "warn"], "warning"),
        (["pass", "warn", "unknown"], "unknown"),
        (["pass", "warn", "unknown", "fail"], "critical"),
        (["pass", "not_applicable"], "ok"),
        (["not_applicable", "not_applicable"], "unknown"),
        ([], "unknown"),
    ],
)
def test_a_light_shows_its_worst_control(states: list[State], expected: Headline) -> None:
    for order in permutations(states):
        assert headline(order) == expected


def test_a_light_is_green_only_when_everything_that_applies_passes() -> None:
    for states in product(STATES, repeat=3):
        green = set(states) <= {"pass", "not_applicable"} and "pass" in states
        assert (headline(states) == "ok") == green


def test_the_lights_look_at_their_own_controls() -> None:
    states: dict[str, State] = dict.fromkeys(DEVICE_CONTROLS, "pass")
    assert (headline_of("patch", states), headline_of("backup", states)) == ("ok", "ok")
    assert headline_of("patch", {**states, "ANS-2.3": "fail"}) == "critical"
    assert headline_of("backup", {**states, "ANS-2.3": "fail"}) == "ok"
    assert headline_of("backup", {**states, "ANS-5.6": "warn"}) == "warning"
    assert headline_of("backup", {**states, "ANS-5.12": "fail"}) == "ok"
    assert headline_of("backup", {}) == "unknown"


def test_every_device_control_of_rules_2_1_to_2_5_and_5_1_to_5_8_is_behind_a_light() -> None:
    behind = set(HEADLINES["patch"]) | set(HEADLINES["backup"])
    patch, backup = {f"ANS-2.{point}" for point in range(1, 6)}, {f"ANS-5.{point}" for point in range(1, 9)}
    assert set(DEVICE_CONTROLS) & behind == set(DEVICE_CONTROLS) & (patch | backup)


LIGHTS: tuple[Headline, ...] = ("critical", "unknown", "warning", "ok")


def test_the_worst_light_speaks_for_the_practice() -> None:
    assert overall("ok", "warning", "ok") == "warning"
    assert overall("ok", "warning", "unknown") == "unknown"
    assert overall("critical", "warning", "unknown") == "critical"
    assert overall("ok", "ok", "ok") == "ok"
    assert overall() == "unknown"


def test_the_list_is_sorted_by_what_hurts_most() -> None:
    ordered: list[tuple[Headline, Headline, Headline]] = [
        ("critical", "critical", "critical"),
        ("critical", "critical", "ok"),
        ("critical", "unknown", "unknown"),
        ("unknown", "unknown", "unknown"),
        ("unknown", "warning", "warning"),
        ("warning", "warning", "ok"),
        ("ok", "warning", "ok"),
        ("ok", "ok", "ok"),
    ]
    ranks = [rank(*lights) for lights in ordered]
    assert ranks == sorted(set(ranks))


def test_the_rank_does_not_depend_on_the_order_and_stays_small() -> None:
    for lights in product(LIGHTS, repeat=3):
        assert {rank(*order) for order in permutations(lights)} == {rank(*lights)}
        assert 0 <= rank(*lights) < 32


@pytest.mark.parametrize(
    ("stored", "moves", "expected"),
    [
        ({}, {"ANS-2.2": {"pass": 1}}, {"ANS-2.2": {"pass": 1}}),
        ({"ANS-2.2": {"pass": 2}}, {"ANS-2.2": {"pass": -1, "fail": 1}}, {"ANS-2.2": {"pass": 1, "fail": 1}}),
        ({"ANS-2.2": {"pass": 1}}, {"ANS-2.2": {"pass": -1, "fail": 1}}, {"ANS-2.2": {"fail": 1}}),
        ({"ANS-2.2": {"pass": 1}}, {"ANS-2.2": {"pass": 0}}, {"ANS-2.2": {"pass": 1}}),
        ({"ANS-5.1": {"warn": 3}}, {"ANS-2.2": {"pass": 1}}, {"ANS-5.1": {"warn": 3}, "ANS-2.2": {"pass": 1}}),
        ({"ANS-2.2": {"warn": 1}}, {"ANS-2.2": {"pass": -1, "fail": 1}}, None),
        ({}, {"ANS-2.2": {"pass": -1, "fail": 1}}, None),
    ],
)
def test_counts_move_with_the_devices_or_do_not_add_up(
    stored: dict[str, dict[State, int]],
    moves: dict[str, dict[State, int]],
    expected: dict[str, dict[State, int]] | None,
) -> None:
    kept = {control: {"state": "pass", "counts": counts} for control, counts in stored.items()}
    before = copy.deepcopy(kept)
    assert moved_counts(kept, moves) == expected
    assert kept == before


@pytest.mark.parametrize("state", STATES)
def test_a_light_is_at_least_as_bad_as_what_is_behind_it(state: State) -> None:
    lights = {headline((state, other, third)) for other, third in product(STATES, STATES)}
    assert lights == set(lights_with(state))
