"""Windows on constructed answers (no Windows machine was available): registry, PowerShell's JSON, number codes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.agent.bench import Machine
from vigie_agent import report
from vigie_agent.collectors.base import CollectError, Context, Section
from vigie_agent.collectors.windows import access, bridge, listing, machine_room, native, protection, system
from vigie_agent.collectors.windows import machine as identifiers
from vigie_agent.collectors.windows.registry_reader import RecordedRegistry
from vigie_agent.contract import SECTIONS
from vigie_agent.runner import run_all

AT = "2026-11-21T08:00:00Z"
SECURITY, DEFINITION = "0FA1201D-4330-4fa8-8ae9-b877473b6441", "e0789628-ce08-4437-be74-2495b842f43b"
KEYS: dict[str, dict[str, Any]] = {
    system.VERSION: {
        "CurrentBuildNumber": "26100",
        "UBR": 6899,
        "DisplayVersion": "24H2",
        "EditionID": "Professional",
        "InstallationType": "Client",
        "ProductName": "Windows 10 Pro",
    },
    system.PROCESSOR: {"PROCESSOR_ARCHITECTURE": "AMD64"},
    identifiers.CRYPTOGRAPHY: {"MachineGuid": "1f3e7d5c-0000"},
    identifiers.PREFETCH: {"BootId": 412},
    access.TERMINAL: {"fDenyTSConnections": 0},
    access.TERMINAL + r"\WinStations\RDP-Tcp": {"UserAuthentication": 1, "PortNumber": 3389},
    access.SYSTEM_POLICY: {"EnableLUA": 1},
    r"HKU\S-1-5-21-1-2-3-1001" + "\\" + access.DESKTOP: {
        "ScreenSaveActive": "1",
        "ScreenSaverIsSecure": "1",
        "ScreenSaveTimeOut": "600",
        "SCRNSAVE.EXE": "C:\\Windows\\scrnsave.scr",
    },
}  # fmt: skip
UPDATE = {
    "kb": "5099999",
    "severity": "Important",
    "categories": [SECURITY],
    "released": "2026-11-10T18:00:00Z",
    "optional": False,
    "downloaded": True,
    "reboot": 2,
}
VALUES: dict[str, Any] = {
    "computer": {"product_type": 1, "boot_at": "2026-11-18T06:12:00Z", "domain": False, "system_type": 2, "virtual": False},
    "updates_client": {
        "last_search": "2026-11-20T19:02:11Z",
        "reboot": False,
        "history": [
            {"operation": 1, "result": 2, "at": "2026-11-21T04:00:00Z", "kb": "2267602"},
            {"operation": 1, "result": 2, "at": "2026-10-15T21:40:03Z", "kb": "5066791"},
            {"operation": 1, "result": 4, "at": "2026-11-12T21:40:03Z", "kb": "5099999"},
        ],
    },
    "updates_pending": [
        UPDATE,
        {**UPDATE, "kb": "2267602", "categories": [DEFINITION], "severity": ""},
        {**UPDATE, "kb": "5088888", "optional": True, "categories": [], "severity": ""},
    ],
    "security_center": [{"name": "Windows Defender", "state": 397568}, {"name": "ESET Security", "state": 262144}],
    "defender": {
        "mode": "Normal",
        "realtime": True,
        "enabled": True,
        "tamper": True,
        "signature_age": 0,
        "signatures_at": "2026-11-21T04:10:00Z",
        "outdated": False,
        "quick_scan_age": 4294967295,
    },
    "exclusions": {"paths": 3, "extensions": 0, "processes": 1, "whole_drive": False, "readable": True},
    "firewall": {
        "service": True,
        "profiles": [{"name": "public", "enabled": 1, "inbound": 4}, {"name": "private", "enabled": 0, "inbound": 2}],
        "categories": [1],
    },
    "volumes_encryption": [
        {"type": 1, "protection": 0, "conversion": 0, "method": 0, "protectors": []},
        {"type": 0, "protection": 1, "conversion": 1, "method": 6, "protectors": [1, 3]},
        {"type": 2, "protection": 0, "conversion": 0, "method": 0, "protectors": []},
    ],
    "tpm": {"present": True, "version": "2.0"},
    "secure_boot": True,
    "accounts": [
        {"rid": 500, "disabled": True, "password_required": True},
        {"rid": 501, "disabled": False, "password_required": False},
        {"rid": 1001, "disabled": False, "password_required": True},
    ],
    "sign_ins": [{"rid": 1001, "at": "2026-10-02T07:30:00Z"}, {"rid": 500, "at": None}],
    "administrators": {"local": 2, "domain": 0, "entra": 1, "unresolved": 0},
    "disks": [{"media": 4, "bus": 17, "health": 0, "wear": 7, "hours": 12345}],
    "volumes": [{"system": True, "size": 500 * 2**30, "free": 20 * 2**30}],
    "virtual_disks": [],
    "batteries": [{"status": 2, "charge": 97, "minutes": 71582788}],
    "listening": [135, 445, 5357, 49664],
    "smb": {"smb1": False, "signing": True, "shares": 2, "open": 1},
    "services": {"TeamViewer": {"state": "Running", "start": "Auto"}, "SCardSvr": {"state": "Stopped", "start": "Manual"}},
    "server_backup": None,
    "veeam_agent": [{"at": "2026-11-20T22:00:00Z", "level": 4}, {"at": "2026-11-21T02:41:10Z", "level": 2}],
    "readers": 1,
}  # fmt: skip


def answer(**change: Any) -> dict[str, Any]:
    """The script's answer; a value that is a string starting with 0x is a refusal."""
    parts = {}
    for name, value in {**VALUES, **change}.items():
        refused = isinstance(value, str) and value.startswith("0x")
        parts[name] = {"ok": False, "hresult": value} if refused else {"ok": True, "value": value}
    return parts


class Told(bridge.Bridge):
    """A bridge whose script has already answered."""

    def __init__(self, parts: dict[str, Any]) -> None:
        super().__init__()
        self._answer = parts


def sections(context: Context, keys: dict[str, dict[str, Any]] | None = None, **change: Any) -> dict[str, Section]:
    registry = RecordedRegistry(KEYS if keys is None else keys)
    found = run_all(listing.collectors(list, Path("cache"), registry, Told(answer(**change))), context)
    return {item.name: item.section for item in found}


def data(section: Section) -> dict[str, Any]:
    assert section.data is not None, section.problems
    return section.data


def test_every_section_of_a_workstation_fits_the_contract(machine: Machine) -> None:
    found = sections(machine())
    assert set(found) == set(SECTIONS) - {"agent_health"}
    for name, section in found.items():
        wire = report.section_as_wire(name, section, AT)
        assert [error for error in wire["errors"] if error["code"] == "internal"] == [], name
        assert wire["status"] in {"ok", "partial"}, name


def test_the_build_decides_not_the_product_name(machine: Machine) -> None:
    facts = data(sections(machine())["os"])
    assert (facts["build"], facts["ubr"], facts["version"], facts["chassis"]) == ("26100", 6899, "24H2", "laptop")
    assert facts["reboot_required"] == {"value": "no", "strong_sources": [], "file_rename": "no"}


@pytest.mark.parametrize(
    ("key", "values", "value", "rename"),
    [
        (system.CBS_PENDING, {}, "yes", "no"),
        (system.WU_PENDING, {}, "yes", "no"),
        (system.SESSION_MANAGER, {"PendingFileRenameOperations": ["x"]}, "no", "yes"),
    ],
)
def test_renames_alone_await_no_restart(
    machine: Machine, key: str, values: dict[str, Any], value: str, rename: str
) -> None:
    facts = data(sections(machine(), {**KEYS, key: values})["os"])["reboot_required"]
    assert (facts["value"], facts["file_rename"]) == (value, rename)


def test_pending_updates_by_identifiers(machine: Machine) -> None:
    patch = data(sections(machine())["patch"])
    pending = patch["pending"]
    assert (pending["security"], pending["optional"], pending["max_age_days"]) == (1, 1, 11)
    assert [item["kb"] for item in pending["items"]] == ["5099999", "5088888"]
    assert patch["last_os_install_at"] == "2026-10-15T21:40:03Z"
    assert patch["auto_update"] == "enabled"


def test_a_search_that_failed_leaves_the_counts_unknown(machine: Machine) -> None:
    section = sections(machine(), updates_pending="0x8024402C")["patch"]
    assert data(section)["pending"] is None
    assert [(item.code, item.detail) for item in section.problems] == [("provider_error", "0x8024402C")]


def test_the_search_is_asked_once_a_day_and_remembered(machine: Machine) -> None:
    context = machine()
    assert bridge.search_is_due(context)
    first = data(sections(context)["patch"])["pending"]
    assert not bridge.search_is_due(context)
    parts = answer()
    del parts["updates_pending"]
    found = run_all(listing.collectors(list, Path("cache"), RecordedRegistry(KEYS), Told(parts)), context)
    again = next(item.section for item in found if item.name == "patch")
    assert data(again)["pending"] == first


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, ("enabled", "none")),
        ({system.POLICY + r"\AU": {"NoAutoUpdate": 1}}, ("disabled", "none")),
        ({system.POLICY + r"\AU": {"AUOptions": 2}}, ("notify", "none")),
        (
            {system.POLICY + r"\AU": {"UseWUServer": 1}, system.POLICY: {"WUServer": "http://srv-dupont"}},
            ("managed", "wsus"),
        ),
        ({system.SERVICE: {"Start": 4}}, ("disabled", "none")),
    ],
)
def test_update_policy(policy: dict[str, dict[str, Any]], expected: tuple[str, str]) -> None:
    registry = RecordedRegistry(policy)
    assert (system.auto_update(registry), system.managed_by(registry)) == expected


@pytest.mark.parametrize(
    ("ubr", "licensed", "state"), [(6500, False, "receiving"), (6456, True, "licensed"), (6456, False, "not_enrolled")]
)
def test_extended_updates_of_windows_10(machine: Machine, ubr: int, state: str, *, licensed: bool) -> None:
    keys = {**KEYS, system.VERSION: {**KEYS[system.VERSION], "CurrentBuildNumber": "19045", "UBR": ubr}}
    assert data(sections(machine(), keys, esu=licensed)["patch"])["esu"]["state"] == state


@pytest.mark.parametrize(
    ("value", "state", "signatures", "vendor"),
    [
        (397568, "on", "up_to_date", "yes"),
        (397584, "on", "out_of_date", "yes"),
        (393472, "off", "up_to_date", "yes"),
        (266240, "on", "up_to_date", "no"),
        (266256, "on", "out_of_date", "no"),
        (262144, "off", "up_to_date", "no"),
        (270336, "snoozed", "up_to_date", "no"),
        (405504, "expired", "up_to_date", "no"),
    ],
)
def test_product_state_of_the_security_center(value: int, state: str, signatures: str, vendor: str) -> None:
    assert protection.decode_state(value) == {"state": state, "signatures": signatures, "vendor_owned": vendor}


def test_a_server_has_no_security_center_and_that_is_expected(machine: Machine) -> None:
    section = sections(machine(), security_center="0x8004100E")["antivirus"]
    assert section.status == "ok"
    assert [(row["name"], row["state"]) for row in data(section)["products"]] == [("windows_defender", "on")]


def test_a_security_center_that_refuses_is_explained(machine: Machine) -> None:
    section = sections(machine(), security_center="0x80070005", defender="0x800106BA")["antivirus"]
    assert ("permission", "0x80070005") in [(item.code, item.detail) for item in section.problems]


def test_never_is_null_and_exclusions_are_numbers(machine: Machine) -> None:
    facts = data(sections(machine())["antivirus"])
    assert facts["last_quick_scan_days"] is None
    assert facts["signature_age_days"] == 0
    assert facts["exclusions"] == {"paths": 3, "extensions": 0, "processes": 1, "whole_drive": "no"}


@pytest.mark.parametrize(("service", "enabled"), [(True, "yes"), (False, "no")])
def test_a_stopped_firewall_service_is_off_whatever_the_profile_says(
    machine: Machine, enabled: str, *, service: bool
) -> None:
    facts = data(sections(machine(), firewall={**VALUES["firewall"], "service": service})["firewall"])
    assert {row["name"]: row["enabled"] for row in facts["profiles"]} == {"public": enabled, "private": "no"}


def test_firewall_from_the_registry_prefers_the_policy(machine: Machine) -> None:
    keys = {
        protection.FIREWALL + r"\PublicProfile": {"EnableFirewall": 0},
        protection.FIREWALL_POLICY + r"\PublicProfile": {"EnableFirewall": 1},
    }
    section = sections(machine(), {**KEYS, **keys}, firewall="0x80041003")["firewall"]
    assert section.status == "partial"
    assert {row["name"]: row["enabled"] for row in data(section)["profiles"]} == {
        "domain": "unknown",
        "private": "unknown",
        "public": "yes",
    }


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ({"protection": 1, "conversion": 1}, "on"),
        ({"protection": 0, "conversion": 1}, "suspended"),
        ({"protection": 0, "conversion": 0}, "off"),
        ({"protection": 0, "conversion": 2}, "encrypting"),
        ({"protection": 2, "conversion": 1}, "locked"),
        ({}, "unknown"),
    ],
)
def test_bitlocker_states(row: dict[str, Any], state: str) -> None:
    assert protection.volume({"type": 0, **row})["state"] == state


def test_removable_volumes_are_left_out(machine: Machine) -> None:
    volumes = data(sections(machine())["encryption"])["volumes"]
    assert [(row["role"], row["state"]) for row in volumes] == [("os", "on"), ("data", "off")]
    assert volumes[0]["protectors"] == ["recovery_password", "tpm"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "no"),
        ({"AutoAdminLogon": "1"}, "yes"),
        ({"AutoAdminLogon": "1", "DefaultPassword": "secret"}, "yes_clear_text"),
        ({"AutoAdminLogon": "0", "DefaultPassword": "secret"}, "no"),
    ],
)
def test_automatic_logon(values: dict[str, Any], expected: str) -> None:
    assert access.autologon(RecordedRegistry({access.WINLOGON: values})) == expected


@pytest.mark.parametrize(
    ("keys", "effective", "status"),
    [
        (KEYS, "per_user", "ok"),
        ({**KEYS, access.SYSTEM_POLICY: {"InactivityTimeoutSecs": 600}}, "enforced", "ok"),
        ({r"HKU\S-1-5-21-1-2-3-1001\x": {}}, "weak", "ok"),
        ({r"HKU\S-1-5-18\x": {}}, "unknown", "partial"),
    ],
)
def test_screen_lock(machine: Machine, keys: dict[str, dict[str, Any]], effective: str, status: str) -> None:
    section = sections(machine(), keys)["screen_lock"]
    assert (data(section)["effective"], section.status) == (effective, status)


def test_accounts_by_their_fixed_ids(machine: Machine) -> None:
    section = sections(machine())["accounts"]
    facts = data(section)
    assert (facts["builtin_admin_enabled"], facts["guest_enabled"], facts["passwordless_allowed"]) == ("no", "yes", 1)
    assert facts["sign_ins"] == {"accounts": 1, "unseen": 0, "longest_idle_days": 10}  # signed in as we look
    alone = {key: values for key, values in KEYS.items() if not key.startswith("HKU")}
    facts = data(sections(machine(), alone)["accounts"])
    assert facts["sign_ins"] == {"accounts": 1, "unseen": 0, "longest_idle_days": 50}
    assert [problem.source for problem in section.problems] == ["netapi"]  # not on this system


def test_password_policy_in_the_units_of_the_contract() -> None:
    policy = native.from_modals([8, 90 * 86400, 0, native.NEVER, 5], [1800, 1800, 10])
    assert (policy["min_length"], policy["max_age_days"], policy["history"]) == (8, 90, 5)
    assert (policy["lockout_threshold"], policy["lockout_s"]) == (10, 1800)
    assert native.from_modals([0, native.NEVER, 0, 0, 0], [native.NEVER, 0, 0])["max_age_days"] is None


def test_exposure(machine: Machine) -> None:
    facts = data(sections(machine())["exposure"])
    assert facts["rdp"] == {"enabled": "yes", "nla": "yes", "default_port": "yes"}
    assert facts["ports"] == {"watched": [135, 445], "other_count": 10}
    assert facts["shares"] == {"count": 2, "everyone_write": "yes"}
    assert facts["remote_tools"] == ["teamviewer"]


@pytest.mark.parametrize(
    ("system_type", "ups", "laptop"), [(1, "present", "no"), (2, "absent", "yes")], ids=["desktop", "laptop"]
)
def test_a_battery_is_a_supply_only_on_a_desktop(machine: Machine, system_type: int, ups: str, laptop: str) -> None:
    computer = {**VALUES["computer"], "system_type": system_type}
    facts = data(sections(machine(), computer=computer)["power"])
    assert (facts["ups"], facts["laptop_battery"]) == (ups, laptop)
    assert facts.get("runtime_s") is None


def test_veeam_shows_the_failure_and_the_last_success(machine: Machine) -> None:
    (job,) = data(sections(machine())["backup"])["jobs"]
    assert (job["last_status"], job["last_end_at"]) == ("failed", "2026-11-21T02:41:10Z")
    assert job["last_ok_at"] == "2026-11-20T22:00:00Z"
    assert machine_room.veeam_agent([])["last_status"] == "never"


@pytest.mark.parametrize(
    ("value", "status", "last"),
    [
        (
            {"last": "2026-11-20T21:00:00Z", "last_ok": "2026-11-20T21:00:00Z", "hresult": 0},
            "ok",
            "2026-11-20T21:00:00Z",
        ),
        ({"last": "2026-11-20T21:00:00Z", "last_ok": None, "hresult": 2155348129}, "failed", "2026-11-20T21:00:00Z"),
        ({"last": "0001-01-01T00:00:00Z", "last_ok": None, "hresult": 0}, "never", None),
    ],
)
def test_windows_server_backup(value: dict[str, Any], status: str, last: str | None) -> None:
    job = machine_room.server_backup(value)
    assert (job["last_status"], job["last_end_at"]) == (status, last)


def test_a_backup_log_that_refuses_is_unreadable_not_fine(machine: Machine) -> None:
    section = sections(machine(), veeam_agent="0x80070005")["backup"]
    assert section.status == "partial"
    assert data(section)["jobs"] is None


@pytest.mark.parametrize(
    "output", [b"", b"\xff\xfe{\x00}\x00", b"Impossible de charger le fichier", b"[1]", b'{"os":'], ids=str
)
def test_an_answer_that_is_no_json_object_is_an_error(output: bytes) -> None:
    with pytest.raises(CollectError, match="parse powershell"):
        bridge.parse_answer(output)


def test_an_answer_with_a_byte_order_mark_is_read() -> None:
    assert bridge.parse_answer(b"\xef\xbb\xbf" + json.dumps(answer()).encode())["tpm"]["ok"] is True


def test_one_powershell_for_all_collectors_and_one_failure_for_all(machine: Machine) -> None:
    context = machine()
    line = " ".join(bridge.command(bridge.SCRIPT, "online"))
    recorded = machine(answers={line: (0, json.dumps(answer()))})
    run_all(listing.collectors(list, Path("cache"), RecordedRegistry(KEYS)), recorded)
    assert getattr(recorded.host, "asked") == [line]  # noqa: B009 - the recorded host's own list
    found = run_all(listing.collectors(list, Path("cache"), RecordedRegistry(KEYS)), context)
    statuses = {item.name: item.section.status for item in found}
    assert statuses["encryption"] == "unknown"
    assert statuses["screen_lock"] == "ok"  # the registry alone answers


def test_the_script_is_plain_and_asks_for_no_text_of_windows() -> None:
    script = bridge.SCRIPT.read_bytes()
    text = script.decode("ascii")  # no character that a code page could change
    assert "OutputEncoding" in text
    assert "ConvertTo-Json -InputObject" in text
    for forbidden in ("netsh", "net accounts", "manage-bde", "wbadmin", "SerialNumber", ".Message", "EncodedCommand"):
        assert forbidden not in text
    assert text.count("{") == text.count("}")
    assert text.count("(") == text.count(")")
    named = set(re.findall(r"^\s*Part '(\w+)'", text, re.MULTILINE))
    assert set(VALUES) | {"esu"} == named


def test_identifiers() -> None:
    registry = RecordedRegistry(KEYS)
    assert (identifiers.machine_id(registry), identifiers.boot_id(registry)) == (b"1f3e7d5c-0000", b"412")
    with pytest.raises(OSError, match="MachineGuid"):
        identifiers.machine_id(RecordedRegistry({}))
