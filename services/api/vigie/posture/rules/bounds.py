"""How far a policy may move each threshold: beyond its bounds a light would say nothing any more, or never change."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from vigie.posture.rules.model import Policy


class Bounds(NamedTuple):
    """The least and the greatest value of a threshold, in its own unit; of a list: how many entries it may have.

    ``grade``: how well the source of the default is known (A: stated about the mémento; B: by another official source; C: chosen
    by us), as in the catalogue.
    """

    minimum: int
    maximum: int
    grade: str


class Excess(NamedTuple):
    """A threshold that lies outside its bounds."""

    family: str
    key: str
    minimum: int
    maximum: int


BOUNDS: Mapping[str, Mapping[str, Bounds]] = {
    "freshness": {
        "fresh_hours": Bounds(1, 168, "C"),
        "stale_days": Bounds(1, 31, "C"),
    },
    "patch": {
        "support_notice_days": Bounds(1, 365, "C"),
        "support_evidence_days": Bounds(31, 124, "C"),
        "security_pass_days": Bounds(1, 60, "C"),
        "security_warn_days": Bounds(1, 90, "C"),
        "reboot_warn_from_days": Bounds(1, 14, "C"),
        "reboot_fail_from_days": Bounds(1, 31, "C"),
        "search_pass_days": Bounds(1, 31, "C"),
        "search_warn_days": Bounds(1, 60, "C"),
        "pause_warn_days": Bounds(1, 35, "C"),
        "software_pass_days": Bounds(1, 180, "C"),
        "software_warn_days": Bounds(1, 365, "C"),
    },
    "backup": {
        "recent_pass_hours": Bounds(1, 168, "B"),
        "recent_warn_days": Bounds(1, 31, "A"),
        "failures_fail": Bounds(1, 10, "C"),
        "shrink_percent": Bounds(10, 90, "C"),
        "shrink_history_days": Bounds(7, 45, "C"),
        "restore_months": Bounds(1, 36, "A"),
        "restore_missing_warn": Bounds(1, 12, "C"),
        "offsite_pass_days": Bounds(1, 31, "C"),
        "offsite_warn_days": Bounds(1, 62, "C"),
        "immutable_pass_days": Bounds(1, 31, "C"),
        "immutable_warn_days": Bounds(1, 92, "C"),
        "restore_test_pass_days": Bounds(1, 366, "C"),
        "restore_test_warn_days": Bounds(1, 732, "C"),
    },
    "equipment": {
        "unseen_pass_days": Bounds(1, 62, "C"),
        "unseen_warn_days": Bounds(1, 180, "C"),
        "free_warn_percent": Bounds(1, 50, "C"),
        "free_pass_percent": Bounds(1, 60, "C"),
    },
    "protection": {
        "encryption_reach": Bounds(1, 2, "C"),
        "encryption_suspended_hours": Bounds(1, 168, "C"),
        "signatures_pass_days": Bounds(1, 14, "C"),
        "signatures_warn_days": Bounds(1, 31, "C"),
        "signatures_settle_hours": Bounds(1, 24, "C"),
    },
    "access": {
        "lock_pass_s": Bounds(60, 3600, "C"),
        "lock_warn_s": Bounds(60, 7200, "A"),
        "password_length": Bounds(8, 64, "B"),
        "password_alone_length": Bounds(8, 64, "B"),
        "password_limited_length": Bounds(8, 64, "B"),
        "lockout_attempts": Bounds(1, 20, "C"),
        "admins_pass": Bounds(1, 10, "C"),
        "admins_fail_from": Bounds(2, 20, "C"),
        "idle_pass_days": Bounds(1, 365, "C"),
        "idle_warn_days": Bounds(1, 730, "C"),
    },
    "exposure": {"remote_tools_allowed": Bounds(0, 50, "C")},
    "records": {
        "questionnaire_pass_months": Bounds(1, 24, "A"),
        "questionnaire_warn_months": Bounds(1, 36, "C"),
        "contacts_pass_months": Bounds(1, 24, "C"),
        "contacts_warn_months": Bounds(1, 36, "C"),
        "contract_notice_days": Bounds(1, 365, "C"),
        "certificate_notice_days": Bounds(1, 365, "C"),
    },
    # Never one report: that all machines of a practice missed one is what tells a line from a machine (docs/silence.md).
    "silence": {
        "workstation_slots": Bounds(2, 48, "C"),
        "server_slots": Bounds(2, 48, "C"),
        "laptop_days": Bounds(1, 60, "C"),
    },
}


def excesses(overrides: Mapping[str, Mapping[str, int | Sequence[str]]]) -> list[Excess]:
    """Return every threshold outside its bounds, of those that are known."""
    found = []
    for family, values in overrides.items():
        for key, value in values.items():
            bounds = BOUNDS.get(family, {}).get(key)
            size = value if isinstance(value, int) else len(value)
            if bounds is not None and not bounds.minimum <= size <= bounds.maximum:
                found.append(Excess(family, key, bounds.minimum, bounds.maximum))
    return found


def values_of(policy: Policy) -> dict[str, dict[str, Any]]:
    """Return every threshold of a policy, by family and key, as JSON has it."""
    return {
        family.name: {
            item.name: list(value) if isinstance(value := getattr(section, item.name), tuple) else value
            for item in fields(section)
        }
        for family in fields(policy)
        for section in (getattr(policy, family.name),)
    }
