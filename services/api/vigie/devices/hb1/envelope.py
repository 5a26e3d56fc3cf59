"""The heartbeat itself: envelope, vitals, sections, backup events (docs/protocol.md §3)."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints, with_config
from typing_extensions import TypedDict

from vigie.devices.hb1.section import Part
from vigie.devices.hb1.sections_practice import (
    AgentHealthSection,
    BackupSection,
    BackupTarget,
    BackupToolName,
    HealthCardSection,
)
from vigie.devices.hb1.sections_protection import (
    AccountsSection,
    AntivirusSection,
    EncryptionSection,
    ExposureSection,
    FirewallSection,
    ScreenLockSection,
)
from vigie.devices.hb1.sections_system import OsSection, PatchSection, PowerSection, StorageSection
from vigie.devices.hb1.values import MAX_INTEGER, Count, JobSlug, SignedInt, Timestamp, Tri


class Agent(Part):
    """Which agent speaks."""

    version: Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+[a-z0-9.+-]{0,16}$", max_length=64)]
    build: Annotated[
        str,
        StringConstraints(pattern="^[a-z0-9][a-z0-9-]{0,31}$"),
        Field(
            json_schema_extra={"x-known-values": ["win-x64", "win-arm64", "mac-pkg", "deb", "rpm", "pyz", "simulated"]}
        ),
    ]


class Vitals(Part):
    """What changes every hour and therefore stands in no digest. Seconds, milliseconds, milliseconds."""

    uptime_s: Count
    run_ms: Count
    clock_offset_ms: SignedInt | None = None


class BackupEvent(Part):
    """One result reported by a backup hook; the pair (``job``, ``ended_at``) names it."""

    job: JobSlug
    status: Literal["started", "ok", "warning", "failed", "cancelled"]
    ended_at: Timestamp
    started_at: Timestamp | None = None
    bytes: Count | None = None
    files: Count | None = None
    exit_code: SignedInt | None = None
    target: BackupTarget | None = None
    tool: BackupToolName | None = None
    encrypted: Tri | None = None
    immutable: Tri | None = None
    restore_tested_at: Timestamp | None = None


@with_config(ConfigDict(extra="forbid", strict=True))
class Sections(TypedDict, total=False):
    """The sections that a heartbeat carries: those that changed, or all of them."""

    os: OsSection
    patch: PatchSection
    antivirus: AntivirusSection
    firewall: FirewallSection
    encryption: EncryptionSection
    screen_lock: ScreenLockSection
    accounts: AccountsSection
    backup: BackupSection
    storage: StorageSection
    power: PowerSection
    exposure: ExposureSection
    health_card: HealthCardSection
    agent_health: AgentHealthSection


SECTION_NAMES: frozenset[str] = frozenset(Sections.__annotations__)
"""The thirteen names a heartbeat may use in ``sections``."""


class Heartbeat(Part):
    """One report of one device. Immutable; build it with `parse_heartbeat`."""

    schema_: Literal["hb/1"] = Field(alias="schema")
    sequence: Annotated[int, Field(ge=1, le=MAX_INTEGER)]
    sent_at: Timestamp
    agent: Agent
    boot_ref: Annotated[str, StringConstraints(pattern="^[0-9a-f]{8}$")]
    ran_at: Annotated[tuple[Timestamp, ...], Field(max_length=72)]
    vitals: Vitals
    state_digest: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{22}$")]
    sections: Sections
    backup_events: Annotated[tuple[BackupEvent, ...], Field(max_length=50)]
