"""Sections about the machine itself: `os`, `patch`, `storage`, `power`.

In every ``data`` a field may be null (unknown) or left out where the system does not have it; what remains required
is what tells one element of a list from the next.
"""

from typing import Annotated, Required

from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

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


class RebootRequired(Part, total=False):
    """Is a restart awaited? ``file_rename`` is the weak sign that printers and browsers set daily."""

    value: Tri | None
    strong_sources: Annotated[list[RebootSource], Field(max_length=8)] | None
    file_rename: Tri | None


class OsData(Part, total=False):
    """Identity of the operating system; ends of support are the server's business."""

    family: Required[Family]
    product: Product | None
    edition: Version | None
    version: Version | None
    build: Version | None
    ubr: Count | None
    distro: DottedSlug | None
    arch: Architecture | None
    install_type: InstallType | None
    boot_at: Timestamp | None
    fast_startup: Tri | None
    chassis: Chassis | None
    join: Join | None
    reboot_required: RebootRequired | None


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


# A key that is a word of the language has no place in a class body.
_Classified = TypedDict("_Classified", {"class": UpdateClass | None}, total=False)


class PendingItem(Part, _Classified, total=False):
    """One update that is not installed: a KB number (Windows) or a package name, never a title."""

    kb: Annotated[str, StringConstraints(pattern="^[0-9]{6,8}$")] | None
    name: PackageName | None
    severity: Severity | None
    released_on: Date | None
    reboot: RebootNeed | None
    downloaded: Tri | None


class Pending(Part, total=False):
    """Counts of updates not installed; ``max_age_days`` is the age of the oldest security update among them."""

    security: Count | None
    critical: Count | None
    other: Count | None
    optional: Count | None
    max_age_days: Count | None
    items: Annotated[list[PendingItem], Field(max_length=30)] | None


class Esu(Part, total=False):
    """Extended security updates of Windows 10, with what proves them."""

    state: EsuState | None
    evidence: EsuEvidence | None


class App(Part, total=False):
    """A product of the agent's allow-list; the full list of software is never sent."""

    slug: Required[Slug]
    version: Version | None


class PatchData(Part, total=False):
    """State of updates. ``index_age_s`` is the age of the package lists, rounded to days."""

    manager: PatchManager | None
    last_search_ok_at: Timestamp | None
    index_age_s: Count | None
    last_os_install_at: Timestamp | None
    pending: Pending | None
    auto_update: AutoUpdate | None
    managed_by: ManagedBy | None
    paused_until: Timestamp | None
    esu: Esu | None
    apps: Annotated[list[App], Field(max_length=64)] | None


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


class Disk(Part, total=False):
    """A physical disk; wear in steps of 5 %, hours in steps of 1,000, so that quiet hours stay quiet."""

    kind: DiskKind | None
    health: DiskHealth | None
    wear_pct: Annotated[Count, Field(le=255)] | None
    hours: Count | None
    flags: Annotated[list[DiskFlag], Field(max_length=16)] | None


class Volume(Part, total=False):
    """A fixed volume, named by its role; its mount point and label stay on the machine."""

    role: Required[VolumeRole]
    total_gib: Count | None
    free_gib: Count | None
    free_level: FreeLevel | None


class StorageData(Part, total=False):
    """Disks and free space."""

    disks: Annotated[list[Disk], Field(max_length=32)] | None
    volumes: Annotated[list[Volume], Field(max_length=32)] | None
    raid: RaidState | None


class StorageSection(Section):
    """Section `storage`."""

    data: StorageData | None


Ups = Annotated[Slug, known("present", "absent", "unknown")]
PowerSource = Annotated[Slug, known("nut", "apcupsd", "windows_hid", "macos", "none")]


class PowerData(Part, total=False):
    """The uninterruptible supply; charge in steps of 10 %, runtime in steps of 60 s."""

    ups: Ups | None
    source: PowerSource | None
    on_mains: Tri | None
    charge_pct: Percent | None
    runtime_s: Count | None
    battery_replace: Tri | None
    laptop_battery: Tri | None


class PowerSection(Section):
    """Section `power`."""

    data: PowerData | None
