"""macOS on constructed answers (no Mac was available): property lists and the system's own commands."""

import plistlib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.agent.bench import Machine
from vigie_agent import report
from vigie_agent.collectors.base import Context, Gaps
from vigie_agent.collectors.macos import listing, machine_room, protection, system
from vigie_agent.collectors.macos import machine as identifiers
from vigie_agent.contract import SECTIONS
from vigie_agent.runner import run_all

AT = "2026-11-21T08:00:00Z"
LIST = """\
Software Update Tool

Finding available software
Software Update found the following new or updated software:
* Label: macOS Sequoia 15.7.9-24G900
\tTitle: macOS Sequoia 15.7.9, Version: 15.7.9, Size: 1500000KiB, Recommended: YES, Action: restart,
* Label: Command Line Tools for Xcode-16.4
\tTitle: Command Line Tools for Xcode, Version: 16.4, Size: 700000KiB, Recommended: YES,
"""
FILES: dict[str, str | bytes] = {
    system.VERSION: plistlib.dumps({"ProductVersion": "15.7.8", "ProductBuildVersion": "24G790"}),
    system.UPDATES: plistlib.dumps(
        {"LastFullSuccessfulDate": datetime(2026, 11, 20, 3, 4, 5)},  # noqa: DTZ001 - property lists hold naive UTC
        fmt=plistlib.FMT_BINARY,
    ),
    protection.XPROTECT: plistlib.dumps({"CFBundleShortVersionString": "5310"}),
    protection.LOGIN_WINDOW: plistlib.dumps({"GuestEnabled": False, "autoLoginUser": "dupont"}),
}
POLICY = b"Getting global account policies\n" + plistlib.dumps(
    {"policyCategoryPasswordContent": [{"policyContent": "policyAttributePassword matches '.{8,}+'"}]}
)
ANSWERS: dict[str, tuple[int, str] | None] = {
    "softwareupdate -l": (0, LIST),
    "sysctl -n hw.model": (0, "MacBookPro18,3\n"),
    "sysctl -n kern.boottime": (0, "{ sec = 1763712000, usec = 0 } Ven 21 nov 08:00:00 2025\n"),
    "profiles status -type enrollment": (0, "Enrolled via DEP: No\nMDM enrollment: No\n"),
    "spctl --status": (0, "assessments enabled\n"),
    "csrutil status": (0, "System Integrity Protection status: enabled.\n"),
    f"{protection.SOCKET_FILTER} --getglobalstate": (0, "Firewall is enabled. (State = 1)\n"),
    f"{protection.SOCKET_FILTER} --getstealthmode": (0, "Firewall stealth mode is on\n"),
    "fdesetup status": (0, "FileVault is On.\n"),
    "stat -f %u /dev/console": (0, "501\n"),
    "launchctl asuser 501 sudo -u #501 sysadminctl -screenLock status": (0, "screenLock delay is 300 seconds\n"),
    "dscl . -read /Groups/admin GroupMembership": (0, "GroupMembership: root dupont martin\n"),
    "pwpolicy -getaccountpolicies": (0, POLICY.decode()),
    "launchctl print-disabled system": (0, '\t"com.openssh.sshd" => disabled\n\t"com.apple.smbd" => false\n'),
    "netstat -an -p tcp": (0, "tcp4  0  0  *.445  *.*  LISTEN\ntcp4  0  0  127.0.0.1.631  *.*  LISTEN\n"),
    "diskutil info -plist disk0": (0, plistlib.dumps({"SMARTStatus": "Verified", "SolidState": True}).decode()),
    "pmset -g ps": (0, "Now drawing from 'AC Power'\n -InternalBattery-0 (id=123)\t87%; charging; 1:02 remaining\n"),
}  # fmt: skip


def mac(machine: Machine, files: dict[str, str | bytes] | None = None, **answers: Any) -> Context:
    return machine({**FILES, **(files or {})}, {**ANSWERS, **answers})


def test_every_section_of_a_mac_fits_the_contract(machine: Machine) -> None:
    found = {item.name: item.section for item in run_all(listing.collectors(list, Path("cache")), mac(machine))}
    assert set(found) == set(SECTIONS) - {"agent_health"}
    for name, section in found.items():
        wire = report.section_as_wire(name, section, AT)
        assert [error for error in wire["errors"] if error["code"] == "internal"] == [], name
        usual = {"health_card": "absent", "backup": "absent", "accounts": "partial"}.get(name, "ok")
        assert wire["status"] == usual, (name, wire["errors"])
        if name == "accounts":
            assert wire["errors"] == [{"code": "unsupported_os", "source": "sign_ins"}]


def test_identity_of_the_system(machine: Machine) -> None:
    facts = system.collect_os(mac(machine)).data
    assert facts is not None
    assert (facts["version"], facts["build"], facts["chassis"], facts["join"]) == (
        "15.7.8",
        "24G790",
        "laptop",
        "workgroup",
    )
    assert facts["boot_at"] == "2025-11-21T08:00:00Z"


def test_updates_and_the_restart_they_ask_for(machine: Machine) -> None:
    context = mac(machine)
    patch = system.collect_patch(context).data
    assert patch is not None
    assert (patch["pending"]["security"], patch["pending"]["other"]) == (1, 1)
    assert patch["last_search_ok_at"] == "2026-11-20T03:04:05Z"
    facts = system.collect_os(context).data
    assert facts is not None
    assert facts["reboot_required"]["value"] == "yes"
    system.collect_patch(context)
    assert getattr(context.host, "asked").count("softwareupdate -l") == 1  # noqa: B009 - the recorded host's own list


def test_no_updates_is_said_not_assumed() -> None:
    assert system.parse_list("No new software available.\n") == []
    with pytest.raises(ValueError, match="neither"):
        system.parse_list("Can't connect to the Apple Software Update server\n")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "enabled"),
        ({"AutomaticCheckEnabled": False}, "disabled"),
        ({"AutomaticallyInstallMacOSUpdates": False}, "notify"),
    ],
)
def test_automatic_updates_default_to_on(settings: dict[str, Any], expected: str) -> None:
    assert system.auto_update(settings) == expected


@pytest.mark.parametrize(
    ("output", "state"),
    [("Firewall is disabled. (State = 0)", 0), ("Firewall is enabled. (State = 1)", 1), ("x (State = 2)", 2)],
)
def test_firewall_state_is_a_number(output: str, state: int) -> None:
    assert protection.filter_state(output) == state


@pytest.mark.parametrize(
    ("output", "state"),
    [
        ("FileVault is On.\n", "on"),
        ("FileVault is Off.\n", "off"),
        ("FileVault is On.\nDeferred enablement appears to be active.\n", "on"),
        ("FileVault is On.\nEncryption in progress: Percent completed = 34\n", "encrypting"),
    ],
)
def test_filevault(output: str, state: str) -> None:
    assert protection.filevault(output) == state


def test_filevault_that_says_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="FileVault"):
        protection.filevault("")


@pytest.mark.parametrize(
    ("output", "delay"),
    [("screenLock delay is immediate", 0), ("screenLock delay is 300 seconds", 300), ("screenLock is off", None)],
)
def test_screen_lock(output: str, delay: int | None) -> None:
    assert protection.lock_delay(output) == delay


def test_nobody_at_the_console_is_unknown(machine: Machine) -> None:
    context = mac(machine, None, **{"stat -f %u /dev/console": (0, "0\n")})
    section = {item.name: item.section for item in run_all(listing.collectors(list, Path("c")), context)}["screen_lock"]
    assert section.status == "unknown"
    assert section.problems[0].detail == "nobody_signed_in"


def test_accounts_are_counted(machine: Machine) -> None:
    facts = protection.collect_accounts(mac(machine)).data
    assert facts is not None
    assert (facts["admins"], facts["autologon"], facts["policy"]) == ({"local": 2}, "yes", {"min_length": 8})
    assert "dupont" not in str(facts)


def test_sharing_in_both_spellings(machine: Machine) -> None:
    facts = protection.collect_exposure(mac(machine)).data
    assert facts is not None
    assert facts["sharing"] == {"ssh": "no", "screen": "unknown", "file": "yes"}
    assert facts["ports"]["watched"] == [445]


UPS = "Now drawing from 'Battery Power'\n -Back-UPS ES 700G FW:871 (id=9)\t43%; discharging; 0:20 remaining\n"


def test_a_supply_is_not_a_battery() -> None:
    facts = machine_room.parse_pmset(UPS)
    assert (facts["ups"], facts["on_mains"], facts["charge_pct"], facts["laptop_battery"]) == (
        "present",
        "no",
        40,
        "no",
    )
    laptop = machine_room.parse_pmset("Now drawing from 'AC Power'\n -InternalBattery-0 (id=1)\t87%; charging;\n")
    assert (laptop["ups"], laptop["laptop_battery"]) == ("absent", "yes")


def moments(*dates: tuple[int, int, int]) -> list[datetime]:
    return [datetime(*date) for date in dates]  # noqa: DTZ001 - property lists hold naive UTC


@pytest.mark.parametrize(
    ("destinations", "status", "encrypted"),
    [
        (
            [{"SnapshotDates": moments((2026, 9, 1), (2026, 11, 20)), "LastKnownEncryptionState": "Encrypted"}],
            "ok",
            "yes",
        ),
        ([{"SnapshotDates": moments((2026, 11, 20)), "LastKnownEncryptionState": "NotEncrypted"}], "ok", "no"),
        ([{"SnapshotDates": []}], "never", "unknown"),
    ],
)
def test_time_machine(destinations: list[dict[str, Any]], status: str, encrypted: str) -> None:
    job = machine_room.parse_time_machine(plistlib.dumps({"Destinations": destinations}))
    assert (job["last_status"], job["encrypted"]) == (status, encrypted)
    assert job["restore_months"] == (["2026-09", "2026-11"] if encrypted == "yes" else job["restore_months"])


def test_time_machine_that_is_no_property_list_is_unreadable(machine: Machine) -> None:
    gaps = Gaps()
    context = mac(machine, {machine_room.TIME_MACHINE: b"junk"})
    tools, jobs = machine_room.time_machine(context, gaps)
    assert (tools[0]["readable"], jobs) == ("no", [])
    assert [problem.code for problem in gaps.problems] == ["parse"]


def test_identifier_of_the_machine() -> None:
    good = plistlib.dumps([{"IOPlatformUUID": "A-B"}])
    assert identifiers.parse_platform(good) == b"A-B"
    with pytest.raises(OSError, match="IOPlatformUUID"):
        identifiers.parse_platform(plistlib.dumps([]))
