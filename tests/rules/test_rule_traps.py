"""Facts that look like an answer and are none: one table per control, each trap beside the facts that do answer."""

from dataclasses import replace
from typing import Any

from tests.rules.control_cases import Case, about, check, row
from tests.rules.machines import mac, told, windows, with_body
from tests.rules.posture_facts import OS, PATCH, STORAGE, backup, job, section, with_data, with_section
from vigie.posture.rules.model import DeviceFacts


def pending(*items: dict[str, Any], security: int, **more: Any) -> DeviceFacts:
    return with_data("patch", pending={**PATCH["pending"], "security": security, "items": list(items)}, **more)


def windows_10(ubr: int, esu: dict[str, str] | None = None) -> DeviceFacts:
    facts = with_section("os", section({**OS, "build": "19045", "version": "22H2", "ubr": ubr}))
    return with_body(facts, "patch", section({**PATCH, "esu": esu}))


def restart(value: str, renames: str) -> DeviceFacts:
    flag = {"value": value, "strong_sources": [], "file_rename": renames}
    return with_section("os", section({**OS, "reboot_required": flag}))


def without_manager(status: str = "absent", family: str = "windows") -> DeviceFacts:
    return with_section("patch", section(None, status), family=family)


DEFINITIONS = {"kb": "2267602", "class": "security", "released_on": "2026-01-01"}
CUMULATIVE = {"kb": "5099999", "class": "security", "released_on": "2026-10-13"}
TOOL = {"tool": "veeam_agent", "present": "yes", "readable": "unknown"}


@about(
    "ANS-2.1",
    [
        row(
            "esu by licence alone",
            windows_10(6456, {"state": "licensed", "evidence": "license"}),
            "fail",
            "support_ended_extension_unproven",
        ),
        row("esu by build", windows_10(6457), "warn", "support_extended"),
    ],
)
def test_a_licence_is_no_update(case: Case) -> None:
    check(case)


@about(
    "ANS-2.2",
    [
        row("definitions of defender", pending(DEFINITIONS, security=1), "pass", "security_updates_applied"),
        row(
            "definitions beside a patch",
            pending(DEFINITIONS, CUMULATIVE, security=2),
            "fail",
            "security_updates_overdue",
        ),
        row(
            "nothing pending by a list of six months ago",
            pending(security=0, index_age_s=180 * 86400, manager="apt"),
            "unknown",
            "update_search_stale",
        ),
        row(
            "nothing pending by a list of unknown age",
            pending(security=0, index_age_s=None, manager="apt"),
            "unknown",
            "update_search_unknown",
        ),
        row(
            "nothing pending by a list of today", pending(security=0, index_age_s=0), "pass", "security_updates_applied"
        ),
        row("no update manager", without_manager(), "unknown", "no_update_manager"),
    ],
)
def test_definitions_are_no_patches_and_an_old_list_says_nothing(case: Case) -> None:
    check(case)


@about(
    "ANS-2.3",
    [
        row("files to rename", restart("no", "yes"), "pass", "no_restart_pending"),
        row("files to rename, rest unread", restart("unknown", "yes"), "unknown", "restart_unknown"),
        row("updates that wait", restart("yes", "no"), "pass", "restart_pending"),
    ],
)
def test_files_to_rename_are_no_restart(case: Case) -> None:
    check(case)


@about("ANS-2.4", [row("no update manager", without_manager(), "fail", "no_update_manager")])
def test_what_has_no_manager_does_not_update_itself(case: Case) -> None:
    check(case)


@about(
    "ANS-2.5",
    [
        row("list unread", with_data("patch", apps=None), "unknown", "software_unreadable"),
        row(
            "list of a distribution",
            replace(with_data("patch", apps=None), family="linux"),
            "not_applicable",
            "software_from_distribution",
        ),
    ],
)
def test_packages_of_a_distribution_are_not_unread_software(case: Case) -> None:
    check(case)


@about(
    "ANS-5.1",
    [
        row(
            "a backup tool",
            with_section("backup", section({"tools": [TOOL], "jobs": []})),
            "not_applicable",
            "no_backup_job",
        ),
        row(
            "a backup tool, jobs unread",
            with_section("backup", section({"tools": [TOOL], "jobs": None})),
            "unknown",
            "jobs_unreadable",
        ),
        row(
            "a synchronisation", with_section("backup", backup(sync_only="yes")), "not_applicable", "sync_is_no_backup"
        ),
        row("a job", with_section("backup", backup(job())), "pass", "backup_recent"),
    ],
)
def test_neither_a_tool_nor_a_synchronisation_is_a_backup(case: Case) -> None:
    check(case)


def usb(offsite: str, immutable: str) -> DeviceFacts:
    """A disk that answers at every heartbeat."""
    return with_section("backup", backup(job(target="usb", offsite=offsite, immutable=immutable)))


@about(
    "ANS-5.5",
    [
        row("a usb disk that is always there", usb("no", "no"), "fail", "immutable_none"),
        row("a usb disk, not told", usb("no", "unknown"), "unknown", "immutable_unknown"),
        row("a target that refuses changes", with_section("backup", backup(job())), "pass", "immutable_recent"),
    ],
)
def test_a_disk_that_is_always_plugged_in_is_not_offline(case: Case) -> None:
    check(case)


@about(
    "ANS-5.4",
    [
        row("a usb disk in the room", usb("no", "no"), "fail", "offsite_none"),
        row("a usb disk, place not told", usb("unknown", "no"), "unknown", "offsite_unknown"),
    ],
)
def test_a_disk_is_elsewhere_only_when_somebody_says_so(case: Case) -> None:
    check(case)


def mac_storage(**changes: Any) -> DeviceFacts:
    """A Mac tells one volume for the container that all its volumes share, and no RAID."""
    facts = with_body(mac(), "storage", section({**STORAGE, "raid": "unknown"}))
    return told(facts, "storage", **changes)


@about(
    "ANS-5.12",
    [
        row("one volume for a container", mac_storage(), "pass", "equipment_healthy"),
        row(
            "the container is full",
            mac_storage(volumes=[{"role": "os", "total_gib": 460, "free_gib": 20}]),
            "fail",
            "space_critical",
        ),
        row(
            "a disk that apple does not judge",
            mac_storage(disks=[{"kind": "nvme", "health": "unknown"}]),
            "unknown",
            "equipment_unknown",
        ),
        row("no disk here", with_section("storage", section(None, "absent")), "not_applicable", "no_local_storage"),
    ],
)
def test_the_volumes_of_a_mac_share_their_room(case: Case) -> None:
    check(case)


def server(*products: dict[str, str], status: str = "ok") -> DeviceFacts:
    """A Windows server has no Security Center: the agent lists services, and Defender where it is installed."""
    body = section({"products": list(products), "realtime": "unknown"} if status == "ok" else None, status)
    return with_body(windows(role="server"), "antivirus", body)


ESET = {"name": "eset", "state": "on", "signatures": "unknown"}


@about(
    "ANS-2.6",
    [
        row("server without security center, service of a product", server(ESET), "unknown", "realtime_unknown"),
        row(
            "server without security center, could not look", server(status="unknown"), "unknown", "section_unreadable"
        ),
        row("server without security center, looked and found none", server(status="absent"), "fail", "antivirus_none"),
    ],
)
def test_a_server_without_security_center_is_not_without_antivirus(case: Case) -> None:
    check(case)
