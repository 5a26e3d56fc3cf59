"""What each verdict shows: the facts it was read from, and what they were measured against."""

from datetime import timedelta
from typing import Any

import pytest

from tests.rules.control_cases import judge
from tests.rules.machines import told, windows
from tests.rules.posture_facts import NOW, backup, job, with_section
from vigie.posture.rules.model import DeviceFacts, Policy
from vigie.posture.rules.records import (
    IncidentContacts,
    SupplierAnswers,
    assess_incident_contacts,
    assess_questionnaires,
)
from vigie.posture.rules.restore import RestoreTest, assess_restore_record

ALL_ON = {"domain": "yes", "private": "yes", "public": "yes"}


@pytest.mark.parametrize(
    ("control", "section", "evidence", "threshold"),
    [
        (
            "ANS-1.5",
            "encryption",
            {"portable": False, "volumes": 2},
            {"required_on": "portable", "suspended_hours": 72},
        ),
        (
            "ANS-2.6",
            "antivirus",
            {"products": [{"name": "windows_defender", "state": "on"}], "realtime": "yes"},
            {"realtime": "yes", "tamper_protected": "yes", "whole_drive": "no"},
        ),
        ("ANS-2.7", "antivirus", {"signature_age_days": 0}, {"pass_days": 3, "warn_days": 7, "settle_hours": 2}),
        (
            "ANS-2.8",
            "firewall",
            {"engine": "windows", "service_running": "yes", "profiles": ALL_ON},
            {"profiles": "all", "enabled": "yes", "inbound_default": "block"},
        ),
        (
            "ANS-2.9",
            "screen_lock",
            {"machine_timeout_s": 900, "users_seen": 1, "users_locking": 1},
            {"pass_s": 900, "warn_s": 1800},
        ),
        (
            "ANS-2.10",
            "accounts",
            {"scope": "local", "min_length": 14, "complexity": "unknown", "lockout_threshold": 10},
            {"length": 12, "alone_length": 14, "limited_length": 8, "lockout_attempts": 10},
        ),
        (
            "ANS-2.11",
            "accounts",
            {"autologon": "no", "passwordless_allowed": 0, "guest_enabled": "no"},
            {"autologon": "no", "passwordless_allowed": 0, "guest_enabled": "no"},
        ),
        (
            "ANS-2.12",
            "accounts",
            {"admins": 1, "daily_user_is_admin": "no"},
            {"admins_pass": 2, "admins_fail_from": 4},
        ),
        (
            "ANS-2.16",
            "exposure",
            {"remote_desktop": "no", "shared_screen": None, "network_level_authentication": "yes"},
            {"remote_desktop": "no", "network_level_authentication": "yes"},
        ),
        (
            "ANS-3.2",
            "accounts",
            {"accounts": 2, "unseen": 0, "idle_days": 10},
            {"pass_days": 90, "warn_days": 180},
        ),
        (
            "ANS-3.7",
            "exposure",
            {"shares": 0, "everyone_write": "no", "wifi": None},
            {"everyone_write": "no", "wifi": "wpa2"},
        ),
        ("ANS-9.7", "exposure", {}, {"agreed": None}),
    ],
)
def test_a_verdict_shows_what_it_read_and_what_it_measured_against(
    control: str, section: str, evidence: dict[str, Any], threshold: dict[str, Any]
) -> None:
    finding = judge(control, windows())
    assert finding.evidence == {"section": section, "collected_at": "2026-11-21T07:40:00Z", **evidence}
    assert finding.threshold == threshold
    assert finding.control == control


def test_a_threshold_that_was_moved_stands_in_the_verdict() -> None:
    everywhere = Policy.from_mapping({"protection": {"encryption_reach": 2, "encryption_suspended_hours": 24}})
    assert judge("ANS-1.5", windows(), policy=everywhere).threshold == {"required_on": "all", "suspended_hours": 24}
    patient = Policy.from_mapping({"access": {"lock_warn_s": 3600}})
    assert judge("ANS-2.9", windows(), policy=patient).threshold["warn_s"] == 3600


def crowded(count: int) -> DeviceFacts:
    products = [{"name": f"product_{number}", "state": "off"} for number in range(count)]
    return told(windows(), "antivirus", products=products, realtime="unknown")


def test_long_lists_are_cut() -> None:
    assert len(judge("ANS-2.6", crowded(9)).evidence["products"]) == 4
    volumes = [{"role": "data", "state": "off"}] * 9
    assert len(judge("ANS-1.5", told(windows(), "encryption", volumes=volumes)).evidence["open"]) == 6
    tools = told(windows(), "exposure", remote_tools=[f"tool_{number}" for number in range(20)])
    assert judge("ANS-9.7", tools).evidence["tools"].count(",") == 7
    unsigned = [SupplierAnswers(f"s{number}", None) for number in range(9)]
    assert len(assess_questionnaires("ANS-9.2", unsigned, Policy(), NOW).evidence["concerned"]) == 5


def test_a_restore_shows_its_date_and_the_jobs() -> None:
    moment = NOW - timedelta(days=9)
    facts = with_section(
        "backup", backup(job(restore_tested_at="2026-11-12T08:00:00Z"), job("other", restore_tested_at=None))
    )
    finding = judge("ANS-5.7", facts)
    assert finding.evidence["restore_tested_at"] == "2026-11-12T08:00:00Z"
    assert finding.evidence["restore_age_days"] == 9
    assert finding.evidence["jobs"] == [
        {"job": "other", "state": "unknown", "reason": "restore_test_unknown"},
        {"job": "srv-nightly", "state": "pass", "reason": "restore_tested"},
    ]
    assert finding.threshold == {"pass_days": 90, "warn_days": 180}
    record = assess_restore_record([RestoreTest(moment, succeeded=True)], Policy(), NOW)
    assert record.evidence == {"tests": 1, "restore_tested_at": "2026-11-12T08:00:00Z", "restore_age_days": 9}
    assert assess_restore_record(None, Policy(), NOW).evidence == {"tests": None}


def test_records_show_their_dates_and_bounds() -> None:
    contacts = assess_incident_contacts(IncidentContacts(0, NOW), Policy(), NOW)
    assert contacts.evidence == {"missing": 0, "confirmed_at": "2026-11-21T08:00:00Z"}
    assert contacts.threshold == {"pass_months": 6, "warn_months": 12}
    assert assess_incident_contacts(None, Policy(), NOW).evidence == {"missing": None}
    signed = assess_questionnaires("ANS-9.2", [SupplierAnswers("s1", NOW)], Policy(), NOW)
    assert signed.threshold == {"pass_months": 12, "warn_months": 15}
    assert assess_questionnaires("ANS-9.3", None, Policy(), NOW).evidence == {"suppliers": None}
