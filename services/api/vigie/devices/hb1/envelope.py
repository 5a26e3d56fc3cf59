"""The heartbeat itself: envelope, vitals, sections, backup events (docs/protocol.md §3)."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired, Required, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from vigie.devices.hb1.section import Part, refuse_contradiction
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
    clock_offset_ms: NotRequired[SignedInt | None]


_AGREES = AfterValidator(refuse_contradiction)


class BackupEvent(Part, total=False):
    """One result reported by a backup hook; the pair (``job``, ``ended_at``) names it."""

    job: Required[JobSlug]
    status: Required[Literal["started", "ok", "warning", "failed", "cancelled"]]
    ended_at: Required[Timestamp]
    started_at: Timestamp | None
    bytes: Count | None
    files: Count | None
    exit_code: SignedInt | None
    target: BackupTarget | None
    tool: BackupToolName | None
    encrypted: Tri | None
    immutable: Tri | None
    restore_tested_at: Timestamp | None


class Sections(Part, total=False):
    """The sections that a heartbeat carries: those that changed, or all of them."""

    os: Annotated[OsSection, _AGREES]
    patch: Annotated[PatchSection, _AGREES]
    antivirus: Annotated[AntivirusSection, _AGREES]
    firewall: Annotated[FirewallSection, _AGREES]
    encryption: Annotated[EncryptionSection, _AGREES]
    screen_lock: Annotated[ScreenLockSection, _AGREES]
    accounts: Annotated[AccountsSection, _AGREES]
    backup: Annotated[BackupSection, _AGREES]
    storage: Annotated[StorageSection, _AGREES]
    power: Annotated[PowerSection, _AGREES]
    exposure: Annotated[ExposureSection, _AGREES]
    health_card: Annotated[HealthCardSection, _AGREES]
    agent_health: Annotated[AgentHealthSection, _AGREES]


SECTION_NAMES: frozenset[str] = frozenset(Sections.__annotations__)
"""The thirteen names a heartbeat may use in ``sections``."""


class Heartbeat(BaseModel):
    """One report of one device. Immutable; build it with `parse_heartbeat`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_: Literal["hb/1"] = Field(alias="schema")
    sequence: Annotated[int, Field(ge=1, le=MAX_INTEGER)]
    sent_at: Timestamp
    agent: Agent
    boot_ref: Annotated[str, StringConstraints(pattern="^[0-9a-f]{8}$")]
    ran_at: Annotated[list[Timestamp], Field(max_length=72)]
    vitals: Vitals
    state_digest: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{22}$")]
    sections: Sections
    backup_events: Annotated[list[BackupEvent], Field(max_length=50)]

    @property
    def sections_by_name(self) -> Mapping[str, Mapping[str, Any]]:
        """The sections for whoever treats them all alike: what `Section` has, and ``data``."""
        return cast("Mapping[str, Mapping[str, Any]]", self.sections)
