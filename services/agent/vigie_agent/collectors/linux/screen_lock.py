"""Section ``screen_lock`` on Linux: GNOME's locked system settings; a machine without a screen has no question."""

import re

from vigie_agent.collectors.base import DAY_S, Context, Problem, Section, found
from vigie_agent.collectors.host import Host
from vigie_agent.collectors.linux.system import has_desktop

DCONF = "/etc/dconf/db"
KEYS = ("lock-enabled", "lock-delay", "idle-delay")


def applies(context: Context) -> bool:
    """Only where somebody can sit in front."""
    return has_desktop(context.host)


def collect(context: Context) -> Section:
    """The system's defaults and which of them users cannot change; users' own settings are not read."""
    settings, locked = system_settings(context.host)
    idle, delay = settings.get("idle-delay"), settings.get("lock-delay", 0)
    timeout = None if not idle else idle + (delay or 0)
    enforced = settings.get("lock-enabled") == 1 and bool(timeout) and {"lock-enabled", "idle-delay"} <= locked
    problems = [] if enforced else [Problem("permission", "gsettings", "users_not_read")]
    data = {
        "machine_timeout_s": timeout,
        "machine_policy": "yes" if enforced else "no",
        "effective": "enforced" if enforced else "unknown",
    }
    section = found("dconf", data, problems)
    section.ttl_s = DAY_S // 4
    return section


def system_settings(host: Host) -> tuple[dict[str, int], set[str]]:
    """The values of the three keys in the system's dconf files, and which are locked."""
    settings: dict[str, int] = {}
    locked: set[str] = set()
    for database in host.listed(DCONF, "*.d"):
        for path in host.listed(database):
            if not host.path(path).is_dir():
                settings |= parse_keyfile(host.read_text(path))
        for path in host.listed(f"{database}/locks"):
            locked |= {line.strip().rsplit("/", 1)[-1] for line in host.read_text(path).splitlines() if line.strip()}
    return settings, locked


def parse_keyfile(content: str) -> dict[str, int]:
    """The keys of a dconf keyfile as integers (true is 1; ``uint32 300`` is 300)."""
    values = {}
    for name, value in re.findall(r"^\s*([a-z-]+)\s*=\s*(?:uint32\s+)?(true|false|\d+)\s*$", content, re.MULTILINE):
        if name in KEYS:
            values[name] = int(value) if value.isdigit() else int(value == "true")
    return values
