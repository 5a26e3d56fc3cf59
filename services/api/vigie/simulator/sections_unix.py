"""Healthy sections of macOS and Linux machines, the NAS included."""

from datetime import datetime
from typing import Any

from vigie.simulator.course import Updates, boot_time, oldest_age_days
from vigie.simulator.machines import Facts, Machine, section, stamp
from vigie.simulator.sections_windows import agent_health, power, storage

_DEBIAN_PACKAGES = (
    "libssl3t64",
    "openssh-server",
    "linux-image-amd64",
    "libc6",
    "curl",
    "libxml2",
    "sudo",
    "vim-common",
)


def mac_facts(machine: Machine, at: datetime, found: Updates) -> Facts:
    """Return every section but `backup` of a Mac in order."""
    return {
        "os": unix_os(machine, at),
        "patch": unix_patch(machine, found),
        "antivirus": section(
            {
                "products": [{"name": "xprotect", "vendor_owned": "yes", "state": "on", "signatures": "up_to_date"}],
                "realtime": "yes",
                "os_protection": {"gatekeeper": "yes", "sip": "yes", "xprotect_version": "5312"},
            },
            "spctl+csrutil",
        ),
        "firewall": section(
            {
                "engine": "alf",
                "service_running": "yes",
                "profiles": [{"name": "default", "enabled": "yes", "inbound_default": "block"}],
                "stealth": "yes",
            },
            "socketfilterfw",
        ),
        "encryption": section(
            {"volumes": [{"role": "os", "state": "on", "method": "filevault", "protectors": ["passphrase"]}]},
            "fdesetup",
            21600,
        ),
        "screen_lock": section(
            {
                "machine_timeout_s": 600,
                "users": {"seen": 1, "compliant": 1, "no_password": 0},
                "effective": "per_user",
            },
            "sysadminctl",
            21600,
        ),
        "accounts": _mac_accounts(),
        "storage": storage(machine, at, ("nvme",)),
        "power": power(machine),
        "exposure": _exposure(machine, [], ssh="no"),
        "health_card": section(None, "files", 86400, status="absent"),
        "agent_health": _with_full_disk_access(agent_health(machine)),
    }


def linux_facts(machine: Machine, at: datetime, found: Updates) -> Facts:
    """Return every section but `backup` of a Linux server or NAS in order."""
    nas = machine.profile.role == "nas"
    return {
        "os": unix_os(machine, at),
        "patch": unix_patch(machine, found),
        "antivirus": section(None, "files", status="absent") if nas else _clamav(),
        "firewall": section(
            {
                "engine": "nftables",
                "service_running": "yes",
                "profiles": [{"name": "default", "enabled": "yes", "inbound_default": "block"}],
            },
            "nft",
        ),
        "encryption": section(
            {
                "volumes": [
                    {"role": "os", "state": "on", "method": "luks", "protectors": ["passphrase"]},
                    {"role": "data", "state": "on", "method": "luks", "protectors": ["passphrase"]},
                ]
            },
            "lsblk",
            21600,
        ),
        "screen_lock": section(None, "session", 21600, status="not_applicable"),
        "accounts": _linux_accounts(),
        "storage": storage(machine, at, ("hdd", "hdd") if nas else ("ssd", "ssd")),
        "power": power(machine),
        "exposure": _exposure(machine, [22, 139, 445] if nas else [22], ssh="yes"),
        "health_card": section(None, "files", 86400, status="absent"),
        "agent_health": agent_health(machine),
    }


def _clamav() -> dict[str, Any]:
    """Return the scanner of a Linux server, which also looks at what is opened."""
    product = {"name": "clamav", "vendor_owned": "no", "state": "on", "signatures": "up_to_date"}
    return section(
        {"products": [product], "realtime": "yes", "tamper_protected": "unknown", "signature_age_days": 0},
        "files+systemd",
    )


def unix_os(machine: Machine, at: datetime) -> dict[str, Any]:
    """Return the `os` section."""
    return section(
        {
            **machine.profile.system,
            "boot_at": stamp(boot_time(machine, at)),
            "reboot_required": {"value": "no", "strong_sources": []},
        },
        "os_release" if machine.profile.system["family"] == "linux" else "system_version",
    )


def unix_patch(machine: Machine, found: Updates) -> dict[str, Any]:
    """Return the `patch` section of apt or of macOS's Software Update."""
    linux = machine.profile.system["family"] == "linux"
    items = [
        {
            "name": _DEBIAN_PACKAGES[released_at.toordinal() // 7 % 8] if linux else "macos-security",
            "class": "security",
            "severity": "important",
            "released_on": released_at.date().isoformat(),
        }
        for released_at in found.missing[-30:]
    ]
    return section(
        {
            "manager": "apt" if linux else "softwareupdate",
            "last_search_ok_at": stamp(found.searched_at),
            **({"index_age_s": 0} if linux else {}),
            "last_os_install_at": stamp(found.installed_at) if found.installed_at else None,
            "pending": {
                "security": len(found.missing),
                "critical": 0,
                "other": 2 if found.missing else 0,
                "optional": 0,
                "max_age_days": oldest_age_days(found.missing, found.searched_at),
                "items": items,
            },
            "auto_update": "enabled",
            "managed_by": "none",
            "apps": [],
        },
        "apt" if linux else "softwareupdate",
        86400,
    )


def _mac_accounts() -> dict[str, Any]:
    """Return the accounts of a Mac, which keeps no record of last sign-ins that the agent could rely on."""
    found = section(
        {
            "scope": "local",
            "policy": {"min_length": 14},
            "admins": {"local": 1, "domain": 0, "entra": 0, "unresolved": 0},
            "guest_enabled": "no",
            "autologon": "no",
            "daily_user_is_admin": "no",
            "passwordless_allowed": 0,
            "sign_ins": None,
        },
        "dscl+plist",
        86400,
        status="partial",
    )
    found["errors"] = [{"code": "unsupported_os", "source": "sign_ins"}]
    return found


def _linux_accounts() -> dict[str, Any]:
    return section(
        {
            "scope": "local",
            "policy": {"min_length": 12, "max_age_days": None, "history": None, "complexity": "yes"},
            "admins": {"local": 2, "domain": 0, "entra": 0, "unresolved": 0},
            "builtin_admin_enabled": "no",
            "guest_enabled": "no",
            "autologon": "no",
            "passwordless_allowed": 0,
            "ssh": {"root_login": "no", "password_auth": "no"},
            "sign_ins": {"accounts": 1, "unseen": 0, "longest_idle_days": 30},
        },
        "files",
        86400,
    )


def _exposure(machine: Machine, watched: list[int], *, ssh: str) -> dict[str, Any]:
    return section(
        {
            **({"rdp": {"enabled": "no"}} if machine.profile.system["family"] == "linux" else {}),
            "ports": {"watched": watched, "other_count": machine.number % 4},
            "shares": {"count": 2 if 445 in watched else 0, "everyone_write": "no"},  # noqa: PLR2004 - SMB
            "remote_tools": [],
            "sharing": {"ssh": ssh, "screen": "no", "file": "yes" if 445 in watched else "no"},  # noqa: PLR2004 - SMB
        },
        "sockets",
        21600,
    )


def _with_full_disk_access(health: dict[str, Any]) -> dict[str, Any]:
    health["data"]["fda"] = "granted"
    return health
