"""Sections ``os`` and ``patch`` of Windows."""

from datetime import datetime
from typing import Any

from vigie_agent import clock
from vigie_agent.collectors.base import DAY_S, Context, Gaps, Section, found, tri
from vigie_agent.collectors.windows.bridge import REMEMBERED, Bridge, rows
from vigie_agent.collectors.windows.registry_reader import Registry

VERSION = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
CBS_PENDING = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending"
WU_PENDING = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired"
SESSION_MANAGER = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager"
POLICY = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate"
PAUSE = r"HKLM\SOFTWARE\Microsoft\WindowsUpdate\UX\Settings"
MDM = r"HKLM\SOFTWARE\Microsoft\PolicyManager\current\device\Update"
ENTRA = r"HKLM\SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo"
PROCESSOR = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment"
SERVICE = r"HKLM\SYSTEM\CurrentControlSet\Services\wuauserv"
CLICK_TO_RUN = r"HKLM\SOFTWARE\Microsoft\Office\ClickToRun\Configuration"

PRODUCTS = {1: "client", 2: "dc", 3: "server"}
ARCHITECTURES = {"AMD64": "x64", "ARM64": "arm64", "x86": "x86"}
CATEGORIES = {
    "0fa1201d-4330-4fa8-8ae9-b877473b6441": "security",
    "e6cf1350-c01b-414d-a61f-263d14d133b4": "critical",
    "e0789628-ce08-4437-be74-2495b842f43b": "definition",
    "ebfc1fc5-71a4-4f7b-9aca-3b9a503104a0": "driver",
    "3689bdc8-b205-4af4-8d4a-a63924c5e9d5": "upgrade",
}
SEVERITIES = frozenset({"critical", "important", "moderate", "low"})
REBOOTS = {0: "never", 1: "always", 2: "may"}
# definitions of Defender, malicious-software removal tool, Defender's platform: no patches of the system
NOT_PATCHES = frozenset({"2267602", "890830", "5007651"})
WINDOWS_10_LAST_BUILD, WINDOWS_10_LAST_FREE_UBR = "19045", 6456  # KB5066791 of 2025-10-14
DISABLED_SERVICE, AU_NOTIFY = 4, 2


def collect_os(context: Context, registry: Registry, bridge: Bridge) -> Section:
    """Identity from the registry, the rest from one CIM query."""
    gaps = Gaps()
    computer = gaps.read("ps.computer", lambda: bridge.part(context, "computer")) or {}
    server = registry.value(VERSION, "InstallationType") != "Client"
    product = PRODUCTS.get(computer.get("product_type", 0), "server" if server else "client")
    build = registry.value(VERSION, "CurrentBuildNumber")
    data = {
        "family": "windows",
        "product": product,
        "edition": registry.value(VERSION, "EditionID"),
        "version": registry.value(VERSION, "DisplayVersion") or registry.value(VERSION, "ReleaseId"),
        "build": build,
        "ubr": registry.value(VERSION, "UBR"),
        "arch": ARCHITECTURES.get(str(registry.value(PROCESSOR, "PROCESSOR_ARCHITECTURE"))),
        "install_type": "server_core" if registry.value(VERSION, "InstallationType") == "Server Core" else "desktop",
        "boot_at": computer.get("boot_at"),
        "fast_startup": tri(registry.value(SESSION_MANAGER + r"\Power", "HiberbootEnabled") == 1),
        "chassis": _chassis(computer),
        "join": _join(registry, computer),
        "reboot_required": reboot_required(context, registry, bridge),
    }
    return found("registry+cim", data, gaps.problems)


def _chassis(computer: dict[str, Any]) -> str:
    if computer.get("virtual"):
        return "vm"
    kinds = {1: "desktop", 2: "laptop", 3: "desktop", 4: "server", 5: "server", 7: "server"}
    return kinds.get(computer.get("system_type", 0), "unknown")


def _join(registry: Registry, computer: dict[str, Any]) -> str:
    entra, domain = registry.exists(ENTRA), computer.get("domain")
    if domain is None:
        return "unknown"
    return {(True, True): "hybrid", (True, False): "domain", (False, True): "entra"}.get((domain, entra), "workgroup")


def reboot_required(context: Context, registry: Registry, bridge: Bridge) -> dict[str, Any]:
    """Strong signs by servicing and update client; renames of files alone are daily noise."""
    sources = [name for name, key in (("cbs", CBS_PENDING), ("wu", WU_PENDING)) if registry.exists(key)]
    client = Gaps().read("wua", lambda: bridge.part(context, "updates_client")) or {}
    if client.get("reboot"):
        sources.append("wua")
    renames = registry.has_value(SESSION_MANAGER, "PendingFileRenameOperations")
    return {"value": tri(bool(sources)), "strong_sources": sources, "file_rename": tri(renames)}


def collect_patch(context: Context, registry: Registry, bridge: Bridge) -> Section:
    """Pending updates (searched online once a day, remembered between), dates of the client, policy."""
    gaps = Gaps()
    client = gaps.read("wua.client", lambda: bridge.part(context, "updates_client")) or {}
    pending = gaps.read("wua.search", lambda: _pending(context, bridge))
    data = {
        "manager": "windows_update",
        "last_search_ok_at": client.get("last_search"),
        "last_os_install_at": last_install(rows(client.get("history"))),
        "pending": summary(pending, context.now) if pending is not None else None,
        "auto_update": auto_update(registry),
        "managed_by": managed_by(registry),
        "paused_until": _paused(registry, context.now),
        "esu": _esu(context, registry, bridge, gaps),
        "apps": _apps(registry),
    }
    section = found("wua+registry", data, gaps.problems)
    section.ttl_s = DAY_S
    return section


def _pending(context: Context, bridge: Bridge) -> list[dict[str, Any]]:
    """The updates of today's search, else of the last one that succeeded."""
    known = context.memory.subject(REMEMBERED)
    if "updates_pending" in bridge.answer(context):
        items = [as_item(row) for row in rows(bridge.part(context, "updates_pending"))]
        context.memory.replace(REMEMBERED, {"at": clock.to_wire(context.now), "items": items})
        return items
    return list(known.get("items") or [])


def as_item(row: dict[str, Any]) -> dict[str, Any]:
    """One update by numbers and identifiers; its title is translated and stays behind."""
    kinds = [CATEGORIES[guid.lower()] for guid in row.get("categories") or [] if guid.lower() in CATEGORIES]
    kind = "optional" if row.get("optional") else kinds[0] if kinds else "other"
    severity = str(row.get("severity") or "").lower()
    return {
        "kb": str(row["kb"]) if row.get("kb") else None,
        "class": kind,
        "severity": severity if severity in SEVERITIES else "none",
        "released_on": str(row["released"])[:10] if row.get("released") else None,
        "reboot": REBOOTS.get(row.get("reboot", -1), "unknown"),
        "downloaded": tri(row.get("downloaded")),
    }


def summary(items: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    """Counts and the age of the oldest security update; definitions come daily and are no patches."""
    counted = [item for item in items if item["class"] != "definition"]
    security = [
        item for item in counted if item["class"] == "security" or item["severity"] in {"critical", "important"}
    ]
    released = [item["released_on"] for item in security if item["released_on"]]
    oldest = min(released, default=None)
    age = (now.date() - datetime.fromisoformat(oldest).date()).days if oldest else (0 if not security else None)
    ordered = sorted(counted, key=lambda item: (item not in security, item["released_on"] or "", item["kb"] or ""))
    return {
        "security": len(security),
        "critical": sum(item["class"] == "critical" for item in counted),
        "other": sum(item not in security and item["class"] not in {"critical", "optional"} for item in counted),
        "optional": sum(item["class"] == "optional" for item in counted),
        "max_age_days": None if age is None else max(0, age),
        "items": ordered[:30],
    }


def last_install(history: list[dict[str, Any]]) -> str | None:
    """When something of the system was last installed; Defender's definitions do not count."""
    times = [
        row["at"]
        for row in history
        if row.get("operation") == 1 and row.get("result") in {2, 3} and row.get("kb") and row["kb"] not in NOT_PATCHES
    ]
    return max((str(at) for at in times if at), default=None)


def auto_update(registry: Registry) -> str:
    """What policy and service allow; Windows updates itself unless somebody changed it."""
    if registry.value(SERVICE, "Start") == DISABLED_SERVICE or registry.value(POLICY + r"\AU", "NoAutoUpdate") == 1:
        return "disabled"
    option = registry.value(POLICY + r"\AU", "AUOptions")
    if option == AU_NOTIFY:
        return "notify"
    return "managed" if managed_by(registry) != "none" else "enabled"


def managed_by(registry: Registry) -> str:
    """Whether a server of the company decides; its name stays here."""
    if registry.value(POLICY + r"\AU", "UseWUServer") == 1 and registry.value(POLICY, "WUServer"):
        return "wsus"
    return "mdm" if registry.exists(MDM) else "none"


def _paused(registry: Registry, now: datetime) -> str | None:
    value = registry.value(PAUSE, "PauseUpdatesExpiryTime")
    try:
        until = clock.from_iso(str(value))
    except ValueError:
        return None
    return clock.to_wire(until) if until > now else None


def _esu(context: Context, registry: Registry, bridge: Bridge, gaps: Gaps) -> dict[str, str] | None:
    """Extended security updates of Windows 10: an update newer than the last free one is the best proof."""
    if str(registry.value(VERSION, "CurrentBuildNumber")) != WINDOWS_10_LAST_BUILD:
        return None
    ubr = registry.value(VERSION, "UBR")
    if isinstance(ubr, int) and ubr > WINDOWS_10_LAST_FREE_UBR:
        return {"state": "receiving", "evidence": "ubr"}
    licensed = gaps.read("ps.esu", lambda: bridge.part(context, "esu"))
    if licensed is None:
        return {"state": "unknown"}
    return {"state": "licensed", "evidence": "license"} if licensed else {"state": "not_enrolled", "evidence": "ubr"}


def _apps(registry: Registry) -> list[dict[str, Any]]:
    office = registry.value(CLICK_TO_RUN, "VersionToReport")
    return [{"slug": "office", "version": str(office)}] if office else []
