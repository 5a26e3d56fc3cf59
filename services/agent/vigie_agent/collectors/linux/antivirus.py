"""Section ``antivirus`` on Linux: ClamAV, Microsoft Defender, and the well-known agents by their services."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from vigie_agent import clock
from vigie_agent.collectors.base import CollectError, Context, Gaps, Section, absent, found, mapping, tri
from vigie_agent.collectors.host import Host
from vigie_agent.collectors.linux import services

CLAMAV_BASES = ("/var/lib/clamav/daily.cld", "/var/lib/clamav/daily.cvd")
CLAMAV_UNITS = ("clamav-daemon.service", "clamav-clamonacc.service")
STALE_AFTER_DAYS = 7
# product name on the allow-list -> (a file of its installation, its unit)
OTHER_PRODUCTS = {
    "eset": ("/opt/eset", "eea.service"),
    "bitdefender": ("/opt/bitdefender-security-tools", "bdsec.service"),
    "kaspersky": ("/opt/kaspersky/kesl", "kesl.service"),
    "sophos": ("/opt/sophos-spl", "sophos-spl.service"),
    "sentinelone": ("/opt/sentinelone", "sentinelone.service"),
    "crowdstrike": ("/opt/CrowdStrike", "falcon-sensor.service"),
    "trend_micro": ("/opt/ds_agent", "ds_agent.service"),
    "withsecure": ("/opt/f-secure/linuxsecurity", "f-secure-linuxsecurity.service"),
    "harfanglab": ("/opt/hurukai-agent", "hurukai.service"),
    "cortex_xdr": ("/opt/traps", "traps_pmd.service"),
}


def collect(context: Context) -> Section:
    """All products that are installed; ``absent`` when there is none."""
    host, gaps = context.host, Gaps()
    present = [name for name, (mark, _unit) in OTHER_PRODUCTS.items() if host.exists(mark)]
    clamav = host.which("clamscan") or host.which("clamd") or host.exists("/var/lib/clamav")
    mdatp = host.which("mdatp")
    if not (present or clamav or mdatp):
        return absent("files")
    units = [*CLAMAV_UNITS, *(OTHER_PRODUCTS[name][1] for name in present)]
    running = gaps.read("systemd", lambda: services.active(host, units)) or dict.fromkeys(units)
    products = [_third_party(name, running[OTHER_PRODUCTS[name][1]]) for name in present]
    realtime = [running[OTHER_PRODUCTS[name][1]] for name in present]
    ages: list[int] = []
    if clamav:
        products.append(_clamav(context, running[CLAMAV_UNITS[0]], gaps, ages))
        # A scanner that only scans when asked is no real-time protection.
        realtime.append(running[CLAMAV_UNITS[1]])
    if mdatp:
        health = gaps.read("mdatp", lambda: parse_mdatp(_json(host, ["mdatp", "health", "--output", "json"])))
        products.append(health["product"] if health else _third_party("mdatp", None))
        realtime.append(health["realtime"] if health else None)
        ages.extend([health["age_days"]] if health and health["age_days"] is not None else [])
    data = {
        "products": products,
        "realtime": tri(_any(realtime)),
        "tamper_protected": "unknown",
        "signature_age_days": min(ages, default=None),
    }
    if not host.exists(services.RUNNING_MARK) and not mdatp:
        gaps.note("provider_error", "systemd", "not_running")
    return found("files+systemd", data, gaps.problems)


def _any(values: list[bool | None]) -> bool | None:
    if any(values):
        return True
    return None if None in values or not values else False


def _third_party(name: str, running: bool | None) -> dict[str, Any]:  # noqa: FBT001 - a fact, not a switch
    state = {True: "on", False: "off", None: "unknown"}[running]
    return {"name": name, "vendor_owned": "no", "state": state, "signatures": "unknown"}


def _clamav(
    context: Context,
    running: bool | None,  # noqa: FBT001 - a fact, not a switch
    gaps: Gaps,
    ages: list[int],
) -> dict[str, Any]:
    """ClamAV's row: the daemon's state, the date in the header of its daily base."""
    product = _third_party("clamav", running)
    head = None
    for path in CLAMAV_BASES:
        if head is None and context.host.exists(path):
            head = gaps.read("clamav.base", lambda path=path: context.host.read_bytes(path, 512))  # type: ignore[misc]
    built = gaps.read("clamav.base", lambda: clamav_date(head)) if head else None
    if built is not None:
        age = max(0, (context.now - built).days)
        ages.append(age)
        product["engine_date"] = clock.to_wire(built)
        product["signatures"] = "up_to_date" if age <= STALE_AFTER_DAYS else "out_of_date"
    elif head is None and not any(problem.source == "clamav.base" for problem in gaps.problems):
        product["signatures"] = "out_of_date"  # read correctly: there are no signatures at all
    return product


def clamav_date(head: bytes) -> datetime:
    """The build time in the first 512 bytes of a ClamAV base.

    ``ClamAV-VDB:21 Nov 2026 04-24 -0500:27831:…:1763716000``: the last field is Unix time where present, else the
    text is parsed. ``ValueError`` if neither can be.
    """
    fields = head.rstrip(b"\x00 ").decode("ascii", "replace").split(":")
    if fields[0] != "ClamAV-VDB" or len(fields) < 2:  # noqa: PLR2004 - the tag and its first field
        raise ValueError("not a ClamAV base")
    if re.fullmatch(r"\d{9,11}", fields[-1].strip()):
        return clock.from_epoch(int(fields[-1].strip()))
    return datetime.strptime(fields[1].strip(), "%d %b %Y %H-%M %z").astimezone(UTC)


def _json(host: Host, argv: list[str]) -> dict[str, Any]:
    answer = host.run(argv)
    if answer.rc != 0:
        raise CollectError("provider_error", argv[0], f"rc_{answer.rc}")
    return dict(mapping(json.loads(answer.stdout)))


def parse_mdatp(health: dict[str, Any]) -> dict[str, Any]:
    """Microsoft Defender's own health report reduced to our facts."""
    minutes = health.get("definitionsUpdatedMinutesAgo")
    status = health.get("definitionsStatus")
    kind = status.get("$type") if isinstance(status, dict) else status
    realtime = health.get("realTimeProtectionEnabled")
    if isinstance(realtime, dict):
        realtime = realtime.get("value")
    on = realtime if isinstance(realtime, bool) else None
    product = _third_party("mdatp", on)
    product["signatures"] = {"upToDate": "up_to_date", "outOfDate": "out_of_date"}.get(str(kind), "unknown")
    updated = str(health.get("definitionsUpdated", ""))
    if updated.isdigit():
        product["engine_date"] = clock.to_wire(clock.from_epoch(int(updated) // 1000))
    age = minutes // 1440 if isinstance(minutes, int) and minutes >= 0 else None
    return {"product": product, "realtime": on, "age_days": age}
