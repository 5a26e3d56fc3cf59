"""Sections ``storage``, ``power`` and ``health_card`` of Windows, and the backups Windows can show."""

from pathlib import Path
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
from vigie_agent.collectors.volumes import volume_row
from vigie_agent.collectors.windows.bridge import Bridge, rows
from vigie_agent.collectors.windows.registry_reader import Registry

HEALTH = {0: "ok", 1: "warning", 2: "failing"}
NVME_BUS = 17
LAPTOP = 2
ON_MAINS_MINUTES = 71582788
WEAR_STEP, HOURS_STEP, CHARGE_STEP, RUNTIME_STEP_S = 5, 1000, 10, 60
LIBRARIES = (r"C:\Windows\System32\cps3_pkcs11_w64.dll", r"C:\Windows\SysWOW64\cps3_pkcs11_w32.dll")
OK_LEVEL, WARNING_LEVEL = 4, 3


def collect_storage(context: Context, registry: Registry, bridge: Bridge) -> Section:
    """Physical disks by number codes, volumes by role, Storage Spaces."""
    del registry
    gaps = Gaps()
    volumes = gaps.read("ps.volumes", lambda: rows(bridge.part(context, "volumes")))
    spaces = gaps.read("ps.virtual_disks", lambda: bridge.part(context, "virtual_disks"))
    disks = gaps.read("ps.disks", lambda: rows(bridge.part(context, "disks")))
    data = {
        "disks": None if disks is None else [disk(row) for row in disks],
        "volumes": None if volumes is None else [_volume(context, number, row) for number, row in enumerate(volumes)],
        "raid": raid(spaces),
    }
    return found("cim", data, gaps.problems)


def disk(row: dict[str, Any]) -> dict[str, Any]:
    """Kind and health of a disk; wear and hours where the disk counts them."""
    kind = "nvme" if row.get("bus") == NVME_BUS else {3: "hdd", 4: "ssd"}.get(row.get("media", 0), "unknown")
    wear, hours = row.get("wear"), row.get("hours")
    return {
        "kind": kind,
        "health": HEALTH.get(row.get("health", -1), "unknown"),
        "wear_pct": wear // WEAR_STEP * WEAR_STEP if isinstance(wear, int) else None,
        "hours": hours // HOURS_STEP * HOURS_STEP if isinstance(hours, int) else None,
        "flags": [],
    }


def _volume(context: Context, number: int, row: dict[str, Any]) -> dict[str, Any]:
    role = "os" if row.get("system") else "data"
    return volume_row(context, f"{number}.{role}", role, int(row.get("size") or 0), int(row.get("free") or 0))


def raid(spaces: Any) -> str:
    """The worst of the virtual disks; none of them is ``none``."""
    if spaces is None:
        return "unknown"
    codes = spaces if isinstance(spaces, list) else [spaces]
    if not codes:
        return "none"
    return {0: "ok", 1: "degraded", 2: "failed"}.get(max(codes), "unknown")


def collect_power(context: Context, registry: Registry, bridge: Bridge) -> Section:
    """A battery on anything but a laptop is a power supply on USB; on a laptop it is its own."""
    del registry
    laptop = bridge.part(context, "computer").get("system_type") == LAPTOP
    batteries = rows(bridge.part(context, "batteries"))
    if laptop or not batteries:
        return found("cim", {"ups": "absent", "source": "none", "laptop_battery": tri(laptop and bool(batteries))})
    battery = batteries[0]
    minutes, charge = battery.get("minutes"), battery.get("charge")
    data = {
        "ups": "present",
        "source": "windows_hid",
        "on_mains": {1: "no", 2: "yes"}.get(battery.get("status", 0), "unknown"),
        "charge_pct": min(100, round(charge / CHARGE_STEP) * CHARGE_STEP) if isinstance(charge, int) else None,
        "runtime_s": _runtime(minutes),
        "laptop_battery": "no",
    }
    return found("cim", data)


def _runtime(minutes: Any) -> int | None:
    """Seconds; the sentinel "on mains" is null."""
    known = isinstance(minutes, int) and 0 <= minutes < ON_MAINS_MINUTES
    return minutes * 60 // RUNTIME_STEP_S * RUNTIME_STEP_S if known else None


def collect_health_card(context: Context, registry: Registry, bridge: Bridge) -> Section:
    """The card library by its file, readers by number; the card and its certificates are never opened."""
    del registry
    gaps = Gaps()
    library = any(Path(path).exists() for path in LIBRARIES)
    readers = gaps.read("ps.readers", lambda: bridge.part(context, "readers"))
    if not library and readers == 0:
        return absent("files+cim")
    services = gaps.read("ps.services", lambda: bridge.part(context, "services")) or {}
    service = services.get("SCardSvr")
    state = "absent" if service is None else {"Running": "running"}.get(str(service.get("state")), "triggered")
    if service is not None and service.get("start") == "Disabled":
        state = "disabled"
    data = {"cryptolib": {"present": tri(library)}, "readers": readers, "service": state}
    section = found("files+cim", data, gaps.problems)
    section.ttl_s = DAY_S
    return section


def observed_backups(context: Context, gaps: Gaps, bridge: Bridge) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Windows Server Backup and Veeam Agent: (tools, jobs); a tool without a readable result is only present."""
    tools: list[dict[str, Any]] = []
    jobs: list[dict[str, Any]] = []
    for name, tool, reader in (
        ("server_backup", "windows_server_backup", server_backup),
        ("veeam_agent", "veeam_agent", veeam_agent),
    ):
        try:
            value = bridge.part(context, name)
        except READING_ERRORS as error:
            gaps.problems.append(problem_of(error, f"ps.{name}"))
            if isinstance(error, CollectError) and error.problem.code == "permission":
                tools.append({"tool": tool, "present": "yes", "readable": "no"})
            continue
        if value is not None:
            tools.append({"tool": tool, "present": "yes", "readable": "yes"})
            jobs.append(reader(value))
    return tools, jobs


def _job(job: str, tool: str, **facts: Any) -> dict[str, Any]:
    return {
        "job": job,
        "origin": "observed",
        "tool": tool,
        "target": "unknown",
        "offsite": "unknown",
        "encrypted": "unknown",
        "immutable": "unknown",
        "restore_months": None,
        **facts,
    }


def server_backup(value: dict[str, Any]) -> dict[str, Any]:
    """``Get-WBSummary``: result 0 is success; year 1 means never. The target's path is not asked for."""
    last, last_ok = _real(value.get("last")), _real(value.get("last_ok"))
    status = "never" if last is None else "ok" if value.get("hresult") == 0 else "failed"
    if value.get("running"):
        status = "running"
    return _job(
        "windows-server-backup", "windows_server_backup", last_status=status, last_end_at=last, last_ok_at=last_ok
    )


def _real(at: Any) -> str | None:
    """A date of this century, else null: 0001, 1601 and 1899 are ways of saying never."""
    return at if isinstance(at, str) and at >= "2015" else None


def veeam_agent(value: Any) -> dict[str, Any]:
    """Events 190 of the log ``Veeam Agent``: the level says how the job ended."""
    events = sorted((row for row in rows(value) if row.get("at")), key=lambda row: str(row["at"]))
    good = [row["at"] for row in events if row.get("level") == OK_LEVEL]
    if not events:
        return _job("veeam-agent", "veeam_agent", last_status="never")
    level = events[-1].get("level")
    status = "ok" if level == OK_LEVEL else "warning" if level == WARNING_LEVEL else "failed"
    return _job(
        "veeam-agent",
        "veeam_agent",
        last_status=status,
        last_end_at=events[-1]["at"],
        last_ok_at=max(good, default=None),
    )
