"""Updates of Fedora, RHEL and clones (``dnf``) and of SUSE (``zypper``), from their caches, without the network."""

import re
from datetime import datetime
from xml.etree import ElementTree as ET

from vigie_agent import clock
from vigie_agent.collectors.base import DAY_S, CollectError, Context, Gaps, Section, found
from vigie_agent.collectors.host import Host
from vigie_agent.collectors.linux import first_seen

DNF_CHECK = ["dnf", "-q", "--cacheonly", "check-update"]
DNF_SECURITY = ["dnf", "-q", "--cacheonly", "updateinfo", "list", "--security"]
DNF_PENDING_RC = 100
ZYPPER_LIST = ["zypper", "--non-interactive", "--no-refresh", "--xmlout", "list-patches"]
TIMEOUT_S = 100.0
SEVERITIES = ("critical", "important", "moderate", "low")


def collect_dnf(context: Context) -> Section:
    """Pending updates by ``dnf``'s exit code contract: 100 pending, 0 none, 1 error."""
    host, gaps = context.host, Gaps()
    answer = host.run(DNF_CHECK, TIMEOUT_S)
    if answer.rc not in {0, DNF_PENDING_RC}:
        raise CollectError("provider_error", "dnf", f"rc_{answer.rc}")
    names = parse_dnf_check(answer.text)
    security = gaps.read("dnf.updateinfo", lambda: parse_dnf_security(_ok(host, DNF_SECURITY)))
    dated = _newest(host, "/var/cache/dnf", "*.solv")
    automatic = host.link_target("/etc/systemd/system/timers.target.wants/dnf-automatic.timer") or host.link_target(
        "/etc/systemd/system/timers.target.wants/dnf-automatic-install.timer",
    )
    data = _data(context, gaps, "dnf", len(names), security, dated)
    data["auto_update"] = "enabled" if automatic else "disabled"
    return found("dnf", data, gaps.problems)


def _ok(host: Host, argv: list[str]) -> str:
    answer = host.run(argv, TIMEOUT_S)
    if answer.rc != 0:
        raise CollectError("provider_error", argv[0], f"rc_{answer.rc}")
    return answer.text


def parse_dnf_check(output: str) -> list[str]:
    """Package names of ``check-update``: three columns, until the list of obsoleted packages."""
    names = []
    for line in output.splitlines():
        if line.startswith("Obsoleting"):
            break
        match = re.match(r"^(\S+)\.(?:x86_64|aarch64|i686|noarch|s390x|ppc64le)\s+\S+\s+\S+\s*$", line)
        if match:
            names.append(match[1])
    return names


def parse_dnf_security(output: str) -> dict[str, str]:
    """Package (with version) to severity, of ``updateinfo list --security``: id, severity/Sec., package."""
    found_items = {}
    for line in output.splitlines():
        match = re.match(r"^\S+\s+(?:(Critical|Important|Moderate|Low)/)?[Ss]ec(?:\.|urity)\s+(\S+)$", line)
        if match:
            found_items[match[2]] = (match[1] or "none").lower()
    return found_items


def collect_zypper(context: Context) -> Section:
    """Pending patches by ``zypper``'s XML."""
    host, gaps = context.host, Gaps()
    answer = host.run(ZYPPER_LIST, TIMEOUT_S)
    if answer.rc not in {0, 100, 101, 102, 103}:
        raise CollectError("provider_error", "zypper", f"rc_{answer.rc}")
    patches = parse_zypper(answer.stdout)
    security = {name: severity for name, category, severity in patches if category == "security"}
    dated = _newest(host, "/var/cache/zypp/solv", "*")
    data = _data(context, gaps, "zypper", len(patches), security, dated)
    automatic = host.link_target("/etc/systemd/system/timers.target.wants/transactional-update.timer")
    data["auto_update"] = "enabled" if automatic else "unknown"
    return found("zypper", data, gaps.problems)


def parse_zypper(output: bytes) -> list[tuple[str, str, str]]:
    """(name, category, severity) of each patch that is needed; ``ValueError`` on anything but zypper's XML."""
    try:
        root = ET.fromstring(output)  # noqa: S314 - the answer of a local tool of the system
    except ET.ParseError as error:
        raise ValueError("not XML") from error
    return [
        (item.get("name", ""), item.get("category", ""), item.get("severity", "none"))
        for item in root.iter("update")
        if item.get("status", "needed") == "needed"
    ]


def _newest(host: Host, directory: str, pattern: str) -> datetime | None:
    times = [moment for path in host.listed(directory, pattern) if (moment := host.modified_at(path)) is not None]
    return clock.from_epoch(max(times)) if times else None


def _data(
    context: Context,
    gaps: Gaps,
    manager: str,
    total: int,
    security: dict[str, str] | None,
    dated: datetime | None,
) -> dict[str, object]:
    """The fields both managers share."""
    age = None
    if security is not None:
        age = first_seen.days_pending(context.memory, list(security), context.now, dated)
        if age is None:
            gaps.note("provider_error", f"{manager}.first_seen", "no_history")
    if dated is None:
        gaps.note("provider_error", f"{manager}.cache", "no_date")
    return {
        "manager": manager,
        "last_search_ok_at": clock.to_wire(dated) if dated else None,
        "index_age_s": max(0, (context.now - dated).days) * DAY_S if dated else None,
        "pending": {
            "security": None if security is None else len(security),
            "critical": None if security is None else sum(word == "critical" for word in security.values()),
            "other": None if security is None else max(0, total - len(security)),
            "optional": 0,
            "max_age_days": age,
            "items": None if security is None else _items(security),
        },
        "managed_by": "none",
    }


def _items(security: dict[str, str]) -> list[dict[str, str]]:
    """At most thirty security updates, most severe first."""
    rank = {word: place for place, word in enumerate(SEVERITIES)}
    ordered = sorted(security.items(), key=lambda item: (rank.get(item[1], 9), item[0]))
    return [
        {"name": name.lower(), "class": "security", "severity": severity if severity in rank else "none"}
        for name, severity in ordered[:30]
    ]
