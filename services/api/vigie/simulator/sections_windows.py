"""Healthy sections of a Windows machine, client or server."""

from datetime import datetime, timedelta
from typing import Any

from vigie.simulator.course import Updates, boot_time, last_at_second, months_since_2025, oldest_age_days
from vigie.simulator.machines import Facts, Machine, section, stamp

_ITEMS_SHOWN = 30
_LEVELS = ((15, "ok"), (5, "low"))


def windows_facts(machine: Machine, at: datetime, found: Updates) -> Facts:
    """Return every section but `backup` of a machine in order."""
    server = machine.profile.role == "server"
    return {
        "os": windows_os(machine, at, found),
        "patch": windows_patch(machine, found),
        "antivirus": _antivirus(machine, at, server=server),
        "firewall": section(
            {
                "engine": "windows",
                "service_running": "yes",
                "profiles": [
                    {"name": name, "enabled": "yes", "inbound_default": "block"}
                    for name in ("domain", "private", "public")
                ],
                "active_category": "private",
                "stealth": "unknown",
            },
            "cim",
        ),
        "encryption": _encryption(machine),
        "screen_lock": section(
            {
                "machine_timeout_s": 900,
                "machine_policy": "yes",
                "users": {"seen": 1, "compliant": 1, "no_password": 0},
                "effective": "enforced",
            },
            "registry",
            21600,
        ),
        "accounts": _accounts(machine),
        "storage": storage(machine, at, ("ssd", "ssd") if server else ("nvme",)),
        "power": power(machine),
        "exposure": _exposure(machine, server=server),
        "health_card": _health_card(server=server),
        "agent_health": agent_health(machine),
    }


def windows_os(machine: Machine, at: datetime, found: Updates) -> dict[str, Any]:
    """Return the `os` section: the revision follows what is installed."""
    profile = machine.profile
    return section(
        {
            **profile.system,
            "ubr": profile.base_ubr + 57 * found.installed,
            "boot_at": stamp(boot_time(machine, at)),
            "reboot_required": {"value": "no", "strong_sources": [], "file_rename": "no"},
        },
        "registry",
    )


def windows_patch(machine: Machine, found: Updates) -> dict[str, Any]:
    """Return the `patch` section of Windows Update."""
    items = [
        {
            "kb": str(5050000 + months_since_2025(released_at) * 811 + machine.profile.base_ubr % 97),
            "class": "security",
            "severity": "important",
            "released_on": released_at.date().isoformat(),
            "reboot": "may",
            "downloaded": "yes",
        }
        for released_at in found.missing[-_ITEMS_SHOWN:]
    ]
    return section(
        {
            "manager": "windows_update",
            "last_search_ok_at": stamp(found.searched_at),
            "last_os_install_at": stamp(found.installed_at) if found.installed_at else None,
            "pending": {
                "security": len(found.missing),
                "critical": 0,
                "other": 1 if found.missing else 0,
                "optional": 1,
                "max_age_days": oldest_age_days(found.missing, found.searched_at),
                "items": items,
            },
            "auto_update": "enabled",
            "managed_by": "none",
            "paused_until": None,
            "esu": {"state": machine.profile.esu, "evidence": "ubr"} if machine.profile.esu else None,
            "apps": _apps(machine),
        },
        "wua+registry",
        86400,
    )


def _apps(machine: Machine) -> list[dict[str, Any]]:
    """Return the office suite of every second workstation, as old as its system."""
    if machine.profile.role == "server" or machine.number % 2:
        return []
    current = machine.profile.last_update is None and machine.profile.esu is None
    return [{"slug": "office_2024" if current else "office_2016", "version": "16.0.17928"}]


def _antivirus(machine: Machine, at: datetime, *, server: bool) -> dict[str, Any]:
    signed_at = last_at_second(at, 4 * 3600 + machine.number % 3600)
    signed_at -= timedelta(days=signed_at.weekday())  # told weekly, so that the section does not change every day
    defender = server or machine.number % 3 != 0
    product = {
        "name": "windows_defender" if defender else "eset",
        "vendor_owned": "yes" if defender else "no",
        "state": "on",
        "signatures": "up_to_date",
        "engine_date": stamp(signed_at),
    }
    return section(
        {
            "products": [product],
            "realtime": "yes",
            "tamper_protected": "yes",
            "signature_age_days": 0,
            "running_mode": "normal",
            "last_quick_scan_days": 1,
            "exclusions": {"paths": machine.number % 4, "extensions": 0, "processes": 1, "whole_drive": "no"},
        },
        "defender" if server else "securitycenter+defender",
    )


def _encryption(machine: Machine) -> dict[str, Any]:
    return section(
        {
            "volumes": [
                {"role": "os", "state": "on", "method": "xts_aes_128", "protectors": ["recovery_password", "tpm"]}
            ],
            "tpm": {"present": "yes", "version": "2.0"},
            "secure_boot": "no" if machine.profile.kind == "windows_server_2016" else "yes",
        },
        "cim",
        21600,
    )


def _accounts(machine: Machine) -> dict[str, Any]:
    return section(
        {
            "scope": "local",
            "policy": {
                "min_length": 12,
                "max_age_days": None,
                "history": 5,
                "lockout_threshold": 10,
                "lockout_s": 600,
                "complexity": "yes",
            },
            "admins": {"local": 1 + machine.number % 2, "domain": 0, "entra": 0, "unresolved": 0},
            "builtin_admin_enabled": "no",
            "guest_enabled": "no",
            "autologon": "no",
            "daily_user_is_admin": "no",
            "passwordless_allowed": 0,
            "uac": "yes",
            "sign_ins": {
                "accounts": 1 + machine.number % 3,
                "unseen": 0,
                "longest_idle_days": 10 + machine.number % 5 * 10,
            },
        },
        "netapi+registry",
        86400,
    )


def _exposure(machine: Machine, *, server: bool) -> dict[str, Any]:
    return section(
        {
            "rdp": {"enabled": "no", "nla": "yes", "default_port": "yes"},
            "smb1": {"server": "no", "client": "no"},
            "smb_signing": "yes",
            "ports": {"watched": [135, 139, 445], "other_count": 9 + machine.number % 7},
            "shares": {"count": 3 if server else 0, "everyone_write": "no"},
            "wifi": {"connected": "no"},
            "remote_tools": [],
        },
        "registry+iphlpapi",
        21600,
    )


def _health_card(*, server: bool) -> dict[str, Any]:
    if server:
        return section(None, "files", 86400, status="absent")
    return section(
        {
            "cryptolib": {"present": "yes", "version": "5.2.6"},
            "minidriver": "yes",
            "readers": 1,
            "service": "triggered",
        },
        "files+pnp",
        86400,
    )


def storage(machine: Machine, at: datetime, kinds: tuple[str, ...]) -> dict[str, Any]:
    """Return the `storage` section: a little less room every week, until someone tidies up."""
    free = machine.free_gib - whole_weeks(machine, at) % 10
    hours = (4000 + machine.number * 997 % 14000 + (at - machine.joined_at) // timedelta(hours=1)) // 1000 * 1000
    return section(
        {
            "disks": [
                {
                    "kind": kind,
                    "health": "ok",
                    "wear_pct": None if kind == "hdd" else 5,
                    "hours": max(hours, 0),
                    "flags": [],
                }
                for kind in kinds
            ],
            "volumes": [volume("os", machine.total_gib, free)],
            "raid": "ok" if len(kinds) > 1 else "none",
        },
        "storage",
    )


def volume(role: str, total_gib: int, free_gib: int) -> dict[str, Any]:
    """Return one volume with the level of its free space."""
    percent = free_gib * 100 // total_gib
    level = next((name for bound, name in _LEVELS if percent >= bound), "critical")
    return {"role": role, "total_gib": total_gib, "free_gib": free_gib, "free_level": level}


def whole_weeks(machine: Machine, at: datetime) -> int:
    """Count the weeks since the machine joined; before that, none."""
    return max((at - machine.joined_at) // timedelta(weeks=1), 0)


def power(machine: Machine) -> dict[str, Any]:
    """Return the `power` section: servers stand behind an uninterruptible supply, laptops carry theirs."""
    role = machine.profile.role
    if role in {"server", "nas"}:
        data = {
            "ups": "present",
            "source": "nut" if machine.profile.system["family"] == "linux" else "windows_hid",
            "on_mains": "yes",
            "charge_pct": 100,
            "runtime_s": 1440,
            "battery_replace": "no",
            "laptop_battery": "no",
        }
    else:
        data = {"ups": "absent", "source": "none", "laptop_battery": "yes" if role == "laptop" else "no"}
    return section(data, "ups")


def agent_health(machine: Machine) -> dict[str, Any]:
    """Return the `agent_health` section; timings in steps of 100 ms, so that they stand still."""
    names = ("accounts", "antivirus", "backup", "encryption", "exposure", "firewall", "os", "patch", "storage")
    return section(
        {
            "collectors": [
                {"name": name, "ok": True, "ms": 100 * (1 + (machine.number + place) % 5)}
                for place, name in enumerate(names)
            ],
            "update": {"channel": "package", "pending_version": None, "last_result": "none"},
            "spool": {"events": 0, "heartbeats": 0},
        },
        "agent",
    )
