"""ANS-2.6 and ANS-2.7: an antivirus that watches, with signatures of this week."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from vigie.posture.rules.lifecycle import Lifecycle
from vigie.posture.rules.model import Calendar, DeviceFacts, Finding, Policy, ProtectionPolicy, State
from vigie.posture.rules.neighbours import booted_at
from vigie.posture.rules.reading import after_day, days_of, hours_of, past, read, verdict, whole_days
from vigie.posture.rules.reasons import Reason
from vigie.posture.rules.timeline import BEST_FIRST, Timeline, combine

Product = Mapping[str, Any]
Judgement = tuple[State, Reason]

_OFF = frozenset({"off", "snoozed", "expired"})
_TOLD_SIGNATURES = frozenset({"up_to_date", "out_of_date"})
_DEFENDER = "windows_defender"
_LISTED = 4
_CENTURY_DAYS = 36500

_WANTED: Mapping[str, str] = {"realtime": "yes", "tamper_protected": "yes", "whole_drive": "no"}


def assess_antivirus(
    facts: DeviceFacts, _policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, _now: datetime
) -> Finding:
    """ANS-2.6: at least one product protects in real time, and cannot simply be switched off.

    Several rows are normal: Defender shows itself off beside another product, so one good product is enough. What the
    section says of real time is Defender's own on Windows; another product is believed when it is registered with the
    Security Center (it then tells of its signatures), not because a service of its name runs, which is all a Windows server
    shows. Fail: none, off, expired, or a scanner that only scans when asked. Warn: protected, but tampering is possible (on
    macOS: SIP or Gatekeeper off) or a whole drive is left out. An appliance without any is not applicable.
    """
    control = "ANS-2.6"
    appliance = facts.family == "nas" or facts.role == "nas"
    absent: Judgement = ("not_applicable", "antivirus_not_on_appliance") if appliance else ("fail", "antivirus_none")
    reading = read(facts, control, "antivirus", _WANTED, absent=absent)
    if isinstance(reading, Finding):
        return reading
    data, evidence = reading.data, reading.evidence
    products = data.get("products")
    if not isinstance(products, list | tuple):
        return verdict(control, "unknown", "antivirus_unreadable", evidence, _WANTED)
    evidence["products"] = [
        {"name": product.get("name"), "state": product.get("state")} for product in products[:_LISTED]
    ]
    evidence["realtime"] = data.get("realtime")
    running = [product for product in products if product.get("state") == "on"]
    on_windows = facts.family == "windows"
    if _protects(running, data.get("realtime"), on_windows=on_windows):
        state, reason = _hardness(data, running, on_windows=on_windows)
    else:
        state, reason = _why_not(products, running, data.get("realtime"), on_windows=on_windows)
    return verdict(control, state, reason, evidence, _WANTED)


def _protects(running: Sequence[Product], realtime: object, *, on_windows: bool) -> bool:
    """Tell whether some running product is known to protect in real time."""
    if not running:
        return False
    if realtime == "yes":
        return True
    return on_windows and any(
        product.get("signatures") in _TOLD_SIGNATURES and product.get("name") != _DEFENDER for product in running
    )


def _why_not(
    products: Sequence[Product], running: Sequence[Product], realtime: object, *, on_windows: bool
) -> Judgement:
    """Explain a device that is not known to be protected: proven to be bare, or not told."""
    states = {product.get("state") for product in products}
    if states - _OFF - {"on"}:
        return "unknown", "antivirus_unreadable"
    if running:
        only_defender = all(product.get("name") == _DEFENDER for product in running)
        if realtime == "no" and (only_defender or not on_windows):
            return "fail", "realtime_off"
        return "unknown", "realtime_unknown"
    if "expired" in states:
        return "fail", "antivirus_expired"
    return "fail", "antivirus_off" if states else "antivirus_none"


def _hardness(data: Mapping[str, Any], running: Sequence[Product], *, on_windows: bool) -> Judgement:
    """Judge how easily a protection that is on could be switched off or walked around."""
    defender = any(product.get("name") == _DEFENDER for product in running)
    if data.get("tamper_protected") == "no" and (defender or not on_windows):
        return "warn", "tamper_protection_off"
    system = data.get("os_protection")
    if isinstance(system, Mapping):
        if system.get("sip") == "no":
            return "warn", "system_protection_off"
        if system.get("gatekeeper") == "no":
            return "warn", "gatekeeper_off"
    exclusions = data.get("exclusions")
    if isinstance(exclusions, Mapping) and exclusions.get("whole_drive") == "yes":
        return "warn", "antivirus_excludes_drive"
    return "pass", "antivirus_on"


def assess_signatures(
    facts: DeviceFacts, policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, now: datetime
) -> Finding:
    """ANS-2.7: the signatures of a running product are at most ``signatures_pass_days`` old, then ``signatures_warn_days``.

    An age is counted back from the last heartbeat that vouched for it; without an age, a date; without a date, the product's
    own word. One good product is enough, and products that are off do not count beside one that is on. Old signatures of a
    machine that was switched on less than ``signatures_settle_hours`` before are unknown: it is fetching what it missed.
    Apple publishes its signatures when there is a reason, not daily: their date says nothing, only the product's word does.
    """
    control = "ANS-2.7"
    bounds = policy.protection
    threshold = {
        "pass_days": bounds.signatures_pass_days,
        "warn_days": bounds.signatures_warn_days,
        "settle_hours": bounds.signatures_settle_hours,
    }
    reading = read(facts, control, "antivirus", threshold, absent=("not_applicable", "signatures_no_product"))
    if isinstance(reading, Finding):
        return reading
    data, evidence = reading.data, reading.evidence
    products = data.get("products")
    age = data.get("signature_age_days")
    if isinstance(products, list | tuple) and not products:
        return verdict(control, "not_applicable", "signatures_no_product", evidence, threshold)
    counted_from = facts.seen_at - days_of(min(age, _CENTURY_DAYS)) if isinstance(age, int) else None
    dates, timelines = _ages(facts, products or (), counted_from, bounds)
    state, reason, until = combine(timelines, now, BEST_FIRST)
    if dates:
        evidence["signature_age_days"] = whole_days(max(dates), now)
    if state in {"warn", "fail"}:
        on_since = booted_at(facts)
        if on_since is not None and facts.seen_at - on_since < hours_of(bounds.signatures_settle_hours):
            return verdict(control, "unknown", "signatures_settling", evidence, threshold)
    return verdict(control, state, reason, evidence, threshold, until)


def _ages(
    facts: DeviceFacts, products: Sequence[Product], counted_from: datetime | None, bounds: ProtectionPolicy
) -> tuple[list[datetime], list[Timeline]]:
    """Return the dates and the timelines of the products that count; the age of the section belongs to Defender on Windows."""
    counting = [product for product in products if product.get("state") == "on"]
    if not counting and {product.get("state") for product in products} <= _OFF:
        counting = list(products)
    if not counting:
        return [], [(_word({}),)]
    dates: list[datetime] = []
    timelines: list[Timeline] = []
    for product in counting:
        date = None
        if product.get("name") != "xprotect":
            owns_age = len(counting) == 1 or facts.family != "windows" or product.get("name") == _DEFENDER
            date = counted_from if owns_age else None
            date = date or past(product.get("engine_date"), facts.seen_at)
        if date is None:
            timelines.append((_word(product),))
            continue
        dates.append(date)
        timelines.append(_graded(date, bounds))
    return dates, timelines


def _graded(date: datetime, bounds: ProtectionPolicy) -> Timeline:
    pass_until = after_day(date, bounds.signatures_pass_days)
    warn_until = pass_until + days_of(bounds.signatures_warn_days - bounds.signatures_pass_days)
    return (
        ("pass", "signatures_recent", pass_until),
        ("warn", "signatures_late", warn_until),
        ("fail", "signatures_old", None),
    )


def _word(product: Product) -> tuple[State, Reason, None]:
    """Judge a product that tells no date by what it says of itself; Defender always tells one, if it can be asked at all."""
    word = product.get("signatures")
    if word == "up_to_date" and product.get("name") != _DEFENDER:
        return "pass", "signatures_vouched", None
    if word == "out_of_date":
        return "fail", "signatures_out_of_date", None
    return "unknown", "signatures_unknown", None
