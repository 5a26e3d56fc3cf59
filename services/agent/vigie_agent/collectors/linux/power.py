"""Section ``power`` on Linux: the uninterruptible supply (NUT, apcupsd), a laptop's own battery."""

import re
from typing import Any

from vigie_agent.collectors.base import Context, Gaps, Section, found, tri
from vigie_agent.collectors.host import Host

CHARGE_STEP, RUNTIME_STEP_S = 10, 60
SUPPLIES = "/sys/class/power_supply"
# vendor numbers of USB supplies: APC, Eaton/MGE, CyberPower, Phoenixtec (Eaton, others), Tripp Lite
UPS_VENDORS = frozenset({"051d", "0463", "0764", "06da", "09ae"})


def collect(context: Context) -> Section:
    """Ask the supply's daemon; without one, look whether a supply is plugged in unmanaged."""
    host, gaps = context.host, Gaps()
    facts: dict[str, Any] | None = None
    if host.which("upsc"):
        facts = gaps.read("nut", lambda: _nut(host))
    if facts is None and host.which("apcaccess"):
        facts = gaps.read("apcupsd", lambda: _apc(host))
    if facts is None:
        plugged = any(
            (host.read_optional(f"{path}/idVendor") or "").strip() in UPS_VENDORS
            for path in host.listed("/sys/bus/usb/devices")
        )
        facts = {"ups": "present" if plugged else ("unknown" if gaps.problems else "absent"), "source": "none"}
        if plugged:
            gaps.note("not_installed", "nut", "ups_unmanaged")
    facts["laptop_battery"] = tri(any(_is_battery(host, path) for path in host.listed(SUPPLIES, "BAT*")))
    return found(str(facts["source"]) if facts["source"] != "none" else "sys", facts, gaps.problems)


def _is_battery(host: Host, path: str) -> bool:
    """A battery of the machine, not of a mouse."""
    if (host.read_optional(f"{path}/scope") or "System").strip() == "Device":
        return False
    return (host.read_optional(f"{path}/type") or "").strip() == "Battery"


def _nut(host: Host) -> dict[str, Any] | None:
    """The first supply NUT knows; None when NUT is installed but knows none."""
    listed = host.run(["upsc", "-l"])
    names = [name for name in listed.text.split() if re.fullmatch(r"[\w.-]+", name)]
    if listed.rc != 0 or not names:
        configured = re.search(r"^\s*\[[\w.-]+\]", host.read_optional("/etc/nut/ups.conf") or "", re.MULTILINE)
        if configured:
            raise OSError("the daemon does not answer")
        return None
    return parse_upsc(host.run(["upsc", f"{names[0]}@localhost"]).text)


def parse_upsc(output: str) -> dict[str, Any]:
    """``key: value`` lines of ``upsc``; ``ValueError`` without ``ups.status``."""
    values = dict(re.findall(r"^([\w.]+): (.*)$", output, re.MULTILINE))
    flags = values.get("ups.status", "").split()
    if not flags:
        raise ValueError("no ups.status")
    return {
        "ups": "present",
        "source": "nut",
        "on_mains": tri(True if "OL" in flags else False if "OB" in flags else None),
        "charge_pct": _step(values.get("battery.charge"), CHARGE_STEP, 100),
        "runtime_s": _step(values.get("battery.runtime"), RUNTIME_STEP_S),
        "battery_replace": tri("RB" in flags),
    }


def _apc(host: Host) -> dict[str, Any]:
    return parse_apcaccess(host.run(["apcaccess", "-u"]).text)


def parse_apcaccess(output: str) -> dict[str, Any]:
    """``KEY : value`` lines of ``apcaccess -u`` (no units); run time is in minutes."""
    values = {key: value.strip() for key, value in re.findall(r"^(\w+)\s*: (.*)$", output, re.MULTILINE)}
    if "STATUS" not in values:
        raise ValueError("no STATUS")
    status = values["STATUS"].split()
    minutes = values.get("TIMELEFT")
    return {
        "ups": "unknown" if "COMMLOST" in status else "present",
        "source": "apcupsd",
        "on_mains": tri(True if "ONLINE" in status else False if "ONBATT" in status else None),
        "charge_pct": _step(values.get("BCHARGE"), CHARGE_STEP, 100),
        "runtime_s": _step(str(float(minutes) * 60), RUNTIME_STEP_S) if minutes else None,
        "battery_replace": tri("REPLACEBATT" in status),
    }


def _step(text: str | None, step: int, highest: int | None = None) -> int | None:
    """A number of a tool, rounded to the nearest step so that it does not flap; None if unreadable."""
    if text is None or not re.fullmatch(r"\d+(\.\d+)?", text.strip()):
        return None
    value = round(float(text) / step) * step
    return value if highest is None else min(value, highest)
