"""What the agent tells of a healthy machine of every system, section by section."""

from typing import Any

BOOTED = "2026-11-18T06:12:00Z"


def _os(family: str, product: str, chassis: str, **more: Any) -> dict[str, Any]:
    return {"family": family, "product": product, "chassis": chassis, "join": "workgroup", "boot_at": BOOTED, **more}


WINDOWS: dict[str, Any] = {
    "os": _os("windows", "client", "desktop", edition="Professional", version="25H2", build="26200"),
    "encryption": {
        "volumes": [
            {"role": "os", "state": "on", "method": "xts_aes_128", "protectors": ["recovery_password", "tpm"]},
            {"role": "data", "state": "on", "method": "xts_aes_128", "protectors": ["external_key"]},
        ],
        "tpm": {"present": "yes", "version": "2.0"},
        "secure_boot": "yes",
    },
    "antivirus": {
        "products": [
            {"name": "windows_defender", "vendor_owned": "yes", "state": "on", "signatures": "up_to_date"},
        ],
        "realtime": "yes",
        "tamper_protected": "yes",
        "signature_age_days": 0,
        "running_mode": "normal",
        "exclusions": {"paths": 1, "extensions": 0, "processes": 0, "whole_drive": "no"},
    },
    "firewall": {
        "engine": "windows",
        "service_running": "yes",
        "profiles": [
            {"name": name, "enabled": "yes", "inbound_default": "block"} for name in ("domain", "private", "public")
        ],
        "active_category": "private",
    },
    "screen_lock": {
        "machine_timeout_s": 900,
        "machine_policy": "yes",
        "users": {"seen": 1, "compliant": 1},
        "effective": "enforced",
    },
    "accounts": {
        "scope": "local",
        "policy": {
            "min_length": 14,
            "max_age_days": None,
            "history": 5,
            "lockout_threshold": 10,
            "lockout_s": 600,
            "complexity": "unknown",
        },
        "admins": {"local": 2, "domain": 0, "entra": 0, "unresolved": 0},
        "builtin_admin_enabled": "no",
        "guest_enabled": "no",
        "autologon": "no",
        "daily_user_is_admin": "no",
        "passwordless_allowed": 0,
        "uac": "yes",
        "sign_ins": {"accounts": 2, "unseen": 0, "longest_idle_days": 10},
    },
    "exposure": {
        "rdp": {"enabled": "no", "nla": "yes", "default_port": "yes"},
        "smb1": {"server": "no", "client": "no"},
        "smb_signing": "yes",
        "ports": {"watched": [135, 139, 445], "other_count": 10},
        "shares": {"count": 0, "everyone_write": "no"},
        "remote_tools": [],
    },
}

MAC: dict[str, Any] = {
    "os": _os("macos", "client", "laptop", version="26.6.2", build="25G82"),
    "encryption": {"volumes": [{"role": "os", "state": "on", "method": "filevault"}]},
    "antivirus": {
        "products": [{"name": "xprotect", "vendor_owned": "yes", "state": "on", "signatures": "up_to_date"}],
        "realtime": "yes",
        "os_protection": {"gatekeeper": "yes", "sip": "yes", "xprotect_version": "5312"},
    },
    "firewall": {
        "engine": "alf",
        "service_running": "yes",
        "profiles": [{"name": "default", "enabled": "yes", "inbound_default": "block"}],
        "stealth": "yes",
    },
    "screen_lock": {
        "machine_timeout_s": 600,
        "machine_policy": "unknown",
        "users": {"seen": 1, "compliant": 1},
        "effective": "per_user",
    },
    "accounts": {
        "scope": "local",
        "policy": {"min_length": 14},
        "admins": {"local": 1},
        "guest_enabled": "no",
        "autologon": "no",
        "daily_user_is_admin": "no",
        "passwordless_allowed": 0,
    },
    "exposure": {
        "ports": {"watched": [], "other_count": 0},
        "wifi": {"connected": "yes", "security": "wpa3"},
        "remote_tools": [],
        "sharing": {"ssh": "no", "screen": "no", "file": "no"},
    },
}

LINUX: dict[str, Any] = {
    "os": _os("linux", "server", "server", distro="debian", version="13.5", install_type="headless"),
    "encryption": {
        "volumes": [
            {"role": "data", "state": "on", "method": "luks"},
            {"role": "os", "state": "on", "method": "luks"},
            {"role": "swap", "state": "on", "method": "luks"},
        ],
    },
    "antivirus": {
        "products": [
            {"name": "clamav", "vendor_owned": "no", "state": "on", "signatures": "up_to_date"},
        ],
        "realtime": "yes",
        "tamper_protected": "unknown",
        "signature_age_days": 0,
    },
    "firewall": {
        "engine": "nftables",
        "service_running": "yes",
        "profiles": [{"name": "default", "enabled": "yes", "inbound_default": "block"}],
    },
    "screen_lock": {"machine_timeout_s": 900, "machine_policy": "yes", "effective": "enforced"},
    "accounts": {
        "scope": "local",
        "policy": {"max_age_days": None, "min_length": 12, "complexity": "yes"},
        "admins": {"local": 2},
        "builtin_admin_enabled": "no",
        "guest_enabled": "no",
        "autologon": "no",
        "daily_user_is_admin": "no",
        "passwordless_allowed": 0,
        "ssh": {"root_login": "no", "password_auth": "no"},
        "sign_ins": {"accounts": 1, "unseen": 0, "longest_idle_days": 30},
    },
    "exposure": {
        "rdp": {"enabled": "no"},
        "ports": {"watched": [22], "other_count": 0},
        "shares": {"count": 0, "everyone_write": "unknown"},
        "wifi": {"connected": "no"},
        "remote_tools": [],
        "sharing": {"ssh": "yes", "screen": "no", "file": "no"},
    },
}
