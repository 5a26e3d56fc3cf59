"""Sections about what the practice lives by: `backup`, `health_card`, and the agent's own `agent_health`."""

from typing import Annotated, Required

from pydantic import Field

from vigie.devices.hb1.known import known
from vigie.devices.hb1.section import Part, Section
from vigie.devices.hb1.values import Count, JobSlug, Month, SignedInt, Slug, Timestamp, Tri, Version

BackupToolName = Annotated[
    Slug,
    known(
        "windows_server_backup", "windows_backup", "file_history", "time_machine", "veeam_agent", "veeam_br", "acronis",
        "macrium", "cobian", "duplicati", "active_backup", "hyper_backup", "urbackup", "proxmox", "restic", "borg",
        "borgmatic", "kopia", "rclone", "rsnapshot", "duplicity", "rdiff_backup", "backintime", "timeshift", "bacula",
        "arx_one", "cove", "redstor", "other", "unknown",
    ),
]  # fmt: skip
BackupTarget = Annotated[Slug, known("local", "usb", "nas", "server", "offsite", "cloud", "unknown")]
LastStatus = Annotated[Slug, known("ok", "warning", "failed", "cancelled", "running", "never", "unknown")]


class BackupTool(Part, total=False):
    """A backup product seen on the machine; present without a readable job is not a backup."""

    tool: Required[BackupToolName]
    present: Tri | None
    version: Version | None
    readable: Tri | None


class BackupJob(Part, total=False):
    """What can be read now of one job. ``restore_months``: sorted months that hold a restore point."""

    job: Required[JobSlug]
    origin: Annotated[Slug, known("hook", "observed")] | None
    tool: BackupToolName | None
    last_status: LastStatus | None
    last_end_at: Timestamp | None
    last_ok_at: Timestamp | None
    duration_s: Count | None
    bytes: Count | None
    files: Count | None
    target: BackupTarget | None
    offsite: Tri | None
    encrypted: Tri | None
    immutable: Tri | None
    restore_tested_at: Timestamp | None
    exit_code: SignedInt | None
    restore_months: Annotated[list[Month], Field(max_length=24)] | None


class BackupData(Part, total=False):
    """Backups; ``sync_only`` says that only a synchronisation was found, which is none."""

    tools: Annotated[list[BackupTool], Field(max_length=32)] | None
    jobs: Annotated[list[BackupJob], Field(max_length=20)] | None
    sync_only: Tri | None


class BackupSection(Section):
    """Section `backup`."""

    data: BackupData | None


class Cryptolib(Part, total=False):
    """The library of the health professional's card."""

    present: Tri | None
    version: Version | None


class HealthCardData(Part, total=False):
    """Software and readers for the health card; the card itself is never opened."""

    cryptolib: Cryptolib | None
    minidriver: Tri | None
    readers: Count | None
    service: Annotated[Slug, known("running", "triggered", "disabled", "absent", "unknown")] | None


class HealthCardSection(Section):
    """Section `health_card`."""

    data: HealthCardData | None


class Collector(Part, total=False):
    """One collector of the agent; ``ms`` in steps of 100."""

    name: Required[Slug]
    ok: bool | None
    ms: Count | None
    last_ok_at: Timestamp | None


class AgentUpdate(Part, total=False):
    """The agent's own update."""

    channel: Annotated[Slug, known("package", "manual", "none")] | None
    pending_version: Version | None
    last_result: Annotated[Slug, known("none", "ok", "failed", "unknown")] | None


class Spool(Part, total=False):
    """What waits on the machine to be delivered."""

    events: Count | None
    heartbeats: Count | None


class AgentHealthData(Part, total=False):
    """How the agent itself fares; ``fda`` is macOS's Full Disk Access."""

    collectors: Annotated[list[Collector], Field(max_length=32)] | None
    update: AgentUpdate | None
    spool: Spool | None
    fda: Annotated[Slug, known("granted", "denied", "unknown")] | None


class AgentHealthSection(Section):
    """Section `agent_health`."""

    data: AgentHealthData | None
