"""ANS-5.12, the freshness cap over every control, the policy, and which control reads what."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from tests.rules.posture_facts import MOMENT, NOW, SEEN, device, judge, section, verdict, with_data, with_section
from vigie.posture.catalogue import load_lifecycle
from vigie.posture.rules.device import CONTROLS_READING, DEVICE_CONTROLS, assess_device
from vigie.posture.rules.freshness import cap_stale
from vigie.posture.rules.model import AlwaysOpen, DeviceFacts, Finding, Policy, PolicyError, State

TICK = timedelta(seconds=1)


def volume(free: int | None, total: int | None = 1000, role: str = "data") -> dict[str, Any]:
    return {"role": role, "total_gib": total, "free_gib": free}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("pass", "equipment_healthy")),
        ({"volumes": [volume(150)]}, ("pass", "equipment_healthy")),
        ({"volumes": [volume(149)]}, ("warn", "space_low")),
        ({"volumes": [volume(100)]}, ("warn", "space_low")),
        ({"volumes": [volume(99)]}, ("fail", "space_critical")),
        ({"volumes": [volume(500), volume(99)]}, ("fail", "space_critical")),
        ({"volumes": [volume(500), volume(0, role="swap")]}, ("pass", "equipment_healthy")),
        ({"volumes": [volume(500), volume(None)]}, ("unknown", "equipment_unknown")),
        ({"volumes": [volume(99), volume(None)]}, ("fail", "space_critical")),
        ({"volumes": [volume(0, total=0)]}, ("unknown", "equipment_unknown")),
        ({"volumes": []}, ("unknown", "equipment_unknown")),
        ({"volumes": None}, ("unknown", "equipment_unknown")),
        ({"disks": [{"kind": "hdd", "health": "warning"}]}, ("warn", "disk_warning")),
        ({"disks": [{"kind": "ssd", "health": "ok"}, {"kind": "hdd", "health": "failing"}]}, ("fail", "disk_failing")),
        ({"disks": [{"kind": "ssd", "health": "unknown"}]}, ("unknown", "equipment_unknown")),
        ({"disks": [{"kind": "ssd", "health": None}]}, ("unknown", "equipment_unknown")),
        ({"disks": [{"kind": "virtual", "health": "unknown"}]}, ("pass", "equipment_healthy")),
        ({"disks": [{"kind": "virtual", "health": "failing"}]}, ("fail", "disk_failing")),
        ({"disks": []}, ("pass", "equipment_healthy")),
        ({"disks": None}, ("unknown", "equipment_unknown")),
        ({"disks": None, "volumes": [volume(99)]}, ("fail", "space_critical")),
        ({"raid": "degraded"}, ("fail", "raid_degraded")),
        ({"raid": "failed"}, ("fail", "raid_degraded")),
        ({"raid": None}, ("pass", "equipment_healthy")),
    ],
)
def test_disks_must_be_healthy_and_have_room(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert verdict("ANS-5.12", with_data("storage", **changes)) == expected


def test_the_fullest_volume_is_shown() -> None:
    finding = judge("ANS-5.12", with_data("storage", volumes=[volume(500), volume(120, role="os"), volume(400)]))
    assert finding.evidence["least_free_percent"] == 12
    assert finding.evidence["least_room"] == {"role": "os", "free_gib": 120, "total_gib": 1000}


def test_a_machine_without_disks_is_not_judged() -> None:
    assert verdict("ANS-5.12", with_section("storage", section(None, "absent"))) == (
        "not_applicable",
        "no_local_storage",
    )
    assert verdict("ANS-5.12", with_section("storage", section(None, "unknown"))) == ("unknown", "section_unreadable")


def finding(state: State, valid_until: Any = None) -> Finding:
    return Finding("ANS-5.12", state, "equipment_healthy", {"section": "storage"}, {"pass_percent": 15}, valid_until)


DAY, WEEK = timedelta(hours=24), timedelta(days=7)


@pytest.mark.parametrize(
    ("state", "age", "expected"),
    [
        ("pass", DAY, ("pass", "equipment_healthy")),
        ("pass", DAY + TICK, ("warn", "stale")),
        ("pass", WEEK, ("warn", "stale")),
        ("pass", WEEK + TICK, ("unknown", "too_old")),
        ("warn", DAY + TICK, ("warn", "equipment_healthy")),
        ("warn", WEEK, ("warn", "equipment_healthy")),
        ("warn", WEEK + TICK, ("unknown", "too_old")),
        ("fail", DAY + TICK, ("fail", "equipment_healthy")),
        ("fail", WEEK + TICK, ("unknown", "too_old")),
        ("unknown", WEEK + TICK, ("unknown", "equipment_healthy")),
        ("not_applicable", WEEK + TICK, ("not_applicable", "equipment_healthy")),
    ],
)
def test_old_reports_speak_less_loudly(state: State, age: timedelta, expected: tuple[str, str]) -> None:
    capped = cap_stale(finding(state), SEEN, Policy(), AlwaysOpen(), SEEN + age)
    assert (capped.state, capped.reason) == expected


def test_a_capped_verdict_keeps_what_was_last_known() -> None:
    capped = cap_stale(finding("pass"), SEEN, Policy(), AlwaysOpen(), SEEN + timedelta(days=2))
    assert capped.evidence == {
        "section": "storage",
        "seen_at": "2026-11-21T07:45:00Z",
        "last_state": "pass",
        "last_reason": "equipment_healthy",
    }
    assert capped.threshold == {"pass_percent": 15, "fresh_hours": 24, "stale_days": 7}


@pytest.mark.parametrize(
    ("state", "age", "own", "expected"),
    [
        ("pass", timedelta(0), None, DAY + TICK),
        ("pass", timedelta(0), timedelta(hours=3), timedelta(hours=3)),
        ("pass", timedelta(0), timedelta(days=30), DAY + TICK),
        ("pass", timedelta(days=2), None, WEEK + TICK),
        ("pass", timedelta(days=2), timedelta(days=3), timedelta(days=3)),
        ("fail", timedelta(0), None, WEEK + TICK),
        ("fail", timedelta(days=2), timedelta(days=3), timedelta(days=3)),
        ("fail", timedelta(days=8), timedelta(days=9), None),
        ("unknown", timedelta(0), None, None),
        ("not_applicable", timedelta(0), None, None),
    ],
)
def test_a_verdict_expires_with_its_threshold_or_with_its_report(
    state: State, age: timedelta, own: timedelta | None, expected: timedelta | None
) -> None:
    until = SEEN + own if own is not None else None
    capped = cap_stale(finding(state, until), SEEN, Policy(), AlwaysOpen(), SEEN + age)
    assert capped.valid_until == (SEEN + expected if expected is not None else None)


NEVER_PASS = {"ANS-2.5": "not_applicable"}
"""No listed software: nothing that could grow old."""


@pytest.mark.parametrize("control", sorted(DEVICE_CONTROLS))
def test_every_control_expires_with_a_silent_device(control: str) -> None:
    facts = device()
    seen: set[str] = set()
    now = NOW
    for _ in range(20):
        current = judge(control, facts, now=now)
        seen.add(current.state)
        if current.valid_until is None:
            break
        held = judge(control, facts, now=current.valid_until - MOMENT)
        assert (held.state, held.reason) == (current.state, current.reason)
        changed = judge(control, facts, now=current.valid_until)
        assert (changed.state, changed.reason) != (current.state, current.reason)
        now = current.valid_until
    if control in NEVER_PASS:
        assert seen == {NEVER_PASS[control]}
    else:
        assert judge(control, facts, now=now).state == "unknown"
        assert seen >= {"pass", "warn", "unknown"}


def test_a_healthy_device_passes_everything_it_can() -> None:
    states = {finding.control: finding.state for finding in assess(device())}
    assert {control: states.pop(control) for control in NEVER_PASS} == NEVER_PASS
    assert set(states.values()) == {"pass"}
    assert len(states) == len(DEVICE_CONTROLS) - len(NEVER_PASS)


def assess(facts: DeviceFacts, controls: list[str] | None = None) -> list[Finding]:
    return assess_device(facts, Policy(), AlwaysOpen(), load_lifecycle(), NOW, controls)


def test_only_the_controls_asked_for_are_judged() -> None:
    assert [finding.control for finding in assess(device(), ["ANS-5.12", "ANS-2.1"])] == ["ANS-5.12", "ANS-2.1"]
    assert assess(device(), []) == []
    with pytest.raises(KeyError):
        assess(device(), ["ANS-99.9"])


class Watched(dict[str, Any]):
    """Sections that remember which of them were asked for."""

    def __init__(self, sections: Any) -> None:
        super().__init__(sections)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)


@pytest.mark.parametrize("control", sorted(DEVICE_CONTROLS))
def test_a_control_reads_the_sections_it_declares_and_no_other(control: str) -> None:
    end_of_windows_10 = {"build": "19045", "edition": "Professional", "ubr": 7000}
    asked: set[str] = set()
    weak = with_data("accounts", scope="domain")  # whose policy only a controller of the domain tells
    for facts in (device(), with_data("os", **end_of_windows_10), with_data("antivirus", signature_age_days=9), weak):
        watched = Watched(facts.sections)
        judge(control, replace(facts, sections=watched))
        asked |= watched.asked
    assert asked == DEVICE_CONTROLS[control].reads
    for name in DEVICE_CONTROLS[control].reads:
        assert control in CONTROLS_READING[name]


def test_a_section_that_no_rule_reads_touches_no_control() -> None:
    assert set(CONTROLS_READING) == set(device().sections)


@pytest.mark.parametrize("name", sorted(CONTROLS_READING))
def test_facts_that_are_all_null_are_unknown_and_never_a_pass(name: str) -> None:
    nulls = dict.fromkeys(device().sections[name]["data"])
    for result in assess(with_section(name, section(nulls)), sorted(CONTROLS_READING[name])):
        # A control that only glances at this section, for a system past its end for example, is judged by another.
        glanced = result.evidence["section"] != name
        assert result.state == ("pass" if glanced else "unknown"), result


@pytest.mark.parametrize("name", sorted(CONTROLS_READING))
def test_an_empty_section_is_unknown_and_never_a_pass(name: str) -> None:
    for result in assess(with_section(name, section({})), sorted(CONTROLS_READING[name])):
        assert result.state == "unknown" or result.evidence["section"] != name, result


def test_findings_are_small_json_without_names_of_people_or_machines() -> None:
    for result in assess(device()):
        body = orjson.dumps([result.evidence, result.threshold])
        assert len(body) < 600
        assert result.evidence["section"] in CONTROLS_READING
        assert result.evidence["collected_at"] == "2026-11-21T07:40:00Z"
        assert result.threshold


@pytest.mark.parametrize(
    "overrides",
    [
        {"pach": {"security_pass_days": 10}},
        {"patch": {"security_pas_days": 10}},
        {"patch": {"security_pass_days": 0}},
        {"patch": {"security_pass_days": -1}},
        {"patch": {"security_pass_days": "10"}},
        {"patch": {"security_pass_days": True}},
        {"patch": {"security_pass_days": 31}},
        {"patch": 3},
        {"backup": {"recent_pass_hours": 200}},
        {"equipment": {"free_pass_percent": 5}},
        {"freshness": {"fresh_hours": 200}},
    ],
)
def test_a_policy_that_cannot_be_applied_is_refused(overrides: Any) -> None:
    with pytest.raises(PolicyError):
        Policy.from_mapping(overrides)


def test_a_policy_changes_what_it_names_and_nothing_else() -> None:
    policy = Policy.from_mapping({"patch": {"security_pass_days": 30}})
    assert policy.patch.security_pass_days == 30
    assert replace(policy, patch=Policy().patch) == Policy()
    assert Policy.from_mapping({}) == Policy()
