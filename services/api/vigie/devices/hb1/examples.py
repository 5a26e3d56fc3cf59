"""Two heartbeats for readers of the contract; they stand in the JSON Schema under ``examples``."""

from typing import Any, Final

_AT = "2026-11-21T08:17:42Z"
_EARLIER = "2026-11-20T19:02:11Z"


def _section(data: dict[str, Any]) -> dict[str, Any]:
    """Put facts into the envelope of a section."""
    return {"v": 1, "status": "ok", "collected_at": _AT, "source": "sample", "ttl_s": 3600, "errors": [], "data": data}


_SECTIONS: dict[str, Any] = {
    "os": _section(
        {
            "family": "windows", "product": "client", "edition": "Professional", "version": "24H2", "build": "26100",
            "ubr": 6899, "distro": None, "arch": "x64", "install_type": "desktop", "boot_at": _EARLIER,
            "fast_startup": "yes", "chassis": "desktop", "join": "workgroup",
            "reboot_required": {"value": "yes", "strong_sources": ["cbs", "wu"], "file_rename": "no"},
        }
    ),
    "patch": _section(
        {
            "manager": "windows_update", "last_search_ok_at": _EARLIER, "index_age_s": 86400,
            "last_os_install_at": _EARLIER,
            "pending": {
                "security": 2, "critical": 0, "other": 1, "optional": 1, "max_age_days": 37,
                "items": [
                    {
                        "kb": "5099999", "class": "security", "severity": "important", "released_on": "2026-11-10",
                        "reboot": "may", "downloaded": "yes",
                    },
                    {"name": "linux-image-6.1.0-44-amd64", "class": "security", "severity": None},
                ],
            },
            "auto_update": "enabled", "managed_by": "none", "paused_until": None,
            "esu": {"state": "not_enrolled", "evidence": "ubr"}, "apps": [{"slug": "firefox", "version": "145.0.1"}],
        }
    ),
    "antivirus": _section(
        {
            "products": [
                {
                    "name": "windows_defender", "vendor_owned": "yes", "state": "on", "signatures": "up_to_date",
                    "engine_date": _EARLIER,
                }
            ],
            "realtime": "yes", "tamper_protected": "yes", "signature_age_days": 0, "running_mode": "normal",
            "last_quick_scan_days": 1, "exclusions": {"paths": 3, "extensions": 0, "processes": 1, "whole_drive": "no"},
            "os_protection": {"gatekeeper": "unknown", "sip": "unknown", "xprotect_version": None},
        }
    ),
    "firewall": _section(
        {
            "engine": "windows", "service_running": "yes",
            "profiles": [{"name": name, "enabled": "yes", "inbound_default": "block"} for name in ("domain", "public")],
            "active_category": "private", "stealth": "unknown",
        }
    ),
    "encryption": _section(
        {
            "volumes": [{"role": "os", "state": "on", "method": "xts_aes_128", "protectors": ["tpm"]}],
            "tpm": {"present": "yes", "version": "2.0"}, "secure_boot": "yes",
        }
    ),
    "screen_lock": _section(
        {
            "machine_timeout_s": 900, "machine_policy": "yes",
            "users": {"seen": 2, "compliant": 2, "no_password": 0}, "effective": "enforced",
        }
    ),
    "accounts": _section(
        {
            "scope": "local",
            "policy": {
                "min_length": 12, "max_age_days": None, "history": 5, "lockout_threshold": 10, "lockout_s": 600,
                "complexity": "yes",
            },
            "admins": {"local": 1, "domain": 0, "entra": 0, "unresolved": 0}, "builtin_admin_enabled": "no",
            "guest_enabled": "no", "autologon": "no", "daily_user_is_admin": "no", "passwordless_allowed": 0,
            "uac": "yes", "ssh": {"root_login": "no", "password_auth": "no"},
            "sign_ins": {"accounts": 2, "unseen": 0, "longest_idle_days": 10},
        }
    ),
    "backup": _section(
        {
            "tools": [{"tool": "veeam_agent", "present": "yes", "version": "6.3", "readable": "yes"}],
            "jobs": [
                {
                    "job": "srv-nightly", "origin": "observed", "tool": "veeam_agent", "last_status": "ok",
                    "last_end_at": _EARLIER, "last_ok_at": _EARLIER, "duration_s": 1870, "bytes": 734003200,
                    "files": None,
                    "target": "nas", "offsite": "no", "encrypted": "unknown", "immutable": "unknown",
                    "restore_tested_at": None, "exit_code": -1, "restore_months": ["2026-10", "2026-11"],
                }
            ],
            "sync_only": "no",
        }
    ),
    "storage": _section(
        {
            "disks": [{"kind": "nvme", "health": "ok", "wear_pct": 5, "hours": 9000, "flags": ["media_errors"]}],
            "volumes": [{"role": "os", "total_gib": 475, "free_gib": 210, "free_level": "ok"}], "raid": "none",
        }
    ),
    "power": _section(
        {
            "ups": "present", "source": "nut", "on_mains": "yes", "charge_pct": 100, "runtime_s": 1440,
            "battery_replace": "no", "laptop_battery": "no",
        }
    ),
    "exposure": _section(
        {
            "rdp": {"enabled": "no", "nla": "yes", "default_port": "yes"}, "smb1": {"server": "no", "client": "no"},
            "smb_signing": "yes", "ports": {"watched": [135, 445], "other_count": 12},
            "shares": {"count": 1, "everyone_write": "no"}, "wifi": {"connected": "no", "security": "unknown"},
            "remote_tools": ["teamviewer"], "sharing": {"ssh": "no", "screen": "no", "file": "no"},
        }
    ),
    "health_card": _section(
        {
            "cryptolib": {"present": "yes", "version": "5.2.6"}, "minidriver": "yes", "readers": 1,
            "service": "triggered",
        }
    ),
    "agent_health": _section(
        {
            "collectors": [{"name": "patch", "ok": True, "ms": 4200, "last_ok_at": _AT}],
            "update": {"channel": "package", "pending_version": None, "last_result": "ok"},
            "spool": {"events": 0, "heartbeats": 0}, "fda": "unknown",
        }
    ),
}  # fmt: skip

QUIET: Final[dict[str, Any]] = {
    "schema": "hb/1",
    "sequence": 1842,
    "sent_at": _AT,
    "agent": {"version": "0.1.0", "build": "deb"},
    "boot_ref": "b1f4c09d",
    "ran_at": [],
    "vitals": {"uptime_s": 263112, "run_ms": 5230, "clock_offset_ms": -180},
    "state_digest": "R_LBI4V1e-o9RN9B0ItDMQ",
    "sections": {},
    "backup_events": [],
}
"""A heartbeat of an hour in which nothing changed."""

_EVENT: dict[str, Any] = {
    "job": "srv-nightly",
    "status": "failed",
    "ended_at": _EARLIER,
    "started_at": _EARLIER,
    "bytes": 0,
    "files": 0,
    "exit_code": 3,
    "target": "nas",
    "tool": "restic",
    "encrypted": "yes",
    "immutable": "no",
    "restore_tested_at": None,
}

FULL: Final[dict[str, Any]] = QUIET | {"ran_at": [_EARLIER], "sections": _SECTIONS, "backup_events": [_EVENT]}
"""A heartbeat with every field of every section, as an agent sends it when asked for everything."""
