"""Sections ``accounts``, ``screen_lock`` and ``exposure`` of Windows."""

from datetime import UTC, datetime, timedelta
from typing import Any

from vigie_agent import clock
from vigie_agent.collectors.base import DAY_S, Context, Gaps, Problem, Section, found, tri
from vigie_agent.collectors.ports import port_facts
from vigie_agent.collectors.sign_ins import counted
from vigie_agent.collectors.windows.bridge import Bridge, rows
from vigie_agent.collectors.windows.native import password_policy
from vigie_agent.collectors.windows.registry_reader import Registry

WINLOGON = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon"
SYSTEM_POLICY = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
TERMINAL = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server"
TERMINAL_POLICY = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services"
SMB1_CLIENT = r"HKLM\SYSTEM\CurrentControlSet\Services\mrxsmb10"
ENTRA = r"HKLM\SYSTEM\CurrentControlSet\Control\CloudDomainJoin\JoinInfo"
PROFILES = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
DESKTOP = r"Control Panel\Desktop"
DESKTOP_POLICY = r"Software\Policies\Microsoft\Windows\Control Panel\Desktop"
PEOPLE = ("S-1-5-21-", "S-1-12-1-")
ADMINISTRATOR_RID, GUEST_RID = 500, 501
LOCK_AT_MOST_S = 900
RDP_PORT = 3389
FIRST_PERSON_RID = 1000
SINCE_1601 = datetime(1601, 1, 1, tzinfo=UTC)
REMOTE_SERVICES = {
    "TeamViewer": "teamviewer", "AnyDesk": "anydesk", "RustDesk": "rustdesk", "SplashtopRemoteService": "splashtop",
    "ScreenConnect": "screenconnect", "LogMeIn": "logmein", "SupremoService": "supremo", "tvnserver": "vnc",
    "uvnc_service": "vnc", "vncserver": "vnc", "Mesh Agent": "meshagent", "tacticalrmm": "tactical_rmm",
    "AteraAgent": "atera", "NinjaRMMAgent": "ninjaone", "Windows Agent Service": "nable",
}  # fmt: skip


def collect_accounts(context: Context, registry: Registry, bridge: Bridge) -> Section:
    """Policy, administrators by number, built-in accounts by their fixed ids (their names are translated)."""
    gaps = Gaps()
    listed = gaps.read("ps.accounts", lambda: rows(bridge.part(context, "accounts")))
    by_rid = {row.get("rid"): row for row in listed or []}
    computer = gaps.read("ps.computer", lambda: bridge.part(context, "computer")) or {}
    scope = "entra" if registry.exists(ENTRA) else "domain" if computer.get("domain") else "local"
    data = {
        "scope": scope,
        "policy": gaps.read("netapi", password_policy),
        "admins": gaps.read("ps.administrators", lambda: bridge.part(context, "administrators")),
        "builtin_admin_enabled": _enabled(by_rid, ADMINISTRATOR_RID),
        "guest_enabled": _enabled(by_rid, GUEST_RID),
        "autologon": autologon(registry),
        "daily_user_is_admin": "unknown",
        "passwordless_allowed": None if listed is None else sum(_may_be_blank(row) for row in listed),
        "uac": tri(registry.value(SYSTEM_POLICY, "EnableLUA") != 0),
        "sign_ins": None
        if listed is None
        else gaps.read(
            "ps.sign_ins", lambda: sign_ins(listed, rows(bridge.part(context, "sign_ins")), registry, context.now)
        ),
    }
    section = found("cim+registry", data, gaps.problems)
    section.ttl_s = DAY_S
    return section


def _enabled(by_rid: dict[Any, dict[str, Any]], rid: int) -> str:
    return "unknown" if rid not in by_rid else tri(not by_rid[rid].get("disabled"))


def _may_be_blank(row: dict[str, Any]) -> bool:
    return not row.get("disabled") and not row.get("password_required")


def sign_ins(
    listed: list[dict[str, Any]], told: list[dict[str, Any]], registry: Registry, now: datetime
) -> dict[str, int | None]:
    """Use of the enabled accounts that people made (their numbers begin at 1000), by the latest of three signs.

    The accounts' own word misses sign-ins by PIN or with a Microsoft account; the profile tells when it was loaded; and whose
    settings are loaded now is in use now.
    """
    said = {int(row["rid"]): clock.from_wire(str(row["at"])) for row in told if row.get("at")}
    loaded = {number for key in registry.subkeys("HKU") if (number := _number(key)) is not None}
    profiles: dict[int, datetime] = {}
    for key in registry.subkeys(PROFILES):
        number, moment = _number(key), _loaded_at(registry, f"{PROFILES}\\{key}")
        if number is not None and moment is not None:
            profiles[number] = max(profiles.get(number, moment), moment)
    people = [
        int(row["rid"]) for row in listed if not row.get("disabled") and (row.get("rid") or 0) >= FIRST_PERSON_RID
    ]
    return counted(
        (
            now
            if number in loaded
            else max((known[number] for known in (said, profiles) if number in known), default=None)
            for number in people
        ),
        now,
    )


def _number(key: str) -> int | None:
    """The last part of the identifier of a person's account; None for a service, or for the second hive of a person."""
    last = key.rpartition("-")[2]
    return int(last) if key.upper().startswith(PEOPLE[0]) and last.isdigit() else None


def _loaded_at(registry: Registry, key: str) -> datetime | None:
    """When a profile was last loaded: two halves of a number of 100 ns since 1601, zero or missing when it never was."""
    high, low = registry.value(key, "LocalProfileLoadTimeHigh"), registry.value(key, "LocalProfileLoadTimeLow")
    if not isinstance(high, int) or not isinstance(low, int) or high <= 0:
        return None
    return SINCE_1601 + timedelta(microseconds=(high * 2**32 + low % 2**32) // 10)


def autologon(registry: Registry) -> str:
    """Whether somebody is signed in without asking, and whether the password lies there in clear (never read)."""
    if str(registry.value(WINLOGON, "AutoAdminLogon") or "0") != "1":
        return "no"
    return "yes_clear_text" if registry.has_value(WINLOGON, "DefaultPassword") else "yes"


def collect_screen_lock(context: Context, registry: Registry, bridge: Bridge) -> Section:
    """The limit of the machine, then the settings of the users whose hives are loaded, as counts."""
    del context, bridge
    limit = registry.value(SYSTEM_POLICY, "InactivityTimeoutSecs")
    machine = limit if isinstance(limit, int) and limit > 0 else None
    enforced = machine is not None and machine <= LOCK_AT_MOST_S
    people = [key for key in registry.subkeys("HKU") if key.upper().startswith(PEOPLE) and not key.endswith("_classes")]
    people = [key for key in people if not key.lower().endswith("_classes")]
    compliant = sum(user_locks(registry, f"HKU\\{key}") for key in people)
    problems = [] if enforced or people else [Problem("permission", "registry.users", "nobody_signed_in")]
    effective = (
        "enforced" if enforced else "unknown" if not people else "per_user" if compliant == len(people) else "weak"
    )
    data = {
        "machine_timeout_s": machine,
        "machine_policy": tri(machine is not None),
        "users": {"seen": len(people), "compliant": compliant},
        "effective": effective,
    }
    section = found("registry", data, problems)
    section.ttl_s = DAY_S // 4
    return section


def user_locks(registry: Registry, hive: str) -> bool:
    """Whether a user's screen locks by itself within a quarter of an hour (the values are texts)."""

    def setting(name: str) -> str:
        policy = registry.value(f"{hive}\\{DESKTOP_POLICY}", name)
        return str(policy if policy is not None else registry.value(f"{hive}\\{DESKTOP}", name) or "")

    timeout = setting("ScreenSaveTimeOut")
    on = setting("ScreenSaveActive") == "1" and setting("ScreenSaverIsSecure") == "1" and bool(setting("SCRNSAVE.EXE"))
    return on and timeout.isdigit() and 0 < int(timeout) <= LOCK_AT_MOST_S


def collect_exposure(context: Context, registry: Registry, bridge: Bridge) -> Section:
    """Remote desktop, file sharing, ports and remote-maintenance tools; no addresses, no names of shares."""
    gaps = Gaps()
    smb = gaps.read("ps.smb", lambda: bridge.part(context, "smb"))
    listening = gaps.read("ps.listening", lambda: bridge.part(context, "listening"))
    services = gaps.read("ps.services", lambda: bridge.part(context, "services"))
    data: dict[str, Any] = {
        "rdp": remote_desktop(registry),
        "smb1": {"server": tri(smb["smb1"]) if smb else "unknown", "client": _smb1_client(registry)},
        "smb_signing": tri(smb["signing"]) if smb else None,
        "ports": None if listening is None else port_facts(listening if isinstance(listening, list) else [listening]),
        "shares": {"count": smb["shares"], "everyone_write": tri(smb["open"] > 0)} if smb else None,
        "remote_tools": None
        if services is None
        else sorted({name for service, name in REMOTE_SERVICES.items() if service in services}),
    }
    section = found("registry+cim", data, gaps.problems)
    section.ttl_s = DAY_S // 4
    return section


def remote_desktop(registry: Registry) -> dict[str, str]:
    """Enabled unless denied, a policy going before a setting; network level authentication; the usual port."""
    denied = registry.value(TERMINAL_POLICY, "fDenyTSConnections")
    if denied is None:
        denied = registry.value(TERMINAL, "fDenyTSConnections")
    station = TERMINAL + r"\WinStations\RDP-Tcp"
    nla = registry.value(TERMINAL_POLICY, "UserAuthentication")
    nla = nla if nla is not None else registry.value(station, "UserAuthentication")
    port = registry.value(station, "PortNumber")
    return {
        "enabled": tri(None if denied is None else denied == 0),
        "nla": tri(None if nla is None else nla == 1),
        "default_port": tri(None if port is None else port == RDP_PORT),
    }


def _smb1_client(registry: Registry) -> str:
    """The driver of the old client: missing or disabled is no."""
    start = registry.value(SMB1_CLIENT, "Start")
    return tri(start is not None and start != 4)  # noqa: PLR2004 - SERVICE_DISABLED
