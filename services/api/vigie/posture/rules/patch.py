"""ANS-2.2, 2.3 and 2.4: security updates, pending restart, automatic updating."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from vigie.posture.rules.lifecycle import Lifecycle
from vigie.posture.rules.model import Calendar, DeviceFacts, Finding, PatchPolicy, Policy
from vigie.posture.rules.reading import (
    DAY,
    Reading,
    after_day,
    days_of,
    graded,
    instant,
    midnight,
    past,
    read,
    stamp,
    verdict,
    whole_days,
)

_ASKED_ANEW = frozenset({"windows_update", "softwareupdate"})  # what others know is as old as their lists
_SECURITY_CLASSES = frozenset({"security", "critical"})

_NEVER_DONE = frozenset({"2267602", "890830", "5007651"})
"""Updates Windows offers for ever: Defender signatures, the malicious-software tool, the Defender platform."""


def assess_security_updates(  # noqa: PLR0911 - one return per line of the rule
    facts: DeviceFacts, policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, now: datetime
) -> Finding:
    """ANS-2.2: age of the oldest missing security update, in whole days since its publication.

    Pass up to ``security_pass_days``, warn up to ``security_warn_days``, then fail. "Nothing missing" is worth what the last
    search is worth: with package lists older than ``search_warn_days`` it is unknown, not a pass (a false green) and not a
    warning either, for a warning would claim to know that little is wrong. Updates known to be exploited (3 and 7 days in
    the source) are not told apart: no such list reaches the rules.
    """
    control = "ANS-2.2"
    bounds = policy.patch
    threshold = {
        "pass_days": bounds.security_pass_days,
        "warn_days": bounds.security_warn_days,
        "search_days": bounds.search_warn_days,
    }
    reading = read(facts, control, "patch", threshold, absent=("unknown", "no_update_manager"))
    if isinstance(reading, Finding):
        return reading
    evidence = reading.evidence
    pending = reading.data.get("pending")
    missing = _missing_security(pending) if isinstance(pending, Mapping) else None
    if missing is None or not isinstance(pending, Mapping):
        return verdict(control, "unknown", "updates_unreadable", evidence, threshold)
    evidence["missing"] = missing
    oldest = _oldest_missing(pending, reading, now) if missing else None
    if oldest is not None:
        evidence["oldest_days"] = whole_days(oldest, now)
        state, until = graded(oldest, bounds.security_pass_days, bounds.security_warn_days, now)
        if state == "fail":
            return verdict(control, "fail", "security_updates_overdue", evidence, threshold)
        if state == "warn":
            return verdict(control, "warn", "security_updates_late", evidence, threshold, until)
        return _trust_search(control, reading, threshold, bounds, now, until)
    if missing:
        return _age_unknown(reading, threshold, bounds, now)
    return _trust_search(control, reading, threshold, bounds, now, None)


def _missing_security(pending: Mapping[str, Any]) -> int | None:
    """Count the missing security updates, without those that Windows never stops offering; None: not known."""
    security, critical = pending.get("security"), pending.get("critical")
    if not isinstance(security, int):
        return None
    endless = sum(1 for item in pending.get("items") or () if _in_scope(item) and item.get("kb") in _NEVER_DONE)
    return max(security + (critical if isinstance(critical, int) else 0) - endless, 0)


def _in_scope(item: Mapping[str, Any]) -> bool:
    return item.get("class") in _SECURITY_CLASSES


def _oldest_missing(pending: Mapping[str, Any], reading: Reading, now: datetime) -> datetime | None:
    """Return when the oldest missing security update was published, by the list and by the agent's own count.

    The age the agent counted was true when it collected; the time since is added by counting from that instant. The list
    holds thirty items at most, so the older of the two answers is the right one.
    """
    oldest: datetime | None = None
    age_days = pending.get("max_age_days")
    if isinstance(age_days, int):
        oldest = reading.collected_at - timedelta(days=min(age_days, 36500))
    for item in pending.get("items") or ():
        if not _in_scope(item) or item.get("kb") in _NEVER_DONE:
            continue
        released_at = midnight(item.get("released_on"))
        if released_at is not None and released_at <= now and (oldest is None or released_at < oldest):
            oldest = released_at
    return oldest


def _age_unknown(reading: Reading, threshold: Mapping[str, Any], bounds: PatchPolicy, now: datetime) -> Finding:
    """Judge missing updates without a date: they have been missing at least since they were reported."""
    fails_at = after_day(reading.collected_at, bounds.security_warn_days)
    reading.evidence["missing_since_at_least"] = stamp(reading.collected_at)
    if now >= fails_at:
        reading.evidence["oldest_days"] = whole_days(reading.collected_at, now)
        return verdict("ANS-2.2", "fail", "security_updates_overdue", reading.evidence, threshold)
    return verdict("ANS-2.2", "unknown", "security_updates_age_unknown", reading.evidence, threshold, fails_at)


def _last_search(reading: Reading, now: datetime) -> datetime | None:
    """Return how fresh the list of known updates is: the age of the package lists, where there are any, or the last search."""
    age_s = reading.data.get("index_age_s")
    if isinstance(age_s, int):
        return reading.collected_at - timedelta(seconds=min(age_s, 10**9))
    if reading.data.get("manager") not in _ASKED_ANEW:
        return None
    return past(reading.data.get("last_search_ok_at"), now)


def _trust_search(
    control: str,
    reading: Reading,
    threshold: Mapping[str, Any],
    bounds: PatchPolicy,
    now: datetime,
    until: datetime | None,
) -> Finding:
    """Give the pass of ANS-2.2 only as long as the search behind it is recent."""
    evidence = reading.evidence
    searched_at = _last_search(reading, now)
    if searched_at is None:
        return verdict(control, "unknown", "update_search_unknown", evidence, threshold, until)
    evidence["searched_at"] = stamp(searched_at)
    evidence["search_age_days"] = whole_days(searched_at, now)
    stale_at = after_day(searched_at, bounds.search_warn_days)
    if now >= stale_at:
        return verdict(control, "unknown", "update_search_stale", evidence, threshold, until)
    if until is None:
        return verdict(control, "pass", "security_updates_applied", evidence, threshold, stale_at)
    return verdict(control, "pass", "security_updates_recent", evidence, threshold, min(until, stale_at))


def assess_restart(
    facts: DeviceFacts, policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, now: datetime
) -> Finding:
    """ANS-2.3: a restart that updates wait for is done.

    Pass: none awaited, or for less than ``reboot_warn_from_days``; warn below ``reboot_fail_from_days``; then fail. Files
    to be renamed at the next start are ignored: printers and browsers set them daily. "Since when" is what the server
    remembers (``facts.first_seen``), no earlier than the last boot; without memory, since the report at least.
    """
    control = "ANS-2.3"
    bounds = policy.patch
    threshold = {"warn_from_days": bounds.reboot_warn_from_days, "fail_from_days": bounds.reboot_fail_from_days}
    reading = read(facts, control, "os", threshold)
    if isinstance(reading, Finding):
        return reading
    evidence = reading.evidence
    flag = reading.data.get("reboot_required")
    value = flag.get("value") if isinstance(flag, Mapping) else None
    if value == "no":
        return verdict(control, "pass", "no_restart_pending", evidence, threshold)
    if value != "yes" or not isinstance(flag, Mapping):
        return verdict(control, "unknown", "restart_unknown", evidence, threshold)
    since = past(flag.get("since"), now) or facts.first_seen.get("reboot_required") or reading.collected_at
    booted_at = past(reading.data.get("boot_at"), now)
    if booted_at is not None and booted_at > since:
        since = booted_at
    evidence["since"] = stamp(since)
    evidence["pending_days"] = whole_days(since, now)
    evidence["sources"] = list(flag.get("strong_sources") or ())[:4]
    # "Less than three days": the bound itself is already outside, unlike every other bound in whole days.
    state, until = graded(since, bounds.reboot_warn_from_days - 1, bounds.reboot_fail_from_days - 1, now)
    if state == "pass":
        return verdict(control, "pass", "restart_pending", evidence, threshold, until)
    if state == "warn":
        return verdict(control, "warn", "restart_due", evidence, threshold, until)
    return verdict(control, "fail", "restart_overdue", evidence, threshold)


def assess_auto_update(
    facts: DeviceFacts, policy: Policy, calendar: Calendar, _lifecycle: Lifecycle, now: datetime
) -> Finding:
    """ANS-2.4: automatic updating is on, not paused for long, and really searches.

    Fail: off, paused for more than ``pause_warn_days`` from now, or no successful search for more than
    ``search_warn_days`` (a management server that is gone looks like this). Warn: paused for less, only notifying, or
    the last search older than ``search_pass_days``. The age of a search is counted in the practice's open time: a machine
    that is off in August searches nothing, and nothing is wrong with it.
    """
    control = "ANS-2.4"
    bounds = policy.patch
    threshold = {
        "search_pass_days": bounds.search_pass_days,
        "search_warn_days": bounds.search_warn_days,
        "pause_warn_days": bounds.pause_warn_days,
    }
    reading = read(facts, control, "patch", threshold, absent=("fail", "no_update_manager"))
    if isinstance(reading, Finding):
        return reading
    evidence = reading.evidence
    mode = reading.data.get("auto_update")
    evidence["auto_update"] = mode
    evidence["managed_by"] = reading.data.get("managed_by")
    if mode == "disabled":
        return verdict(control, "fail", "auto_update_off", evidence, threshold)
    paused_until = instant(reading.data.get("paused_until"))
    paused = paused_until is not None and paused_until > now
    if paused_until is not None and paused:
        evidence["paused_until"] = stamp(paused_until)
        if paused_until - now > bounds.pause_warn_days * DAY:
            eases_at = paused_until - bounds.pause_warn_days * DAY
            return verdict(control, "fail", "auto_update_paused_long", evidence, threshold, eases_at)
    searched_at = _last_search(reading, now)
    late_at, overdue_at = (
        calendar.elapse(searched_at, days_of(days + 1)) if searched_at is not None else None
        for days in (bounds.search_pass_days, bounds.search_warn_days)
    )
    if searched_at is not None:
        evidence["searched_at"] = stamp(searched_at)
        evidence["search_age_days"] = whole_days(searched_at, now)
    return _search_verdict(reading, threshold, (late_at, overdue_at), now, paused_until if paused else None)


def _search_verdict(  # noqa: PLR0911 - one return per line of the rule
    reading: Reading,
    threshold: Mapping[str, Any],
    ends: tuple[datetime | None, datetime | None],
    now: datetime,
    paused_until: datetime | None,
) -> Finding:
    """Judge ANS-2.4 by its last search, once the mode itself is no failure. `ends`: when that is late, and overdue."""
    control, evidence = "ANS-2.4", reading.evidence
    mode = reading.data.get("auto_update")
    late_at, overdue_at = ends
    if overdue_at is not None and now >= overdue_at:
        return verdict(control, "fail", "update_search_overdue", evidence, threshold)
    if mode not in {"enabled", "managed", "notify"}:
        return verdict(control, "unknown", "auto_update_unknown", evidence, threshold, overdue_at)
    if late_at is None or overdue_at is None:
        return verdict(control, "unknown", "update_search_unknown", evidence, threshold)
    if paused_until is not None:
        return verdict(control, "warn", "auto_update_paused", evidence, threshold, min(paused_until, overdue_at))
    if mode == "notify":
        return verdict(control, "warn", "auto_update_notify_only", evidence, threshold, overdue_at)
    if now >= late_at:
        return verdict(control, "warn", "update_search_late", evidence, threshold, overdue_at)
    return verdict(control, "pass", "auto_update_on", evidence, threshold, late_at)
