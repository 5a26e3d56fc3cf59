"""Sections ``antivirus``, ``firewall`` and ``encryption`` of Windows."""

from typing import Any

from vigie_agent.collectors.base import (
    DAY_S,
    READING_ERRORS,
    CollectError,
    Context,
    Gaps,
    Section,
    absent,
    found,
    problem_of,
    tri,
)
from vigie_agent.collectors.windows.bridge import Bridge, rows
from vigie_agent.collectors.windows.registry_reader import Registry

STATES = {0: "off", 1: "on", 2: "snoozed", 3: "expired"}
NEVER = 4294967295
MODES = {
    "normal": "normal",
    "passive mode": "passive",
    "edr block mode": "edr_block",
    "sxs passive mode": "sxs_passive",
    "not running": "not_running",
}
NAMES = {
    "defender": "windows_defender", "eset": "eset", "bitdefender": "bitdefender", "kaspersky": "kaspersky",
    "sophos": "sophos", "trend": "trend_micro", "sentinel": "sentinelone", "crowdstrike": "crowdstrike",
    "cortex": "cortex_xdr", "withsecure": "withsecure", "f-secure": "withsecure", "panda": "panda",
    "harfanglab": "harfanglab", "avast": "avast", "avg": "avg", "avira": "avira", "norton": "norton",
    "mcafee": "mcafee", "malwarebytes": "malwarebytes",
}  # fmt: skip
SERVICES = {
    "ekrn": "eset", "EPSecurityService": "bitdefender", "AVP": "kaspersky", "SAVService": "sophos",
    "ntrtscan": "trend_micro", "SentinelAgent": "sentinelone", "CSFalconService": "crowdstrike",
    "cyserver": "cortex_xdr", "hurukai": "harfanglab",
}  # fmt: skip
METHODS = {0: "none", 3: "aes_128", 4: "aes_256", 5: "hardware", 6: "xts_aes_128", 7: "xts_aes_256"}
PROTECTORS = {1: "tpm", 2: "external_key", 3: "recovery_password", 4: "tpm_pin", 8: "passphrase"}
CATEGORIES = {0: "public", 1: "private", 2: "domain"}
FIREWALL_KEYS = {"domain": "DomainProfile", "private": "StandardProfile", "public": "PublicProfile"}
FIREWALL = r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
FIREWALL_POLICY = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall"


def decode_state(state: int) -> dict[str, str]:
    """``productState`` of SecurityCenter2: on or off, signatures, whose product (community-known layout)."""
    return {
        "state": STATES.get((state & 0xF000) >> 12, "unknown"),
        "vendor_owned": tri((state & 0xF00) >> 8 == 1),
        "signatures": "up_to_date" if (state & 0xF0) == 0 else "out_of_date",
    }


def product_name(display_name: str) -> str:
    """The product's word on the allow-list, ``other`` for the rest: display names are free text."""
    lowered = display_name.lower()
    return next((word for part, word in NAMES.items() if part in lowered), "other")


def collect_antivirus(context: Context, registry: Registry, bridge: Bridge) -> Section:
    """Registered products on clients; on servers, which have no Security Center, Defender itself and services."""
    del registry
    gaps = Gaps()
    try:
        listed: list[dict[str, Any]] | None = [
            {"name": product_name(str(row.get("name", ""))), **decode_state(int(row["state"]))}
            for row in rows(bridge.part(context, "security_center"))
        ]
    except CollectError as error:
        if error.problem.code != "not_installed":
            gaps.problems.append(error.problem)
        listed = None
    defender = _defender(context, bridge, gaps, listed)
    products = listed if listed is not None else _server_products(context, bridge, gaps, defender)
    if not products and not gaps.problems:
        return absent("cim")
    data: dict[str, Any] = {"products": products or None, **_defender_facts(defender)}
    if defender:
        data["exclusions"] = gaps.read("ps.exclusions", lambda: _exclusions(bridge.part(context, "exclusions")))
    return found("cim", data, gaps.problems)


def _defender(
    context: Context, bridge: Bridge, gaps: Gaps, listed: list[dict[str, Any]] | None
) -> dict[str, Any] | None:
    """Defender's own status, asked only where it works: on servers, or when the Security Center says it is on."""
    on = listed is None or any(row["name"] == "windows_defender" and row["state"] == "on" for row in listed)
    if not on:
        return None
    try:
        value: dict[str, Any] = bridge.part(context, "defender")
    except READING_ERRORS as error:
        problem = problem_of(error, "ps.defender")
        if listed is not None or problem.code != "not_installed":
            gaps.problems.append(problem)
        return None
    return value


def _defender_facts(defender: dict[str, Any] | None) -> dict[str, Any]:
    if not defender:
        return {"realtime": "unknown"}
    return {
        "realtime": tri(defender.get("realtime")),
        "tamper_protected": tri(defender.get("tamper")),
        "signature_age_days": _age(defender.get("signature_age")),
        "running_mode": MODES.get(str(defender.get("mode", "")).lower(), "unknown"),
        "last_quick_scan_days": _age(defender.get("quick_scan_age")),
    }


def _age(value: Any) -> int | None:
    """Days; the sentinel "never" is null."""
    return value if isinstance(value, int) and 0 <= value < NEVER else None


def _server_products(
    context: Context, bridge: Bridge, gaps: Gaps, defender: dict[str, Any] | None
) -> list[dict[str, Any]]:
    services = gaps.read("ps.services", lambda: bridge.part(context, "services")) or {}
    products: list[dict[str, Any]] = [
        {"name": name, "vendor_owned": "no", "signatures": "unknown",
         "state": "on" if services[service].get("state") == "Running" else "off"}
        for service, name in SERVICES.items()
        if service in services
    ]  # fmt: skip
    if defender:
        products.append(
            {
                "name": "windows_defender",
                "vendor_owned": "yes",
                "state": "on" if defender.get("enabled") else "off",
                "signatures": "out_of_date" if defender.get("outdated") else "up_to_date",
                "engine_date": defender.get("signatures_at"),
            }
        )
    return products


def _exclusions(value: dict[str, Any]) -> dict[str, Any] | None:
    """Counts only; where an administrator is needed the list reads as a sentence and counts as unknown."""
    if not value.get("readable", True):
        raise CollectError("permission", "ps.exclusions")
    return {
        "paths": value.get("paths"),
        "extensions": value.get("extensions"),
        "processes": value.get("processes"),
        "whole_drive": tri(value.get("whole_drive")),
    }


def collect_firewall(context: Context, registry: Registry, bridge: Bridge) -> Section:
    """The rules in force (policies included); the registry when they cannot be asked."""
    try:
        facts = bridge.part(context, "firewall")
    except READING_ERRORS as error:
        told = {"engine": "windows", "service_running": "unknown", "profiles": registry_profiles(registry)}
        return found("registry", told, [problem_of(error, "ps.firewall")])
    running = facts.get("service")
    profiles: list[dict[str, Any]] = [
        {
            "name": row.get("name"),
            "enabled": tri(running and row.get("enabled") == 1),
            "inbound_default": {2: "allow", 4: "block", 0: "block"}.get(row.get("inbound", -1), "unknown"),
        }
        for row in rows(facts.get("profiles"))
    ]
    categories = facts.get("categories") or []
    worst = min(categories) if isinstance(categories, list) and categories else None
    data: dict[str, Any] = {
        "engine": "windows",
        "service_running": tri(running),
        "profiles": sorted(profiles, key=lambda row: str(row["name"])),
        "active_category": "unknown" if worst is None else CATEGORIES.get(worst, "unknown"),
    }
    return found("cim", data)


def registry_profiles(registry: Registry) -> list[dict[str, str]]:
    """The three profiles as configured, a policy going before a setting."""
    listed = []
    for name, key in FIREWALL_KEYS.items():
        policy = registry.value(rf"{FIREWALL_POLICY}\{key}", "EnableFirewall")
        value = policy if policy is not None else registry.value(rf"{FIREWALL}\{key}", "EnableFirewall")
        listed.append(
            {"name": name, "enabled": tri(None if value is None else value == 1), "inbound_default": "unknown"}
        )
    return listed


def collect_encryption(context: Context, registry: Registry, bridge: Bridge) -> Section:
    """BitLocker by numbers: volumes of the system and of data, never removable ones, never a protector's id."""
    del registry
    gaps = Gaps()
    volumes = [volume(row) for row in rows(bridge.part(context, "volumes_encryption")) if row.get("type") in {0, 1}]
    data = {
        "volumes": sorted(volumes, key=lambda row: (row["role"] != "os", row["state"])),
        "tpm": gaps.read("ps.tpm", lambda: _tpm(bridge.part(context, "tpm"))),
        "secure_boot": tri(gaps.read("ps.secure_boot", lambda: bridge.part(context, "secure_boot"))),
    }
    section = found("cim", data, gaps.problems)
    section.ttl_s = DAY_S // 4
    return section


def volume(row: dict[str, Any]) -> dict[str, Any]:
    """One volume. Encrypted without protection means that the key lies open beside it: ``suspended``."""
    conversion, protection = row.get("conversion"), row.get("protection")
    states = {0: "off", 2: "encrypting", 3: "decrypting", 4: "encrypting", 5: "decrypting"}
    if protection == 2:  # noqa: PLR2004 - locked, see Win32_EncryptableVolume
        state = "locked"
    elif conversion == 1:
        state = "on" if protection == 1 else "suspended"
    else:
        state = states.get(conversion if isinstance(conversion, int) else -1, "unknown")
    kinds = row.get("protectors") or []
    return {
        "role": "os" if row.get("type") == 0 else "data",
        "state": state,
        "method": METHODS.get(row.get("method", -1), "unknown"),
        "protectors": sorted(
            {PROTECTORS.get(kind, "other") for kind in (kinds if isinstance(kinds, list) else [kinds])}
        ),
    }


def _tpm(value: dict[str, Any]) -> dict[str, Any]:
    return {"present": tri(value.get("present")), "version": value.get("version")}
