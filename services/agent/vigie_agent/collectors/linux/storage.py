"""Section ``storage`` on Linux: disks and their health, free space by role, RAID."""

import json
import re
from typing import Any

from vigie_agent.collectors.base import CollectError, Context, Gaps, Section, found, mapping
from vigie_agent.collectors.host import Host
from vigie_agent.collectors.smart import parse_smart
from vigie_agent.collectors.volumes import volume_row

FILE_SYSTEMS = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "overlay", "bcachefs"},
)
SYSTEM_MOUNTS = ("/boot", "/snap", "/var/lib/docker", "/var/lib/containers", "/run")
LSBLK = ["lsblk", "-J", "-d", "-b", "-o", "NAME,TYPE,ROTA,TRAN,RM,SIZE"]
VIRTUAL_NAMES = ("vd", "xvd")
MAX_VOLUMES = 32


def collect(context: Context) -> Section:
    """Free space for all; disk health where smartctl is installed and the agent is root."""
    host, gaps = context.host, Gaps()
    data = {
        "disks": gaps.read("lsblk", lambda: disks(host, gaps)),
        "volumes": gaps.read("mounts", lambda: volumes(context)),
        "raid": gaps.read("mdstat", lambda: raid(host), "unknown"),
    }
    return found("lsblk+statvfs", data, gaps.problems)


def parse_mounts(content: str) -> list[tuple[str, str]]:
    """(mount point, role) of local file systems that hold data, one per device, the root first."""
    seen: dict[str, tuple[str, str]] = {}
    for line in content.splitlines():
        fields = line.split(" ")
        if len(fields) < 4 or fields[2] not in FILE_SYSTEMS or "ro" in fields[3].split(","):  # noqa: PLR2004 - fstab(5)
            continue
        device, mount = fields[0], fields[1].replace("\\040", " ")
        if any(mount == skipped or mount.startswith(skipped + "/") for skipped in SYSTEM_MOUNTS):
            continue
        if fields[2] == "overlay" and mount != "/":
            continue
        if device not in seen or mount == "/":
            seen[device] = (mount, "os" if mount == "/" else "data")
    return sorted(seen.values(), key=lambda item: (item[1] != "os", item[0]))


def volumes(context: Context) -> list[dict[str, Any]]:
    """Size and free space of each volume in GiB, steady while it moves by less than noise."""
    rows = []
    for number, (mount, role) in enumerate(parse_mounts(context.host.read_text("/proc/self/mounts"))[:MAX_VOLUMES]):
        total, free = context.host.disk_usage(mount)
        rows.append(volume_row(context, f"{number}.{role}", role, total, free))
    return rows


def disks(host: Host, gaps: Gaps) -> list[dict[str, Any]]:
    """One row per fixed disk: kind, and health where it can be asked."""
    answer = host.run(LSBLK)
    if answer.rc != 0:
        raise CollectError("provider_error", "lsblk", f"rc_{answer.rc}")
    listed = parse_disks(answer.stdout)
    real = [disk for disk in listed if disk["kind"] != "virtual"]
    rows = [{"kind": disk["kind"], "health": "unknown"} for disk in listed if disk["kind"] == "virtual"]
    if real and host.which("smartctl") is None:
        gaps.note("not_installed", "smartctl")
    elif real and not host.is_root():
        gaps.note("permission", "smartctl")
    else:
        return sorted(
            rows + [_smart(host, gaps, disk) for disk in real],
            key=lambda row: json.dumps(row, sort_keys=True),
        )
    return rows + [{"kind": disk["kind"], "health": "unknown"} for disk in real]


def parse_disks(output: bytes) -> list[dict[str, str]]:
    """Fixed disks of ``lsblk -d``: device name (stays here) and kind."""
    rows = []
    for device in mapping(json.loads(output))["blockdevices"]:
        name = str(device.get("name", ""))
        if device.get("type") != "disk" or device.get("rm") in {True, "1"} or not int(device.get("size") or 0):
            continue
        if name.startswith(("zram", "ram", "loop", "nbd")) or device.get("tran") == "usb":
            continue
        if name.startswith(VIRTUAL_NAMES):
            kind = "virtual"
        elif device.get("tran") == "nvme" or name.startswith("nvme"):
            kind = "nvme"
        else:
            kind = "hdd" if device.get("rota") in {True, "1"} else "ssd"
        rows.append({"name": name, "kind": kind})
    return rows


def _smart(host: Host, gaps: Gaps, disk: dict[str, str]) -> dict[str, Any]:
    def ask() -> dict[str, Any]:
        answer = host.run(["smartctl", "--json", "-n", "standby,3", "-H", "-A", "-i", f"/dev/{disk['name']}"])
        return parse_smart(answer.stdout)

    facts = gaps.read("smartctl", ask) or {"health": "unknown"}
    return {"kind": disk["kind"], **facts}


def raid(host: Host) -> str:
    """``degraded`` when an array of the kernel's software RAID lacks a member; ``none`` without arrays."""
    content = host.read_optional("/proc/mdstat")
    if content is None:
        return "none"
    return parse_mdstat(content)


def parse_mdstat(content: str) -> str:
    """The worst state of the arrays: ``[UU_]`` lacks a member, ``inactive`` has failed."""
    if re.search(r"^md\w+ : inactive", content, re.MULTILINE):
        return "failed"
    if re.search(r"\[[U_]*_[U_]*\]", content):
        return "degraded"
    return "ok" if re.search(r"^md\w+ : active", content, re.MULTILINE) else "none"
