"""Sections about what the practice lives by: `backup`, `health_card`, and the agent's own `agent_health`."""

from typing import Annotated

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


class BackupTool(Part):
    """A backup product seen on the machine; present without a readable job is not a backup."""

    tool: BackupToolName
    present: Tri | None = None
    version: Version | None = None
    readable: Tri | None = None


class BackupJob(Part):
    """What can be read now of one job. ``restore_months``: sorted months that hold a restore point."""

    job: JobSlug
    origin: Annotated[Slug, known("hook", "observed")] | None = None
    tool: BackupToolName | None = None
    last_status: LastStatus | None = None
    last_end_at: Timestamp | None = None
    last_ok_at: Timestamp | None = None
    duration_s: Count | None = None
    bytes: Count | None = None
    files: Count | None = None
    target: BackupTarget | None = None
    offsite: Tri | None = None
    encrypted: Tri | None = None
    immutable: Tri | None = None
    restore_tested_at: Timestamp | None = None
    exit_code: SignedInt | None = None
    restore_months: Annotated[tuple[Month, ...], Field(max_length=24)] | None = None


class BackupData(Part):
    """Backups; ``sync_only`` says that only a synchronisation was found, which is none."""

    tools: Annotated[tuple[BackupTool, ...], Field(max_length=32)] | None = None
    jobs: Annotated[tuple[BackupJob, ...], Field(max_length=20)] | None = None
    sync_only: Tri | None = None


class BackupSection(Section):
    """Section `backup`."""

    data: BackupData | None


class Cryptolib(Part):
    """The library of the health professional's card."""

    present: Tri | None = None
    version: Version | None = None


class HealthCardData(Part):
    """Software and readers for the health card; the card itself is never opened."""

    cryptolib: Cryptolib | None = None
    minidriver: Tri | None = None
    readers: Count | None = None
    service: Annotated[Slug, known("running", "triggered", "disabled", "absent", "unknown")] | None = None


class HealthCardSection(Section):
    """Section `health_card`."""

    data: HealthCardData | None


class Collector(Part):
    """One collector of the agent; ``ms`` in steps of 100."""

    name: Slug
    ok: bool | None = None
    ms: Count | None = None
    last_ok_at: Timestamp | None = None


class AgentUpdate(Part):
    """The agent's own update."""

    channel: Annotated[Slug, known("package", "manual", "none")] | None = None
    pending_version: Version | None = None
    last_result: Annotated[Slug, known("none", "ok", "failed", "unknown")] | None = None


class Spool(Part):
    """What waits on the machine to be delivered."""

    events: Count | None = None
    heartbeats: Count | None = None


class AgentHealthData(Part):
    """How the agent itself fares; ``fda`` is macOS's Full Disk Access."""

    collectors: Annotated[tuple[Collector, ...], Field(max_length=32)] | None = None
    update: AgentUpdate | None = None
    spool: Spool | None = None
    fda: Annotated[Slug, known("granted", "denied", "unknown")] | None = None


class AgentHealthSection(Section):
    """Section `agent_health`."""

    data: AgentHealthData | None
