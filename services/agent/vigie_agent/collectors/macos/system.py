"""Sections ``os`` and ``patch`` of macOS."""

import plistlib
import re
from datetime import UTC, datetime
from typing import Any

from vigie_agent import clock
from vigie_agent.collectors.base import DAY_S, CollectError, Context, Gaps, Section, found, mapping, tri
from vigie_agent.collectors.host import Host

VERSION = "/System/Library/CoreServices/SystemVersion.plist"
UPDATES = "/Library/Preferences/com.apple.SoftwareUpdate.plist"
LIST_TIMEOUT_S = 100.0
REMEMBERED = "softwareupdate"


def collect_os(context: Context) -> Section:
    """Version from the system's own property list (a Python of an old SDK would say 10.16)."""
    host, gaps = context.host, Gaps()
    version = plist(host, VERSION)
    _kernel, _, machine = host.release().partition(" ")
    model = gaps.read("sysctl.model", lambda: ask(host, ["sysctl", "-n", "hw.model"])) or ""
    restart = context.memory.subject(REMEMBERED).get("restart")
    data = {
        "family": "macos",
        "product": "client",
        "version": version.get("ProductVersion"),
        "build": version.get("ProductBuildVersion"),
        "arch": {"arm64": "arm64", "x86_64": "x64"}.get(machine),
        "install_type": "desktop",
        "boot_at": gaps.read("sysctl.boottime", lambda: boot_time(ask(host, ["sysctl", "-n", "kern.boottime"]))),
        "chassis": "vm"
        if "Virtual" in model
        else "laptop"
        if "Book" in model
        else "unknown"
        if not model
        else "desktop",
        "join": gaps.read("profiles", lambda: _join(host), "unknown"),
        "reboot_required": {
            "value": tri(restart if isinstance(restart, bool) else None),
            "strong_sources": ["softwareupdate"] if restart else [],
        },
    }
    return found("plist+sysctl", data, gaps.problems)


def plist(host: Host, path: str) -> dict[str, Any]:
    """A property list of the system, text or binary; ``ValueError`` for anything else."""
    try:
        return dict(mapping(plistlib.loads(host.read_bytes(path))))
    except plistlib.InvalidFileException as error:
        raise ValueError("not a property list") from error


def ask(host: Host, argv: list[str]) -> str:
    """The answer of a command that succeeded; ``CollectError`` with its code otherwise."""
    answer = host.run(argv)
    if answer.rc != 0:
        raise CollectError("provider_error", argv[0].rsplit("/", 1)[-1].lower(), f"rc_{answer.rc}")
    return answer.text


def boot_time(output: str) -> str:
    """``{ sec = 1763712000, usec = 0 } Fri …``: the seconds only, the text after is a local date."""
    match = re.search(r"\bsec = (\d+)", output)
    if match is None:
        raise ValueError("no seconds")
    return clock.to_wire(clock.from_epoch(int(match[1])))


def _join(host: Host) -> str:
    output = ask(host, ["profiles", "status", "-type", "enrollment"])
    return "mdm" if re.search(r"^MDM enrollment: Yes", output, re.MULTILINE) else "workgroup"


def collect_patch(context: Context) -> Section:
    """The live list once a day, remembered between; dates and policy of the property list."""
    host, gaps = context.host, Gaps()
    settings = gaps.read("softwareupdate.plist", lambda: plist(host, UPDATES)) or {}
    items = gaps.read("softwareupdate", lambda: _pending(context))
    searched = settings.get("LastFullSuccessfulDate") or settings.get("LastSuccessfulDate")
    data = {
        "manager": "softwareupdate",
        "last_search_ok_at": _wire(searched),
        "pending": None if items is None else summary(items, context),
        "auto_update": auto_update(settings),
        "managed_by": "none",
    }
    section = found("softwareupdate+plist", data, gaps.problems)
    section.ttl_s = DAY_S
    return section


def _wire(value: Any) -> str | None:
    """A date of a property list, which is UTC without saying so."""
    return clock.to_wire(value.replace(tzinfo=UTC)) if isinstance(value, datetime) else None


def _pending(context: Context) -> list[dict[str, Any]]:
    known = context.memory.subject(REMEMBERED)
    day = context.now.date().isoformat()
    if known.get("day") == day and isinstance(known.get("items"), list):
        return list(known["items"])
    answer = context.host.run(["softwareupdate", "-l"], LIST_TIMEOUT_S)
    if answer.rc != 0:
        raise CollectError("provider_error", "softwareupdate", f"rc_{answer.rc}")
    items = parse_list(answer.text + answer.stderr.decode("utf-8", "replace"))
    first = {str(item["key"]): str(item["since"]) for item in known.get("items") or []}
    for item in items:
        item["since"] = first.get(str(item["key"]), day)
    restart = any(item["restart"] for item in items)
    context.memory.replace(REMEMBERED, {"day": day, "items": items, "restart": restart})
    return items


def parse_list(output: str) -> list[dict[str, Any]]:
    """The labelled updates of ``softwareupdate -l``; ``ValueError`` if it says neither updates nor none."""
    items = [
        {"key": label.strip(), "system": title.startswith(("macOS", "Security")), "restart": "Action: restart" in line}
        for label, line, title in re.findall(r"^\* Label: (.+)\n\s+(Title: ([^,]+),.*)$", output, re.MULTILINE)
    ]
    if not items and "No new software available" not in output:
        raise ValueError("neither updates nor none")
    return items


def summary(items: list[dict[str, Any]], context: Context) -> dict[str, Any]:
    """Updates of the system count as security: Apple ships them together and does not say which is which."""
    security = [item for item in items if item["system"]]
    ages = [(context.now.date() - datetime.fromisoformat(str(item["since"])).date()).days for item in security]
    return {
        "security": len(security),
        "other": len(items) - len(security),
        "optional": 0,
        "max_age_days": max(ages, default=0),
        "items": [],
    }


def auto_update(settings: dict[str, Any]) -> str:
    """Missing keys are the default of recent systems, which is on."""
    if settings.get("AutomaticCheckEnabled", True) is False:
        return "disabled"
    return "enabled" if settings.get("AutomaticallyInstallMacOSUpdates", True) else "notify"
