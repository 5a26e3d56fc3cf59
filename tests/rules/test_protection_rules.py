"""ANS-1.5 and 2.8: disks and firewall on every system, each verdict beside its nearest other."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.rules.control_cases import Case, about, check, judge, row
from tests.rules.machines import SYSTEMS, linux, mac, told, windows, with_body
from tests.rules.posture_facts import NOW, section
from vigie.posture.rules.model import DeviceFacts, Policy, PolicyError

EVERYWHERE = {"protection": {"encryption_reach": 2}}
HOURS_72, TICK = timedelta(hours=72), timedelta(seconds=1)


def disks(machine: DeviceFacts, *states: str | None) -> DeviceFacts:
    """The first volume is the system's."""
    return roles(machine, *(("data" if place else "os", state) for place, state in enumerate(states)))


def roles(machine: DeviceFacts, *volumes: tuple[str, str | None]) -> DeviceFacts:
    return told(machine, "encryption", volumes=[{"role": role, "state": state} for role, state in volumes])


def fixed(machine: DeviceFacts, role: str = "workstation", chassis: str | None = "desktop") -> DeviceFacts:
    return told(replace(machine, role=role), "os", chassis=chassis)


def laptop() -> DeviceFacts:
    return windows(role="laptop")


def suspended(since: timedelta, machine: DeviceFacts) -> DeviceFacts:
    return replace(disks(machine, "suspended"), first_seen={"encryption_suspended": NOW - since})


REPORTED_SUSPENDED = section({"volumes": [{"role": "os", "state": "suspended"}]}, collected_at="2026-11-18T07:59:59Z")


@about(
    "ANS-1.5",
    [
        *(row(f"{name}, all on", machine(), "pass", "disks_encrypted") for name, machine in SYSTEMS.items()),
        *(
            row(f"{name} laptop, one open", disks(machine(role="laptop"), "on", "off"), "fail", "disk_unencrypted")
            for name, machine in SYSTEMS.items()
        ),
        *(
            row(f"{name} workstation, one open", disks(fixed(machine()), "on", "off"), "warn", "disk_unencrypted_fixed")
            for name, machine in SYSTEMS.items()
        ),
        row(
            "server in a virtual machine",
            disks(fixed(linux(), "server", "vm"), "off"),
            "warn",
            "disk_unencrypted_fixed",
        ),
        row("nas of no chassis", disks(fixed(linux(), "nas", None), "off"), "warn", "disk_unencrypted_fixed"),
        row("laptop enrolled as workstation", disks(mac(role="workstation"), "off"), "fail", "disk_unencrypted"),
        row("locked is encrypted", disks(laptop(), "on", "locked"), "pass", "disks_encrypted"),
        row("encrypting", disks(laptop(), "encrypting"), "warn", "encryption_in_progress"),
        row("encrypting, fixed", disks(windows(), "encrypting"), "warn", "encryption_in_progress"),
        row("decrypting", disks(laptop(), "decrypting"), "fail", "disk_unencrypted"),
        row("decrypting, fixed", disks(windows(), "decrypting"), "warn", "disk_unencrypted_fixed"),
        row("suspended 72 h less a second", suspended(HOURS_72 - TICK, laptop()), "warn", "encryption_suspended"),
        row("suspended 72 h", suspended(HOURS_72, laptop()), "warn", "encryption_suspended"),
        row("suspended 72 h and a second", suspended(HOURS_72 + TICK, laptop()), "fail", "encryption_suspended_long"),
        row("suspended for ever, fixed", suspended(HOURS_72 * 9, windows()), "warn", "encryption_suspended"),
        row("suspended since the report", disks(laptop(), "suspended"), "warn", "encryption_suspended"),
        row(
            "suspended, so reported for 72 h and a second",
            with_body(laptop(), "encryption", REPORTED_SUSPENDED),
            "fail",
            "encryption_suspended_long",
        ),
        row("unread", disks(laptop(), "unknown"), "unknown", "encryption_unreadable"),
        row("null", disks(windows(), "on", None), "unknown", "encryption_unreadable"),
        row("a state of tomorrow", disks(windows(), "on", "quantum"), "unknown", "encryption_unreadable"),
        row("one open, one unread", disks(laptop(), "unknown", "off"), "fail", "disk_unencrypted"),
        row("one open, one unread, fixed", disks(windows(), "off", "unknown"), "unknown", "encryption_unreadable"),
        row("one encrypting, one open, fixed", disks(windows(), "encrypting", "off"), "warn", "disk_unencrypted_fixed"),
        row(
            "one encrypting, one decrypting, fixed",
            disks(windows(), "encrypting", "decrypting"),
            "warn",
            "disk_unencrypted_fixed",
        ),
        row(
            "one encrypting, one suspended, fixed",
            disks(windows(), "encrypting", "suspended"),
            "warn",
            "encryption_suspended",
        ),
        row(
            "one suspended, one decrypting, fixed",
            disks(windows(), "suspended", "decrypting"),
            "warn",
            "disk_unencrypted_fixed",
        ),
        row("no volume", roles(windows()), "unknown", "encryption_unreadable"),
        row("volumes null", told(windows(), "encryption", volumes=None), "unknown", "encryption_unreadable"),
        row(
            "plain swap on a laptop",
            roles(linux(role="laptop"), ("os", "on"), ("swap", "off")),
            "fail",
            "disk_unencrypted",
        ),
        row("chassis not told", with_body(disks(laptop(), "off"), "os", None), "fail", "disk_unencrypted"),
        row(
            "no such namespace",
            with_body(windows(), "encryption", section(None, "absent")),
            "unknown",
            "encryption_unreadable",
        ),
        row("everywhere, open", disks(windows(), "off"), "fail", "disk_unencrypted", policy=EVERYWHERE),
        row("everywhere, encrypted", windows(), "pass", "disks_encrypted", policy=EVERYWHERE),
        row(
            "everywhere, suspended",
            suspended(HOURS_72 * 2, windows()),
            "fail",
            "encryption_suspended_long",
            policy=EVERYWHERE,
        ),
        # A Mac has many volumes in one container; FileVault answers for them together.
        row("apple chip without filevault", disks(mac(), "off"), "fail", "disk_unencrypted"),
    ],
)
def test_disks_are_encrypted(case: Case) -> None:
    check(case)


def test_open_volumes_are_named_by_role_and_the_gravest_state_by_reason() -> None:
    mixed = judge("ANS-1.5", disks(suspended(HOURS_72 * 2, laptop()), "suspended", "off", "on"))
    assert mixed.reason == "disk_unencrypted"
    assert mixed.evidence["open"] == [{"role": "os", "state": "suspended"}, {"role": "data", "state": "off"}]
    assert mixed.evidence["volumes"] == 3
    assert "open" not in judge("ANS-1.5", laptop()).evidence


def test_the_server_can_remember_since_when_a_protection_is_suspended() -> None:
    first = judge("ANS-1.5", disks(laptop(), "suspended"))
    assert first.evidence["suspended_since"] == "2026-11-21T07:40:00Z"
    assert first.valid_until == datetime(2026, 11, 24, 7, 40, 1, tzinfo=UTC)
    assert "suspended_since" not in judge("ANS-1.5", laptop()).evidence


def profiles(machine: DeviceFacts, *enabled: tuple[str, str | None], **more: Any) -> DeviceFacts:
    listed = [{"name": name, "enabled": on, "inbound_default": "block"} for name, on in enabled]
    return told(machine, "firewall", profiles=listed, **more)


def inbound(machine: DeviceFacts, default: str | None) -> DeviceFacts:
    listed = [{**profile, "inbound_default": default} for profile in machine.sections["firewall"]["data"]["profiles"]]
    return told(machine, "firewall", profiles=listed)


ALL_ON = (("domain", "yes"), ("private", "yes"), ("public", "yes"))


@about(
    "ANS-2.8",
    [
        *(row(f"{name}, on", machine(), "pass", "firewall_on") for name, machine in SYSTEMS.items()),
        *(
            row(
                f"{name} off",
                profiles(windows(), *((one, "no" if one == name else on) for one, on in ALL_ON)),
                "fail",
                "firewall_off",
            )
            for name, _ in ALL_ON
        ),
        *(
            row(f"{name}, off", profiles(machine(), ("default", "no")), "fail", "firewall_off")
            for name, machine in SYSTEMS.items()
        ),
        *(
            row(f"{name}, stopped", told(machine(), "firewall", service_running="no"), "fail", "firewall_off")
            for name, machine in SYSTEMS.items()
        ),
        *(
            row(f"{name}, lets in", inbound(machine(), "allow"), "fail", "firewall_lets_in")
            for name, machine in SYSTEMS.items()
        ),
        *(
            row(f"{name}, default {word}", inbound(machine(), word), "unknown", "firewall_unreadable")
            for name, machine in SYSTEMS.items()
            for word in ("unknown", None)
        ),
        row("linux, engine not told", told(linux(), "firewall", engine=None), "unknown", "firewall_unreadable"),
        *(
            row(f"{name}, none", with_body(machine(), "firewall", section(None, "absent")), "fail", "firewall_none")
            for name, machine in SYSTEMS.items()
        ),
        row("settings only", told(windows(), "firewall", service_running="unknown"), "unknown", "firewall_unproven"),
        row(
            "settings only, one off",
            profiles(windows(), *ALL_ON[:2], ("public", "no"), service_running="unknown"),
            "fail",
            "firewall_off",
        ),
        row("service null", told(linux(), "firewall", service_running=None), "unknown", "firewall_unproven"),
        row(
            "a profile unread",
            profiles(windows(), *ALL_ON[:2], ("public", "unknown")),
            "unknown",
            "firewall_unreadable",
        ),
        row("a profile null", profiles(mac(), ("default", None)), "unknown", "firewall_unreadable"),
        row("a profile missing", profiles(windows(), *ALL_ON[:2]), "unknown", "firewall_unreadable"),
        row(
            "a profile of tomorrow beside the three",
            profiles(windows(), *ALL_ON, ("mesh", "yes")),
            "pass",
            "firewall_on",
        ),
        row("one name twice", profiles(linux(), ("default", "no"), ("default", "yes")), "fail", "firewall_off"),
        row("no profile", profiles(linux()), "unknown", "firewall_unreadable"),
        row("profiles null", told(windows(), "firewall", profiles=None), "unknown", "firewall_unreadable"),
        row(
            "another vendor's",
            profiles(windows(), ("domain", "no"), engine="third_party"),
            "pass",
            "firewall_third_party",
        ),
        row(
            "another vendor's, stopped",
            told(windows(), "firewall", engine="third_party", service_running="no"),
            "fail",
            "firewall_off",
        ),
        row(
            "another vendor's, not told",
            told(windows(), "firewall", engine="third_party", service_running="unknown"),
            "unknown",
            "firewall_unreadable",
        ),
        row(
            "linux, tools without rules",
            profiles(linux(), ("default", "no"), engine="none", service_running="no"),
            "fail",
            "firewall_off",
        ),
        row("linux, engine none", told(linux(), "firewall", engine="none"), "fail", "firewall_off"),
    ],
)
def test_the_firewall_is_on_everywhere(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(
    "overrides",
    [
        {"protection": {"encryption_reach": 3}},
        {"protection": {"signatures_pass_days": 8}},
        {"protection": {"encryption_suspended_hours": 0}},
    ],
)
def test_a_policy_that_cannot_be_applied_is_refused(overrides: Any) -> None:
    with pytest.raises(PolicyError):
        Policy.from_mapping(overrides)
