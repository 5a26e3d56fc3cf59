"""Sections about the machine itself: `os`, `patch`, `storage`, `power`.

In every ``data`` a field may be null (unknown) or left out where the system does not have it; what remains required
is what tells one element of a list from the next.
"""

from typing import Annotated

from pydantic import Field, StringConstraints

from vigie.devices.hb1.known import known
from vigie.devices.hb1.section import Part, Section
from vigie.devices.hb1.values import Count, Date, DottedSlug, PackageName, Percent, Slug, Timestamp, Tri, Version

Family = Annotated[Slug, known("windows", "macos", "linux")]
Product = Annotated[Slug, known("client", "server", "dc", "nas", "other")]
Architecture = Annotated[Slug, known("x64", "arm64", "x86")]
InstallType = Annotated[Slug, known("desktop", "server_core", "headless", "unknown")]
Chassis = Annotated[Slug, known("desktop", "laptop", "server", "vm", "unknown")]
Join = Annotated[Slug, known("workgroup", "domain", "entra", "hybrid", "mdm", "unknown")]


RebootSource = Annotated[Slug, known("cbs", "wu", "wua", "run_file", "kernel", "needs_restarting", "softwareupdate")]


class RebootRequired(Part):
    """Is a restart awaited? ``file_rename`` is the weak sign that printers and browsers set daily."""

    value: Tri | None = None
    strong_sources: Annotated[tuple[RebootSource, ...], Field(max_length=8)] | None = None
    file_rename: Tri | None = None


class OsData(Part):
    """Identity of the operating system; ends of support are the server's business."""

    family: Family
    product: Product | None = None
    edition: Version | None = None
    version: Version | None = None
    build: Version | None = None
    ubr: Count | None = None
    distro: DottedSlug | None = None
    arch: Architecture | None = None
    install_type: InstallType | None = None
    boot_at: Timestamp | None = None
    fast_startup: Tri | None = None
    chassis: Chassis | None = None
    join: Join | None = None
    reboot_required: RebootRequired | None = None


class OsSection(Section):
    """Section `os`."""

    data: OsData | None


PatchManager = Annotated[Slug, known("windows_update", "apt", "dnf", "zypper", "softwareupdate")]
UpdateClass = Annotated[
    Slug, known("security", "critical", "rollup", "definition", "driver", "upgrade", "other", "optional")
]
Severity = Annotated[Slug, known("critical", "important", "moderate", "low", "none")]
RebootNeed = Annotated[Slug, known("never", "may", "always", "unknown")]
AutoUpdate = Annotated[Slug, known("enabled", "notify", "disabled", "managed", "unknown")]
ManagedBy = Annotated[Slug, known("none", "wsus", "mdm", "landscape", "unknown")]
EsuState = Annotated[Slug, known("receiving", "licensed", "not_enrolled", "unknown")]
EsuEvidence = Annotated[Slug, known("ubr", "license", "none")]


class PendingItem(Part):
    """One update that is not installed: a KB number (Windows) or a package name, never a title."""

    kb: Annotated[str, StringConstraints(pattern="^[0-9]{6,8}$")] | None = None
    name: PackageName | None = None
    class_: UpdateClass | None = Field(default=None, alias="class")
    severity: Severity | None = None
    released_on: Date | None = None
    reboot: RebootNeed | None = None
    downloaded: Tri | None = None


class Pending(Part):
    """Counts of updates not installed; ``max_age_days`` is the age of the oldest security update among them."""

    security: Count | None = None
    critical: Count | None = None
    other: Count | None = None
    optional: Count | None = None
    max_age_days: Count | None = None
    items: Annotated[tuple[PendingItem, ...], Field(max_length=30)] | None = None


class Esu(Part):
    """Extended security updates of Windows 10, with what proves them."""

    state: EsuState | None = None
    evidence: EsuEvidence | None = None


class App(Part):
    """A product of the agent's allow-list; the full list of software is never sent."""

    slug: Slug
    version: Version | None = None


class PatchData(Part):
    """State of updates. ``index_age_s`` is the age of the package lists, rounded to days."""

    manager: PatchManager | None = None
    last_search_ok_at: Timestamp | None = None
    index_age_s: Count | None = None
    last_os_install_at: Timestamp | None = None
    pending: Pending | None = None
    auto_update: AutoUpdate | None = None
    managed_by: ManagedBy | None = None
    paused_until: Timestamp | None = None
    esu: Esu | None = None
    apps: Annotated[tuple[App, ...], Field(max_length=64)] | None = None


class PatchSection(Section):
    """Section `patch`."""

    data: PatchData | None


DiskKind = Annotated[Slug, known("hdd", "ssd", "nvme", "raid", "virtual", "unknown")]
DiskHealth = Annotated[Slug, known("ok", "warning", "failing", "unknown")]
FreeLevel = Annotated[Slug, known("ok", "low", "critical")]
RaidState = Annotated[Slug, known("ok", "degraded", "failed", "none", "unknown")]
VolumeRole = Annotated[Slug, known("os", "data", "swap")]


DiskFlag = Annotated[
    Slug,
    known(
        "prefail", "past_prefail", "error_log", "self_test_failed", "reallocated", "pending_sectors", "uncorrectable",
        "media_errors", "spare_low", "critical_warning",
    ),
]  # fmt: skip


class Disk(Part):
    """A physical disk; wear in steps of 5 %, hours in steps of 1,000, so that quiet hours stay quiet."""

    kind: DiskKind | None = None
    health: DiskHealth | None = None
    wear_pct: Annotated[Count, Field(le=255)] | None = None
    hours: Count | None = None
    flags: Annotated[tuple[DiskFlag, ...], Field(max_length=16)] | None = None


class Volume(Part):
    """A fixed volume, named by its role; its mount point and label stay on the machine."""

    role: VolumeRole
    total_gib: Count | None = None
    free_gib: Count | None = None
    free_level: FreeLevel | None = None


class StorageData(Part):
    """Disks and free space."""

    disks: Annotated[tuple[Disk, ...], Field(max_length=32)] | None = None
    volumes: Annotated[tuple[Volume, ...], Field(max_length=32)] | None = None
    raid: RaidState | None = None


class StorageSection(Section):
    """Section `storage`."""

    data: StorageData | None


Ups = Annotated[Slug, known("present", "absent", "unknown")]
PowerSource = Annotated[Slug, known("nut", "apcupsd", "windows_hid", "macos", "none")]


class PowerData(Part):
    """The uninterruptible supply; charge in steps of 10 %, runtime in steps of 60 s."""

    ups: Ups | None = None
    source: PowerSource | None = None
    on_mains: Tri | None = None
    charge_pct: Percent | None = None
    runtime_s: Count | None = None
    battery_replace: Tri | None = None
    laptop_battery: Tri | None = None


class PowerSection(Section):
    """Section `power`."""

    data: PowerData | None
