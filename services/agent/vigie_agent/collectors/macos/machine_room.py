"""Sections ``storage``, ``power`` and ``health_card`` of macOS, and Time Machine."""

import plistlib
import re
from datetime import UTC, datetime
from typing import Any

from vigie_agent import clock
from vigie_agent.collectors.backup.jobs import months_of
from vigie_agent.collectors.base import DAY_S, CollectError, Context, Gaps, Section, absent, found, mapping, tri
from vigie_agent.collectors.volumes import volume_row

TIME_MACHINE = "/Library/Preferences/com.apple.TimeMachine.plist"
CARD_LIBRARY = "/usr/local/lib/libcps3_pkcs11_osx.dylib"
SMART = {"Verified": "ok", "Failing": "failing"}


def collect_storage(context: Context) -> Section:
    """The first disk's own verdict, free space of the data volume."""
    gaps = Gaps()
    disk = gaps.read("diskutil", lambda: parse_disk(context.host.run(["diskutil", "info", "-plist", "disk0"]).stdout))
    data = {
        "disks": None if disk is None else [disk],
        "volumes": gaps.read("statvfs", lambda: [volume_row(context, "0.os", "os", *context.host.disk_usage("/"))]),
        "raid": "unknown",
    }
    return found("diskutil+statvfs", data, gaps.problems)


def parse_disk(output: bytes) -> dict[str, Any]:
    """``SMARTStatus`` and kind of a disk; its name and serial number stay behind."""
    try:
        facts = mapping(plistlib.loads(output))
    except plistlib.InvalidFileException as error:
        raise ValueError("not a property list") from error
    protocol = str(facts.get("BusProtocol", ""))
    solid = facts.get("SolidState")
    kind = "virtual" if facts.get("VirtualOrPhysical") == "Virtual" else "nvme" if "PCI" in protocol else None
    return {
        "kind": kind or ("unknown" if solid is None else "ssd" if solid else "hdd"),
        "health": SMART.get(str(facts.get("SMARTStatus")), "unknown"),
        "flags": [],
    }


def collect_power(context: Context) -> Section:
    """``pmset -g ps``: a laptop's battery has InternalBattery in its name, a supply has not."""
    answer = context.host.run(["pmset", "-g", "ps"])
    if answer.rc != 0:
        raise CollectError("provider_error", "pmset", f"rc_{answer.rc}")
    return found("pmset", parse_pmset(answer.text))


def parse_pmset(output: str) -> dict[str, Any]:
    """Source of power and the supply's charge, rounded to ten percent."""
    mains = re.search(r"drawing from '([^']+)'", output)
    if mains is None:
        raise ValueError("no source of power")
    rows = re.findall(r"^\s*-(.+?)\s+(?:\(id=\d+\))?\s*(\d+)%;", output, re.MULTILINE)
    supplies = [int(charge) for name, charge in rows if "InternalBattery" not in name]
    facts: dict[str, Any] = {
        "ups": "present" if supplies else "absent",
        "source": "macos" if supplies else "none",
        "laptop_battery": tri(any("InternalBattery" in name for name, _charge in rows)),
    }
    if supplies:
        facts |= {"on_mains": tri(mains[1] == "AC Power"), "charge_pct": min(100, round(supplies[0] / 10) * 10)}
    return facts


def collect_health_card(context: Context) -> Section:
    """The card library by its file; the card is never opened."""
    if not context.host.exists(CARD_LIBRARY):
        return absent("files")
    section = found("files", {"cryptolib": {"present": "yes"}, "service": "unknown"})
    section.ttl_s = DAY_S
    return section


def time_machine(context: Context, gaps: Gaps) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(tools, jobs) of Time Machine; without Full Disk Access it is present and unreadable."""
    tool = {"tool": "time_machine", "present": "yes"}
    try:
        content = context.host.read_bytes(TIME_MACHINE)
    except FileNotFoundError:
        return [], []
    except PermissionError:
        gaps.note("permission", "time_machine", "full_disk_access")
        return [{**tool, "readable": "no"}], []
    job = gaps.read("time_machine", lambda: parse_time_machine(content))
    return [{**tool, "readable": tri(job is not None)}], [job] if job else []


def parse_time_machine(content: bytes) -> dict[str, Any]:
    """Destinations and their snapshot dates; identifiers and names of destinations stay behind."""
    try:
        settings = mapping(plistlib.loads(content))
    except plistlib.InvalidFileException as error:
        raise ValueError("not a property list") from error
    destinations = [mapping(item) for item in settings.get("Destinations") or []]
    dates: list[datetime] = [
        date.replace(tzinfo=UTC)
        for item in destinations
        for date in item.get("SnapshotDates") or []
        if isinstance(date, datetime)
    ]
    states = {item.get("LastKnownEncryptionState") for item in destinations}
    last = clock.to_wire(max(dates)) if dates else None
    return {
        "job": "time-machine",
        "origin": "observed",
        "tool": "time_machine",
        "last_status": "ok" if dates else "never",
        "last_end_at": last,
        "last_ok_at": last,
        "target": "unknown",
        "offsite": "unknown",
        "encrypted": "yes" if states == {"Encrypted"} else "no" if "NotEncrypted" in states else "unknown",
        "immutable": "unknown",
        "restore_months": months_of(dates),
    }
