"""The controls that the reports of one device decide, and which of them a changed section touches."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from vigie.posture.rules import (
    accounts,
    antivirus,
    backup,
    copies,
    encryption,
    equipment,
    exposure,
    firewall,
    patch,
    restore,
    sessions,
    support,
)
from vigie.posture.rules.freshness import Caps
from vigie.posture.rules.lifecycle import Lifecycle
from vigie.posture.rules.model import Calendar, DeviceFacts, Finding, Policy

Assess = Callable[[DeviceFacts, Policy, Calendar, Lifecycle, datetime], Finding]


@dataclass(frozen=True, slots=True)
class DeviceControl:
    """A control of one device: the sections it reads, and the pure function that judges it."""

    reads: frozenset[str]
    assess: Assess


_BACKUP = frozenset({"backup"})
_PATCH = frozenset({"patch"})
_ANTIVIRUS = frozenset({"antivirus"})
_ACCOUNTS = frozenset({"accounts"})
_EXPOSURE = frozenset({"exposure"})
_OS = frozenset({"os"})

DEVICE_CONTROLS: Mapping[str, DeviceControl] = {
    "ANS-1.5": DeviceControl(frozenset({"encryption"}) | _OS, encryption.assess_encryption),
    "ANS-2.1": DeviceControl(frozenset({"os", "patch"}), support.assess_system_support),
    "ANS-2.2": DeviceControl(_PATCH, patch.assess_security_updates),
    "ANS-2.3": DeviceControl(frozenset({"os"}), patch.assess_restart),
    "ANS-2.4": DeviceControl(_PATCH, patch.assess_auto_update),
    "ANS-2.5": DeviceControl(_PATCH, support.assess_software),
    "ANS-2.6": DeviceControl(_ANTIVIRUS, antivirus.assess_antivirus),
    "ANS-2.7": DeviceControl(_ANTIVIRUS | _OS, antivirus.assess_signatures),
    "ANS-2.8": DeviceControl(frozenset({"firewall"}), firewall.assess_firewall),
    "ANS-2.9": DeviceControl(frozenset({"screen_lock"}), sessions.assess_screen_lock),
    "ANS-2.10": DeviceControl(_ACCOUNTS | _OS, accounts.assess_password_policy),
    "ANS-2.11": DeviceControl(_ACCOUNTS, accounts.assess_open_accounts),
    "ANS-2.12": DeviceControl(_ACCOUNTS, accounts.assess_administrators),
    "ANS-2.16": DeviceControl(_EXPOSURE, exposure.assess_remote_desktop),
    "ANS-3.2": DeviceControl(_ACCOUNTS, accounts.assess_idle_accounts),
    "ANS-3.7": DeviceControl(_EXPOSURE, exposure.assess_shares),
    "ANS-5.1": DeviceControl(_BACKUP, backup.assess_recent_backup),
    "ANS-5.2": DeviceControl(_BACKUP, backup.assess_clean_runs),
    "ANS-5.3": DeviceControl(_BACKUP, copies.assess_restore_months),
    "ANS-5.4": DeviceControl(_BACKUP, copies.assess_offsite_copy),
    "ANS-5.5": DeviceControl(_BACKUP, copies.assess_immutable_copy),
    "ANS-5.6": DeviceControl(_BACKUP, copies.assess_encrypted_copies),
    "ANS-5.7": DeviceControl(_BACKUP, restore.assess_restored_jobs),
    "ANS-5.12": DeviceControl(frozenset({"storage"}), equipment.assess_equipment),
    "ANS-9.7": DeviceControl(_EXPOSURE, exposure.assess_remote_tools),
}
"""Control id → what it reads and how it is judged. Ids are ours (the source numbers its rules, not its points)."""

ALSO_ON_RECORD: frozenset[str] = frozenset({"ANS-5.7"})
"""Of these, the ones of which records that people keep speak as well: a restore that was tried by hand."""

CONTROLS_READING: Mapping[str, frozenset[str]] = {
    section: frozenset(control for control, entry in DEVICE_CONTROLS.items() if section in entry.reads)
    for section in sorted(frozenset().union(*(entry.reads for entry in DEVICE_CONTROLS.values())))
}
"""Section → controls to assess again when it changes. New backup runs touch the controls that read ``backup``."""


def assess_device(
    facts: DeviceFacts,
    policy: Policy,
    calendar: Calendar,
    lifecycle: Lifecycle,
    now: datetime,
    controls: Iterable[str] | None = None,
) -> list[Finding]:
    """Judge a device: one finding per control, capped by the age of the report that vouches for it.

    ``controls`` limits the work to some control ids (those in `CONTROLS_READING` for what changed); None judges all. An
    unknown id is a `KeyError`.
    """
    caps = Caps(facts.seen_at, policy.freshness, calendar)
    return [
        caps.apply(DEVICE_CONTROLS[name].assess(facts, policy, calendar, lifecycle, now), now)
        for name in (DEVICE_CONTROLS if controls is None else controls)
    ]
