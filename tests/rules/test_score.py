"""The score adds up, and the light of the checklist says what the design says."""

import pytest

from vigie.posture.catalogue import load_catalogue
from vigie.posture.rules.model import State
from vigie.posture.rules.score import Points, judge_checklist, points_of

WEIGHTS = {"ANS-2.6": 3, "ANS-5.1": 3, "ANS-1.1": 1, "ANS-1.2": 1, "ANS-1.3": 1}
GOOD: dict[str, State] = dict.fromkeys(WEIGHTS, "pass")


def test_every_control_of_the_catalogue_weighs_one_or_as_an_essential_one_three() -> None:
    catalogue = load_catalogue()
    assert {control: 3 if catalogue.controls[control].essential else 1 for control in catalogue.controls} == (
        catalogue.weights
    )


@pytest.mark.parametrize(
    ("state", "expected"),
    [("pass", (6, 6)), ("warn", (3, 6)), ("fail", (0, 6)), ("unknown", (0, 6)), ("not_applicable", (0, 0))],
)
def test_the_points_of_a_state(state: State, expected: tuple[int, int]) -> None:
    assert points_of(3, state) == expected


def test_points_add_up_and_what_applies_to_nothing_has_no_score() -> None:
    assert Points(1, 2) + Points(3, 4) == Points(4, 6)
    assert (Points(2, 3).percent, Points(0, 0).percent) == (66, None)


@pytest.mark.parametrize(
    ("changed", "light", "score"),
    [
        ({}, "ok", 100),
        ({"ANS-1.1": "not_applicable"}, "ok", 100),
        ({"ANS-1.1": "warn"}, "warning", 94),
        ({"ANS-1.1": "fail"}, "warning", 88),
        ({"ANS-1.1": "unknown"}, "warning", 88),
        ({"ANS-2.6": "warn"}, "warning", 83),
        ({"ANS-2.6": "unknown"}, "warning", 66),
        ({"ANS-2.6": "fail"}, "critical", 66),  # essential, and told by no other light
        ({"ANS-5.1": "fail"}, "warning", 66),  # essential, but the light of backups tells it
        ({"ANS-5.1": "fail", "ANS-1.1": "fail", "ANS-1.2": "warn"}, "warning", 50),
        ({"ANS-5.1": "fail", "ANS-1.1": "fail", "ANS-1.2": "fail"}, "critical", 44),
        (dict.fromkeys(WEIGHTS, "unknown"), "unknown", None),
        ({**dict.fromkeys(WEIGHTS, "unknown"), "ANS-1.1": "not_applicable"}, "critical", 0),
    ],
)
def test_the_light_of_the_checklist(changed: dict[str, State], light: str, score: int | None) -> None:
    checklist = judge_checklist({**GOOD, **changed}, WEIGHTS)
    assert (checklist.light, checklist.score) == (light, score)


def test_a_control_without_a_state_is_unknown_and_one_out_of_the_catalogue_does_not_count() -> None:
    missing = {control: state for control, state in GOOD.items() if control != "ANS-1.1"}
    assert judge_checklist({**missing, "XYZ-1.1": "pass"}, WEIGHTS).score == 88
