"""What an exception makes of a finding: only a failure changes, only while it lasts, and only where it applies."""

from datetime import datetime, timedelta

import pytest

from tests.rules.posture_facts import MOMENT, NOW
from vigie.posture.rules.exceptions import Deviation, accept, before_acceptance, concerning
from vigie.posture.rules.model import Finding, State
from vigie.posture.rules.practice import accepted_state, practice_state

DAY = timedelta(days=1)
START, END = NOW - DAY, NOW + 30 * DAY


def deviation(
    name: str = "e1",
    starts: datetime = START,
    ends: datetime = END,
    device: str | None = None,
    control: str = "ANS-2.2",
) -> Deviation:
    return Deviation(name, control, device, starts, ends)


def finding(state: State = "fail", until: datetime | None = None) -> Finding:
    reason = "security_updates_overdue" if state == "fail" else "security_updates_late"
    return Finding("ANS-2.2", state, reason, {"oldest_days": 40}, {"pass_days": 14}, until)


@pytest.mark.parametrize(
    ("state", "at", "expected"),
    [
        ("fail", START - MOMENT, ("fail", "security_updates_overdue")),
        ("fail", START, ("warn", "accepted")),
        ("fail", END - MOMENT, ("warn", "accepted")),
        ("fail", END, ("fail", "security_updates_overdue")),
        ("warn", NOW, ("warn", "security_updates_late")),
        ("unknown", NOW, ("unknown", "security_updates_late")),
        ("pass", NOW, ("pass", "security_updates_late")),
        ("not_applicable", NOW, ("not_applicable", "security_updates_late")),
    ],
)
def test_a_failure_is_accepted_from_the_start_up_to_the_end(
    state: State, at: datetime, expected: tuple[str, str]
) -> None:
    found = accept(finding(state), [deviation()], at)
    assert (found.state, found.reason) == expected


@pytest.mark.parametrize(
    ("until", "at", "expected"),
    [
        (None, NOW, END),
        (NOW + DAY, NOW, NOW + DAY),  # the report grows old before the exception ends
        (END + DAY, NOW, END),
        (None, START - DAY, START),  # a failure until the exception begins
        (START - MOMENT, START - DAY, START - MOMENT),
        (NOW + DAY, END, NOW + DAY),
        (None, END, None),
    ],
)
def test_an_accepted_failure_holds_no_longer_than_its_exception(
    until: datetime | None, at: datetime, expected: datetime | None
) -> None:
    assert accept(finding(until=until), [deviation()], at).valid_until == expected


def test_an_accepted_failure_keeps_its_evidence_and_names_the_exception_with_the_longest_life() -> None:
    longer = deviation("e2", ends=END + DAY)
    for order in ([deviation(), longer], [longer, deviation()]):
        found = accept(finding(), order, NOW)
        assert found.evidence == {
            "oldest_days": 40,
            "exception": "e2",
            "accepted_reason": "security_updates_overdue",
            "accepted_until": "2026-12-22",
        }
        assert found.threshold == {"pass_days": 14}
        assert before_acceptance(found.state, found.reason, found.evidence) == (
            *("fail", "security_updates_overdue"),
            {"oldest_days": 40},
        )
    assert before_acceptance("pass", "x", {"a": 1}) == ("pass", "x", {"a": 1})


@pytest.mark.parametrize(
    ("control", "device", "expected"),
    [
        ("ANS-2.2", "d1", ["whole", "own"]),
        ("ANS-2.2", "d2", ["whole"]),
        ("ANS-2.2", None, ["whole"]),  # what one device may does not excuse the practice
        ("ANS-2.3", "d1", []),
    ],
)
def test_an_exception_is_about_a_control_of_the_practice_or_of_one_device(
    control: str, device: str | None, expected: list[str]
) -> None:
    known = [deviation("whole"), deviation("own", device="d1")]
    assert [each.id for each in concerning(known, control, device)] == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"not_applicable": 6}, ("warn", "no_backup_accepted")),
        ({"fail": 1}, ("fail", "some_devices_fail")),  # devices are accepted one by one
        ({"pass": 1}, ("pass", "all_devices_pass")),
        ({}, ("unknown", "no_device_assessed")),
    ],
)
def test_the_missing_backup_of_a_whole_practice_can_be_accepted(
    counts: dict[State, int], expected: tuple[str, str]
) -> None:
    assert accepted_state(*practice_state("ANS-5.1", counts)) == expected
