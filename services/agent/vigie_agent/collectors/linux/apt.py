"""Updates of Debian and Ubuntu: what ``apt-get`` would install, read from a simulation that takes no lock.

``apt-get update`` is never run: how old the lists are is a fact to report, not to repair.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from vigie_agent import clock
from vigie_agent.collectors.base import DAY_S, CollectError, Context, Gaps, Section, found
from vigie_agent.collectors.host import Host
from vigie_agent.collectors.linux import first_seen

SIMULATION = ["apt-get", "-s", "-o", "Debug::NoLocking=1", "dist-upgrade"]
SIMULATION_TIMEOUT_S = 100.0
LISTS = "/var/lib/apt/lists"
STAMP = "/var/lib/apt/periodic/update-success-stamp"
HISTORY = "/var/log/apt/history.log"
DPKG_STATUS = "/var/lib/dpkg/status"
REMEMBERED = "apt_simulation"
UPGRADE_TIMER = "apt-daily-upgrade.timer"
# Names are sent for packages of the distribution only: a package of the practice's own may carry its name.
PUBLIC_ORIGINS = ("Debian", "Debian-Security", "Debian Backports", "Ubuntu", "UbuntuESM", "UbuntuESMApps", "Raspbian")
MAX_ITEMS = 30
_INST = re.compile(
    r"^Inst (?P<name>\S+) (?:\[(?P<old>[^\]]*)\] )?\((?P<new>\S+) (?P<origins>.*?) \[(?P<arch>[^\]]+)\]\)",
)


@dataclass(frozen=True)
class Update:
    """One package that would be installed or upgraded."""

    name: str
    installed: str | None
    security: bool
    public: bool

    @property
    def key(self) -> str:
        """What the agent remembers it by: the installed version, so that a newer fix does not make the gap younger."""
        return f"{self.name}={self.installed or 'new'}"


def collect(context: Context) -> Section:
    """The pending updates, the age of the lists, the automatic-update policy."""
    host, gaps = context.host, Gaps()
    updates = simulate(context)
    dated = gaps.read("apt.lists", lambda: list_date(host))
    if dated is None and not gaps.problems:
        gaps.note("provider_error", "apt.lists", "never_updated")
    security = [update for update in updates if update.security]
    age = first_seen.days_pending(context.memory, [item.key for item in security], context.now, dated)
    if age is None:
        gaps.note("provider_error", "apt.first_seen", "no_history")
    data = {
        "manager": "apt",
        "last_search_ok_at": clock.to_wire(dated) if dated else None,
        "index_age_s": _whole_days(context.now, dated) if dated else None,
        "last_os_install_at": gaps.read("apt.history", lambda: last_upgrade(host)),
        "pending": {
            "security": len(security),
            "critical": None,  # apt has no such class
            "other": len(updates) - len(security),
            "optional": 0,
            "max_age_days": age,
            "items": as_items(updates),
        },
        "auto_update": gaps.read("apt.config", lambda: auto_update(host), "unknown"),
        "managed_by": "landscape" if host.exists("/etc/landscape/client.conf") else "none",
    }
    return found("apt", data, gaps.problems)


def simulate(context: Context) -> list[Update]:
    """What a dist-upgrade would install: remembered while nothing it depends on has changed, for a day at most.

    The simulation is the dearest thing the agent does (seconds of processor time) and its answer depends on a few
    files only.
    """
    mark = fingerprint(context.host)
    known = context.memory.subject(REMEMBERED)
    fresh = known.get("mark") == mark and known.get("day") == context.now.date().isoformat()
    if mark is not None and fresh and isinstance(known.get("updates"), list):
        return [Update(*fields) for fields in known["updates"]]
    answer = context.host.run(SIMULATION, SIMULATION_TIMEOUT_S)
    if answer.rc != 0:
        raise CollectError("provider_error", "apt", f"rc_{answer.rc}")
    updates = parse_simulation(answer.text)
    rows = [[item.name, item.installed, item.security, item.public] for item in updates]
    context.memory.replace(REMEMBERED, {"mark": mark, "day": context.now.date().isoformat(), "updates": rows})
    return updates


def fingerprint(host: Host) -> str | None:
    """What the answer of the simulation depends on: installed packages, lists, settings; None without packages."""
    if not host.exists(DPKG_STATUS):
        return None
    paths = [DPKG_STATUS, "/var/lib/apt/extended_states", "/etc/apt/sources.list", "/etc/apt/preferences"]
    for folder in (LISTS, "/etc/apt", "/etc/apt/sources.list.d", "/etc/apt/preferences.d", "/etc/apt/apt.conf.d"):
        paths += host.listed(folder)
    marks = [f"{path} {host.stamp(path)}" for path in paths if not path.endswith(("/lock", "/partial"))]
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()[:32]


def parse_simulation(output: str) -> list[Update]:
    """The ``Inst`` lines of a simulated dist-upgrade; ``ValueError`` if the summary says otherwise than the lines.

    ``Inst base-files [12.4] (12.4+deb12u15 Debian:12.15/oldstable [amd64])``; new packages lack the old version.
    """
    updates = []
    for line in output.splitlines():
        match = _INST.match(line)
        if match:
            origins = [part.strip() for part in match["origins"].split(",")]
            updates.append(Update(match["name"], match["old"], _is_security(origins), _is_public(origins)))
    summary = re.search(r"^(\d+) upgraded, (\d+) newly installed", output, re.MULTILINE)
    if summary is None or int(summary[1]) + int(summary[2]) > len(updates):
        raise ValueError("summary and lines of apt-get disagree")
    return updates


def _is_security(origins: Iterable[str]) -> bool:
    """By origin: label ``Debian-Security`` or a suite that ends in ``-security`` (ESM suites included)."""
    for origin in origins:
        label, _, rest = origin.partition(":")
        suite = rest.rpartition("/")[2]
        if label == "Debian-Security" or suite.endswith(("-security", "-infra-security", "-apps-security")):
            return True
    return False


def _is_public(origins: Iterable[str]) -> bool:
    return any(origin.partition(":")[0] in PUBLIC_ORIGINS for origin in origins)


def as_items(updates: Iterable[Update]) -> list[dict[str, Any]]:
    """At most thirty updates to name: security first, then by name; packages of foreign origins are only counted."""
    named = sorted((item for item in updates if item.public), key=lambda item: (not item.security, item.name))
    return [
        {"name": item.name, "class": "security" if item.security else "other", "reboot": "unknown"}
        for item in named[:MAX_ITEMS]
    ]


def list_date(host: Host) -> datetime | None:
    """When the lists are known to have been current: the newest of their own dates and of apt's success stamp.

    None when there are no lists at all. ``lists/partial`` is no evidence: it moves even when the update fails.
    """
    dates = [date for path in host.listed(LISTS, "*InRelease") if (date := release_date(host.read_bytes(path, 4096)))]
    stamp = host.modified_at(STAMP)
    if stamp is not None:
        dates.append(clock.from_epoch(stamp))
    return max(dates, default=None)


def release_date(head: bytes) -> datetime | None:
    """The ``Date:`` of an InRelease file, None if it has none that can be read."""
    match = re.search(rb"^Date: (.+)$", head, re.MULTILINE)
    if match is None:
        return None
    try:
        moment = parsedate_to_datetime(match[1].decode("ascii", "replace"))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _whole_days(now: datetime, then: datetime) -> int:
    """Age in seconds, cut to whole days so that it changes once a day."""
    return max(0, (now - then).days) * DAY_S


def last_upgrade(host: Host) -> str | None:
    """When packages were last upgraded, None when the log does not say (it is rotated monthly)."""
    content = host.read_optional(HISTORY)
    if content is None:
        return None
    last = None
    for entry in content.split("\n\n"):
        ended = re.search(r"^End-Date: (\d{4}-\d{2}-\d{2})  (\d{2}:\d{2}:\d{2})$", entry, re.MULTILINE)
        if ended and re.search(r"^Upgrade: ", entry, re.MULTILINE):
            last = f"{ended[1]}T{ended[2]}"
    if last is None:
        return None
    # apt writes local time without an offset; astimezone() takes a naive instant as local
    return clock.to_wire(datetime.fromisoformat(last).astimezone())


def auto_update(host: Host) -> str:
    """``enabled`` when unattended-upgrades is installed, asked for and its timer is on; else ``notify`` or ``disabled``."""
    settings = dict(
        re.findall(r'^APT::Periodic::([\w-]+) "([^"]*)";', host.run(["apt-config", "dump"]).text, re.MULTILINE),
    )
    if settings.get("Enable", "1") == "0":
        return "disabled"
    lists = _on(settings.get("Update-Package-Lists"))
    if lists and _on(settings.get("Unattended-Upgrade")) and host.which("unattended-upgrade") and _timer_on(host):
        return "enabled"
    return "notify" if lists else "disabled"


def _on(value: str | None) -> bool:
    return value not in {None, "", "0", "false"}


def _timer_on(host: Host) -> bool:
    """The timer is wanted at boot and not masked."""
    return (
        host.link_target(f"/etc/systemd/system/{UPGRADE_TIMER}") != "/dev/null"
        and host.link_target(f"/etc/systemd/system/timers.target.wants/{UPGRADE_TIMER}") is not None
    )
