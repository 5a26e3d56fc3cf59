"""Whom a changed threshold concerns: every control that it can turn, and no other is judged for it."""

from typing import Any

import pytest

from tests.rules.test_bounds import EVERY, LISTS
from tests.rules.test_verdict_properties import LIVED, NOW
from vigie.posture.catalogue import load_lifecycle
from vigie.posture.policies import Change, concerned
from vigie.posture.rules.bounds import BOUNDS
from vigie.posture.rules.device import DEVICE_CONTROLS, assess_device
from vigie.posture.rules.model import AlwaysOpen, Finding, Policy, PolicyError

LATER = NOW.replace(hour=20)  # a report of twelve hours ago
MACHINES = [facts for _, facts in LIVED[::5]] + [facts for _, facts in LIVED[-3:]]


def change(before: dict[str, Any], after: dict[str, Any]) -> Change:
    return Change(None, before, after, {}, {})


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"patch": {"security_pass_days": 10}}, {"ANS-2.2"}),
        ({"patch": {"security_pass_days": 10}}, {}, {"ANS-2.2"}),
        ({"patch": {"security_pass_days": 10}}, {"patch": {"security_pass_days": 10}}, set()),
        ({}, {"patch": {"search_warn_days": 10}, "access": {"admins_pass": 1}}, {"ANS-2.2", "ANS-2.4", "ANS-2.12"}),
        ({}, {"freshness": {"fresh_hours": 48}}, set(DEVICE_CONTROLS)),
        ({}, {"equipment": {"unseen_pass_days": 9}}, {"ANS-5.11"}),
        ({}, {"records": {"contract_notice_days": 9}}, {"ANS-8.1"}),
        ({}, {"records": {"questionnaire_pass_months": 9}}, {f"ANS-9.{number}" for number in (2, 3, 4, 5)}),
    ],
)
def test_a_change_concerns_the_controls_that_name_its_thresholds(
    before: dict[str, Any], after: dict[str, Any], expected: set[str]
) -> None:
    assert concerned(change(before, after)) == expected


def judged(policy: Policy) -> list[dict[str, Finding]]:
    return [
        {found.control: found for found in assess_device(facts, policy, AlwaysOpen(), load_lifecycle(), LATER)}
        for facts in MACHINES
    ]


def test_no_threshold_turns_a_control_that_it_does_not_concern() -> None:
    usual, turned = judged(Policy()), set()
    for family, key in EVERY:
        bounds = BOUNDS[family][key]
        values = [["anydesk"]] if (family, key) in LISTS else [bounds.minimum, bounds.maximum]
        whom = concerned(change({}, {family: {key: values[0]}}))
        assert bool(whom) == (family != "silence"), (family, key)  # which no control reads: it moves deadlines
        for value in values:
            try:
                policy = Policy.from_mapping({family: {key: value}})
            except PolicyError:  # contradicts the default of another
                continue
            for before, after in zip(usual, judged(policy), strict=True):
                differing = {control for control in DEVICE_CONTROLS if before[control] != after[control]}
                assert differing <= whom, (family, key, value)
                turned |= {(family, key)} if differing else set()
    assert len(turned) > len(EVERY) // 2
