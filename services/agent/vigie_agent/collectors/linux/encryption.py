"""Section ``encryption`` on Linux: is what lies on the fixed disks encrypted (LUKS, ZFS), by role, never by name."""

import json
import re
from collections.abc import Iterator
from typing import Any

from vigie_agent.collectors.base import DAY_S, CollectError, Context, Gaps, Section, found, mapping, tri
from vigie_agent.collectors.host import Host

LSBLK = ["lsblk", "-J", "-b", "-o", "NAME,TYPE,FSTYPE,MOUNTPOINTS,RM,SIZE"]
SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
BOOT_MOUNTS = ("/boot", "/boot/efi", "/efi")


def collect(context: Context) -> Section:
    """Volumes from ``lsblk`` (no rights needed), the security chip and Secure Boot from ``/sys``."""
    host, gaps = context.host, Gaps()
    answer = host.run(LSBLK)
    if answer.rc != 0:
        raise CollectError("provider_error", "lsblk", f"rc_{answer.rc}")
    volumes = parse_lsblk(answer.stdout)
    if not any(volume["role"] == "os" for volume in volumes):
        zfs = gaps.read("zfs", lambda: _zfs(host)) if host.which("zfs") else None
        if zfs is None:
            gaps.note("provider_error", "lsblk", "root_not_found")
        volumes.append({"role": "os", "state": zfs or "unknown", "method": "zfs" if zfs == "on" else "unknown"})
    version = host.read_optional("/sys/class/tpm/tpm0/tpm_version_major")
    data = {
        "volumes": volumes,
        "tpm": {"present": tri(host.exists("/sys/class/tpm/tpm0")), "version": version.strip() if version else None},
        "secure_boot": tri(gaps.read("secure_boot", lambda: secure_boot(host))),
    }
    section = found("lsblk+sys", data, gaps.problems)
    section.ttl_s = DAY_S // 4
    return section


def parse_lsblk(output: bytes) -> list[dict[str, Any]]:
    """One row per mounted volume of a fixed disk (and swap): role, state, method; sorted, duplicates kept."""
    devices = mapping(json.loads(output))["blockdevices"]
    rows = [_row(device, encrypted) for device, encrypted in _walk(devices, encrypted=False)]
    return sorted((row for row in rows if row is not None), key=lambda row: (row["role"], row["state"]))


def _walk(devices: list[dict[str, Any]], *, encrypted: bool) -> Iterator[tuple[dict[str, Any], bool]]:
    for device in devices:
        if device.get("rm") in {True, "1"}:
            continue  # removable media are not the machine's own
        here = encrypted or device.get("type") == "crypt"
        yield device, here
        yield from _walk(device.get("children") or [], encrypted=here)


def _row(device: dict[str, Any], encrypted: bool) -> dict[str, Any] | None:  # noqa: FBT001 - a fact
    mounts = [mount for mount in device.get("mountpoints") or [] if mount]
    if not mounts or all(mount in BOOT_MOUNTS for mount in mounts) or device.get("type") in {"loop", "rom"}:
        return None
    role = "os" if "/" in mounts else "swap" if "[SWAP]" in mounts else "data"
    if role == "swap" and str(device.get("name", "")).startswith("zram"):
        return None  # compressed memory, nothing at rest
    return {"role": role, "state": "on" if encrypted else "off", "method": "luks" if encrypted else "none"}


def _zfs(host: Host) -> str | None:
    """State of a root on ZFS, None when the root is no ZFS dataset."""
    mounts = host.read_text("/proc/self/mounts")
    match = re.search(r"^(\S+) / zfs ", mounts, re.MULTILINE)
    if match is None:
        return None
    answer = host.run(["zfs", "get", "-H", "-o", "value", "encryption", match[1]])
    if answer.rc != 0:
        raise CollectError("provider_error", "zfs", f"rc_{answer.rc}")
    return "off" if answer.text.strip() == "off" else "on"


def secure_boot(host: Host) -> bool:
    """The firmware's own variable (four bytes of attributes, then the value); no EFI is no Secure Boot."""
    if not host.exists("/sys/firmware/efi"):
        return False
    value = host.read_bytes(SECURE_BOOT, 8)
    return len(value) >= 5 and value[4] == 1  # noqa: PLR2004 - attributes and value
