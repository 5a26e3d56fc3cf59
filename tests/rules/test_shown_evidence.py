"""What the verdicts on patches, backups and equipment show: the facts they were read from, and what they were measured against."""

from datetime import timedelta
from typing import Any

import pytest

from tests.rules.control_cases import judge
from tests.rules.machines import told
from tests.rules.posture_facts import NOW, PATCH, SOFTWARE, backup, device, job, section, with_data, with_section
from vigie.posture.catalogue import load_lifecycle
from vigie.posture.rules.device import DEVICE_CONTROLS
from vigie.posture.rules.model import AlwaysOpen, DeviceFacts, Finding, Policy

AT = "2026-11-21T07:40:00Z"
SYSTEM = {
    "family": "windows",
    "product": "client",
    "version": "25H2",
    "build": "26200",
    "edition": "Professional",
    "ubr": 7019,
}
SEARCHED = {"searched_at": "2026-11-20T19:00:00Z", "search_age_days": 0}
SEARCH = {"search_pass_days": 7, "search_warn_days": 14, "pause_warn_days": 14}
DISKS = {"disks": 1, "least_room": {"role": "os", "free_gib": 200, "total_gib": 400}, "least_free_percent": 50}
RESTORED = {"restore_tested_at": "2026-11-02T14:00:00Z", "restore_age_days": 18}


def run(reason: str, **more: Any) -> dict[str, Any]:
    shown = {"job": "srv-nightly", "state": "pass", "reason": reason, "last_ok_at": "2026-11-21T02:00:00Z"}
    return {"job_count": 1, "jobs": [shown], **more}


def seen(control: str, facts: DeviceFacts) -> Finding:
    return DEVICE_CONTROLS[control].assess(facts, Policy(), AlwaysOpen(), SOFTWARE, NOW)


@pytest.mark.parametrize(
    ("control", "name", "evidence", "threshold"),
    [
        ("ANS-2.1", "os", SYSTEM, {"notice_days": 90, "catalogue_as_of": "2026-11-21"}),
        ("ANS-2.2", "patch", {"missing": 0, **SEARCHED}, {"pass_days": 14, "warn_days": 30, "search_days": 14}),
        ("ANS-2.3", "os", {}, {"warn_from_days": 3, "fail_from_days": 7}),
        ("ANS-2.4", "patch", {"auto_update": "enabled", "managed_by": "none", **SEARCHED}, SEARCH),
        ("ANS-2.5", "patch", {}, {"pass_days": 30, "warn_days": 90, "catalogue_as_of": "2026-11-21"}),
        ("ANS-5.1", "backup", run("backup_recent"), {"pass_hours": 26, "warn_days": 7}),
        (
            "ANS-5.2",
            "backup",
            run("runs_clean"),
            {"failures_fail": 2, "shrink_percent": 50, "shrink_history_days": 30},
        ),
        (
            "ANS-5.3",
            "backup",
            run("months_kept", months_kept=13, counted_from="2025-12"),
            {"months": 12, "missing_warn": 2},
        ),
        ("ANS-5.4", "backup", run("offsite_recent"), {"pass_days": 7, "warn_days": 14}),
        ("ANS-5.5", "backup", run("immutable_recent"), {"pass_days": 7, "warn_days": 31}),
        ("ANS-5.6", "backup", run("copies_encrypted"), {"targets": ["cloud", "offsite", "usb"]}),
        (
            "ANS-5.7",
            "backup",
            {"job_count": 1, "jobs": [{"job": "srv-nightly", "state": "pass", "reason": "restore_tested"}], **RESTORED},
            {"pass_days": 90, "warn_days": 180},
        ),
        ("ANS-5.12", "storage", DISKS, {"pass_percent": 15, "warn_percent": 10}),
    ],
)
def test_a_verdict_shows_what_it_read_and_what_it_measured_against(
    control: str, name: str, evidence: dict[str, Any], threshold: dict[str, Any]
) -> None:
    finding = seen(control, device())
    assert finding.evidence == {"section": name, "collected_at": AT, **evidence}
    assert finding.threshold == threshold


def test_an_extended_support_is_named_with_its_end_and_its_proof() -> None:
    facts = told(with_section("patch", section({**PATCH})), "os", build="19045", version="22H2", ubr=7000)
    finding = judge("ANS-2.1", facts)
    assert finding.evidence["extension"] == {"kind": "commercial_esu_year_3", "ends_on": "2028-10-10"}
    assert finding.evidence["extension_proof"] == "ubr"
    assert "ended_at_latest" not in finding.evidence


def test_an_end_that_is_known_as_a_bound_only_says_so() -> None:
    facts = told(device(), "os", family="macos", version="11.7.10", build="20G1427", edition=None)
    finding = judge("ANS-2.1", facts)
    assert (finding.state, finding.evidence["ended_at_latest"]) == ("fail", True)


def test_updates_without_a_date_are_as_old_as_the_report_that_told_them() -> None:
    facts = with_data("patch", pending={**PATCH["pending"], "security": 2, "items": [], "max_age_days": None})
    finding = judge("ANS-2.2", facts, NOW + timedelta(days=40))
    assert (finding.state, finding.evidence["oldest_days"]) == ("fail", 40)


def test_a_server_is_one_by_its_product_or_by_its_edition() -> None:
    systems = load_lifecycle()
    facts = {"family": "windows", "build": "20348", "version": "21H2"}
    by_edition = systems.system({**facts, "product": "client", "edition": "ServerStandard"})
    for product in ("server", "dc"):
        assert systems.system({**facts, "product": product, "edition": "Standard"}) == by_edition is not None
    assert systems.system({**facts, "product": "client", "edition": "Professional"}) is None


def test_a_critical_update_counts_as_one_of_security() -> None:
    item = {"kb": "5099999", "class": "critical", "severity": "critical", "released_on": "2026-10-01"}
    pending = {**PATCH["pending"], "security": 1, "max_age_days": None, "items": [item]}
    assert judge("ANS-2.2", with_data("patch", pending=pending)).reason == "security_updates_overdue"


@pytest.mark.parametrize("control", sorted(DEVICE_CONTROLS))
def test_a_rule_speaks_for_its_own_control_whatever_it_says(control: str) -> None:
    read = sorted(DEVICE_CONTROLS[control].reads)
    poor = [with_section(name, body) for name in read for body in (section({}), None)]
    for facts in (device(), device(runs=()), with_section("backup", backup(job(last_status="failed"))), *poor):
        assert seen(control, facts).control == control
