"""Words the rules speak: facts about a device, findings, the calendar, and the policy with its default thresholds.

Instants are timezone-aware UTC. Reports carry whole seconds, so a bound that is still inside a state ("at most 26 h")
ends one second later: a finding holds while ``now < valid_until`` and has changed at ``valid_until``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, Protocol, Self

from vigie.core.sentences import BadValueError
from vigie.practices.calendar import slot_after

State = Literal["pass", "warn", "fail", "unknown", "not_applicable"]
"""State of a control. ``unknown`` is never shown as ``pass``."""

Section = Mapping[str, Any]
"""A stored section of a heartbeat: ``{"v", "status", "collected_at", "source", "ttl_s", "errors", "data"}``."""

_SLUG = re.compile(r"[a-z0-9_]{1,32}")  # what the heartbeat calls a slug (docs/protocol.md §3)

TICK = timedelta(seconds=1)
"""Resolution of every instant in a report (docs/protocol.md)."""


@dataclass(frozen=True, slots=True)
class BackupRun:
    """A finished run of a backup job: ``status`` as in the heartbeat, ``bytes`` written or read, null when not told."""

    job: str
    status: str
    ended_at: datetime
    bytes: int | None


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What is known of one device when it is assessed.

    ``seen_at`` is the last heartbeat that vouched for the sections: a quiet heartbeat confirms them without sending them.
    ``runs`` come newest first, at most seven per job. ``first_seen`` tells since when a flag that carries no date of its
    own has been true, as the server remembers it, by ``reboot_required`` and ``encryption_suspended``.
    """

    family: str
    role: str
    enrolled_at: datetime
    seen_at: datetime
    sections: Mapping[str, Section]
    runs: Sequence[BackupRun] = ()
    first_seen: Mapping[str, datetime] = field(default_factory=dict)


class Finding(NamedTuple):
    """The state of one control; immutable, and a tuple because twelve are made for each report that changed.

    ``reason`` is a stable code (``catalogue/reasons.yaml`` has the sentences), ``evidence`` names what was read,
    ``threshold`` what it was measured against; both are small, JSON-able and free of personal data. ``valid_until`` is the
    instant at which the verdict changes although nothing new is reported; None: never by itself.
    """

    control: str
    state: State
    reason: str
    evidence: Mapping[str, Any]
    threshold: Mapping[str, Any]
    valid_until: datetime | None


class Calendar(Protocol):
    """Opening days of a practice. A day on which it opens counts 24 hours, any other day none.

    So "26 h" survives a week-end and three weeks of August: ages are counted in opening days where the catalogue says so
    (controls ANS-5.1 and ANS-5.11, and the freshness of reports).
    """

    def elapse(self, start: datetime, amount: timedelta) -> datetime:
        """Return the instant at which ``amount`` of open time has passed since ``start``."""
        ...

    def open_between(self, start: datetime, end: datetime) -> timedelta:
        """Return the open time between two instants."""
        ...

    def next_expected(self, after: datetime, slot_s: int, interval_s: int) -> datetime:
        """Return the first instant after another at which a device with this slot is expected to report."""
        ...

    def is_open(self, at: datetime) -> bool:
        """Whether somebody may be there at an instant."""
        ...


class AlwaysOpen:
    """The calendar of a practice that told no opening hours: time simply passes."""

    def elapse(self, start: datetime, amount: timedelta) -> datetime:
        """Return ``start + amount``."""
        return start + amount

    def open_between(self, start: datetime, end: datetime) -> timedelta:
        """Return the time between two instants, never negative."""
        return max(end - start, timedelta(0))

    def next_expected(self, after: datetime, slot_s: int, interval_s: int) -> datetime:
        """Return the next slot: devices are expected at any hour."""
        return slot_after(after, slot_s, interval_s)

    def is_open(self, at: datetime) -> bool:  # noqa: ARG002 - any instant is as good as another
        """Return true at any instant."""
        return True


ALWAYS_OPEN: Calendar = AlwaysOpen()


class PolicyError(BadValueError):
    """A policy that cannot be applied: unknown key, not a positive integer, or bounds in the wrong order."""

    def __init__(self, english: str, french: str = "Cette politique ne peut pas s'appliquer.") -> None:
        super().__init__(english, french)


def _check_ordered(section: object, *pairs: tuple[str, str]) -> None:
    """Refuse bounds that would leave a state no room."""
    for lower, upper in pairs:
        if getattr(section, lower) > getattr(section, upper):
            raise PolicyError(f"{lower} must not exceed {upper}", f"{lower} ne dépasse pas {upper}.")


@dataclass(frozen=True, slots=True)
class FreshnessPolicy:
    """How long a report speaks for its device (domain controls, evaluation conventions)."""

    fresh_hours: int = 24
    stale_days: int = 7

    def __post_init__(self) -> None:
        """Check the order of the bounds."""
        if self.fresh_hours > self.stale_days * 24:
            raise PolicyError("fresh_hours must not exceed stale_days", "fresh_hours ne dépasse pas stale_days.")


@dataclass(frozen=True, slots=True)
class PatchPolicy:
    """Thresholds of rule 2.1 to 2.5. ``*_pass_days`` and ``*_warn_days`` are the last whole day inside the state."""

    support_notice_days: int = 90
    support_evidence_days: int = 62
    security_pass_days: int = 14
    security_warn_days: int = 30
    reboot_warn_from_days: int = 3
    reboot_fail_from_days: int = 7
    search_pass_days: int = 7
    search_warn_days: int = 14
    pause_warn_days: int = 14
    software_pass_days: int = 30
    software_warn_days: int = 90

    def __post_init__(self) -> None:
        """Check the order of the bounds."""
        _check_ordered(
            self,
            ("security_pass_days", "security_warn_days"),
            ("reboot_warn_from_days", "reboot_fail_from_days"),
            ("search_pass_days", "search_warn_days"),
            ("software_pass_days", "software_warn_days"),
        )


@dataclass(frozen=True, slots=True)
class BackupPolicy:
    """Thresholds of rule 5.1 to 5.7. Days are whole elapsed days, the bound itself still inside the state."""

    recent_pass_hours: int = 26
    recent_warn_days: int = 7
    failures_fail: int = 2
    shrink_percent: int = 50
    shrink_history_days: int = 30
    restore_months: int = 12
    restore_missing_warn: int = 2
    offsite_pass_days: int = 7
    offsite_warn_days: int = 14
    immutable_pass_days: int = 7
    immutable_warn_days: int = 31
    restore_test_pass_days: int = 90
    restore_test_warn_days: int = 180

    def __post_init__(self) -> None:
        """Check the order of the bounds."""
        _check_ordered(
            self,
            ("offsite_pass_days", "offsite_warn_days"),
            ("immutable_pass_days", "immutable_warn_days"),
            ("restore_missing_warn", "restore_months"),
            ("restore_test_pass_days", "restore_test_warn_days"),
        )
        if self.recent_pass_hours > self.recent_warn_days * 24:
            raise PolicyError(
                "recent_pass_hours must not exceed recent_warn_days",
                "recent_pass_hours ne dépasse pas recent_warn_days.",
            )


@dataclass(frozen=True, slots=True)
class EquipmentPolicy:
    """Thresholds of rule 5.11 (days a device may stay unseen) and 5.12 (free space, percent of the volume)."""

    unseen_pass_days: int = 7
    unseen_warn_days: int = 30
    free_warn_percent: int = 10
    free_pass_percent: int = 15

    def __post_init__(self) -> None:
        """Check the order of the bounds."""
        _check_ordered(self, ("unseen_pass_days", "unseen_warn_days"), ("free_warn_percent", "free_pass_percent"))


@dataclass(frozen=True, slots=True)
class ProtectionPolicy:
    """Thresholds of rule 1.5 (encryption) and 2.7 (signatures). Days are whole elapsed days.

    ``encryption_reach``: 1, an open disk fails on what can be carried off; 2, it fails on every device.
    ``signatures_settle_hours``: how long a machine may take, once switched on, to fetch what it missed while it was off.
    """

    encryption_reach: int = 1
    encryption_suspended_hours: int = 72
    signatures_pass_days: int = 3
    signatures_warn_days: int = 7
    signatures_settle_hours: int = 2

    def __post_init__(self) -> None:
        """Check the order of the bounds."""
        _check_ordered(self, ("signatures_pass_days", "signatures_warn_days"))
        if self.encryption_reach not in {1, 2}:
            raise PolicyError("encryption_reach must be 1 or 2", "encryption_reach vaut 1 ou 2.")


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """Thresholds of rule 2.9 to 2.12 (sessions, passwords, administrators) and 3.2 (accounts nobody uses).

    Lengths in characters, each the least that is enough: with complexity, alone, and with both complexity and a lockout
    after at most ``lockout_attempts`` (the three cases of the CNIL recommendation 2022-100).
    """

    lock_pass_s: int = 900
    lock_warn_s: int = 1800
    password_length: int = 12
    password_alone_length: int = 14
    password_limited_length: int = 8
    lockout_attempts: int = 10
    admins_pass: int = 2
    admins_fail_from: int = 4
    idle_pass_days: int = 90
    idle_warn_days: int = 180

    def __post_init__(self) -> None:
        """Check the order of the bounds."""
        _check_ordered(
            self,
            ("lock_pass_s", "lock_warn_s"),
            ("password_limited_length", "password_length"),
            ("password_length", "password_alone_length"),
            ("admins_pass", "admins_fail_from"),
            ("idle_pass_days", "idle_warn_days"),
        )


@dataclass(frozen=True, slots=True)
class ExposurePolicy:
    """The remote-control tools a practice agreed to (rule 9.7), by the slugs of the heartbeat; None: nobody said."""

    remote_tools_allowed: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RecordsPolicy:
    """Thresholds of rule 9.2 to 9.5 and 10.2, in calendar months since a signature or a confirmation, bound included.

    ``*_notice_days``: how many whole days before its last day a contract (8.1) or a certificate (8.5) is called to mind.
    """

    questionnaire_pass_months: int = 12
    questionnaire_warn_months: int = 15
    contacts_pass_months: int = 6
    contacts_warn_months: int = 12
    contract_notice_days: int = 60
    certificate_notice_days: int = 60

    def __post_init__(self) -> None:
        """Check the order of the bounds."""
        _check_ordered(
            self,
            ("questionnaire_pass_months", "questionnaire_warn_months"),
            ("contacts_pass_months", "contacts_warn_months"),
        )


@dataclass(frozen=True, slots=True)
class SilencePolicy:
    """When a device that is not heard counts as silent: missed reports in a row, all within the opening hours.

    A laptop travels: it may stay away for ``laptop_days`` opening days, and is silent with the next report it misses after them.
    """

    workstation_slots: int = 2
    server_slots: int = 2
    laptop_days: int = 5


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds applied to a practice; the defaults are those of the catalogue's sources, graded there."""

    freshness: FreshnessPolicy = FreshnessPolicy()
    patch: PatchPolicy = PatchPolicy()
    backup: BackupPolicy = BackupPolicy()
    equipment: EquipmentPolicy = EquipmentPolicy()
    protection: ProtectionPolicy = ProtectionPolicy()
    access: AccessPolicy = AccessPolicy()
    exposure: ExposurePolicy = ExposurePolicy()
    records: RecordsPolicy = RecordsPolicy()
    silence: SilencePolicy = SilencePolicy()

    @classmethod
    def from_mapping(cls, overrides: Mapping[str, Mapping[str, int | Sequence[str]]], base: Self | None = None) -> Self:
        """Build a policy from ``{"patch": {"security_pass_days": 10}, …}``, ``base`` (the defaults) for what is not named.

        Raises `PolicyError` on an unknown family or key, on anything but a positive integer (a list of slugs for
        ``remote_tools_allowed``), and on bounds in the wrong order: a threshold silently ignored would be a wrong verdict.
        """
        policy = base or cls()
        families: dict[str, Any] = {}
        known = {item.name for item in fields(cls)}
        for family, values in overrides.items():
            if family not in known:
                raise PolicyError(f"unknown family: {family}")
            families[family] = _override(getattr(policy, family), family, values)
        return replace(policy, **families)


def _override(section: Any, family: str, values: Mapping[str, int | Sequence[str]]) -> Any:
    """Return a family of thresholds with some replaced; the constructor checks their order."""
    if not isinstance(values, Mapping):
        raise PolicyError(f"{family} must be an object")
    known = {item.name: item.type for item in fields(section)}
    changes: dict[str, int | tuple[str, ...]] = {}
    for key, value in values.items():
        if key not in known:
            raise PolicyError(f"unknown threshold: {family}.{key}")
        changes[key] = _slugs(family, key, value) if known[key] is not int else _positive(family, key, value)
    return replace(section, **changes)


def _positive(family: str, key: str, value: object) -> int:
    if type(value) is not int or value < 1:
        raise PolicyError(f"{family}.{key} must be a positive integer")
    return value


def _slugs(family: str, key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(
        isinstance(item, str) and _SLUG.fullmatch(item) for item in value
    ):
        raise PolicyError(f"{family}.{key} must be a list of slugs")
    return tuple(sorted(set(value)))
