"""ANS-2.10, 2.11, 2.12 and 3.2: passwords, accounts that open by themselves, administrators, accounts nobody uses."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from vigie.posture.rules.lifecycle import Lifecycle
from vigie.posture.rules.model import AccessPolicy, Calendar, DeviceFacts, Finding, Policy, State
from vigie.posture.rules.neighbours import fact
from vigie.posture.rules.reading import after_day, read, verdict, whole_days
from vigie.posture.rules.reasons import Reason
from vigie.posture.rules.timeline import WORST_FIRST, Timeline, combine

Judgement = tuple[State, Reason]

_UNATTENDED = frozenset({"server", "nas"})
_DIRECTORIES = frozenset({"domain", "entra"})
_CENTURY_DAYS = 36500
_NO_BLANK: Mapping[str, Any] = {"passwordless_allowed": 0, "autologon": "no", "guest_enabled": "no"}


def assess_password_policy(
    facts: DeviceFacts, policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, _now: datetime
) -> Finding:
    """ANS-2.10: the system asks for strong passwords (CNIL recommendation 2022-100).

    Pass: ``password_length`` characters with complexity, or ``password_alone_length`` without. Warn:
    ``password_limited_length`` with complexity and a lockout after 1 to ``lockout_attempts`` attempts. Else fail. Periodic
    renewal is no criterion: the recommendation dropped it. A fact that could turn the verdict and is not told makes it
    unknown. Members of a domain follow its policy, not their own, which says nothing: only a domain controller tells it.
    """
    control = "ANS-2.10"
    bounds = policy.access
    threshold = {
        "length": bounds.password_length,
        "alone_length": bounds.password_alone_length,
        "limited_length": bounds.password_limited_length,
        "lockout_attempts": bounds.lockout_attempts,
    }
    reading = read(facts, control, "accounts", threshold)
    if isinstance(reading, Finding):
        return reading
    evidence = reading.evidence
    scope = reading.data.get("scope")
    evidence["scope"] = scope
    if scope != "local" and not (scope == "domain" and fact(facts, "os", "product") == "dc"):
        reason: Reason = "password_policy_elsewhere" if scope in _DIRECTORIES else "password_policy_unreadable"
        return verdict(control, "unknown", reason, evidence, threshold)
    asked = reading.data.get("policy")
    if not isinstance(asked, Mapping):
        return verdict(control, "unknown", "password_policy_unreadable", evidence, threshold)
    for key in ("min_length", "complexity", "lockout_threshold"):
        evidence[key] = asked.get(key)
    state, reason = _strength(asked, bounds)
    return verdict(control, state, reason, evidence, threshold)


def _strength(asked: Mapping[str, Any], bounds: AccessPolicy) -> Judgement:  # noqa: PLR0911 - one return per line of the rule
    length, complexity, attempts = asked.get("min_length"), asked.get("complexity"), asked.get("lockout_threshold")
    if not isinstance(length, int):
        return "unknown", "password_policy_unreadable"
    if length >= bounds.password_alone_length:
        return "pass", "passwords_strong"
    if length < bounds.password_limited_length or complexity == "no":
        return "fail", "passwords_weak"
    if length >= bounds.password_length:
        return ("pass", "passwords_strong") if complexity == "yes" else ("unknown", "password_complexity_unknown")
    if isinstance(attempts, int) and not 1 <= attempts <= bounds.lockout_attempts:
        return "fail", "passwords_weak"
    if complexity != "yes":
        return "unknown", "password_complexity_unknown"
    return ("warn", "passwords_limited") if isinstance(attempts, int) else ("unknown", "password_lockout_unknown")


def assess_open_accounts(
    facts: DeviceFacts, _policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, _now: datetime
) -> Finding:
    """ANS-2.11: no enabled account may be without a password, none opens by itself, no guest.

    Windows tells that a password is not required, which is not yet that there is none; the next change may remove it all the
    same. There is no warning in between, and any of the three that is not told leaves the whole unknown.
    """
    control = "ANS-2.11"
    reading = read(facts, control, "accounts", _NO_BLANK)
    if isinstance(reading, Finding):
        return reading
    data, evidence = reading.data, reading.evidence
    logon, blank, guest = data.get("autologon"), data.get("passwordless_allowed"), data.get("guest_enabled")
    evidence["autologon"] = logon
    evidence["passwordless_allowed"] = blank
    evidence["guest_enabled"] = guest
    state, reason = _openness(logon, blank, guest)
    return verdict(control, state, reason, evidence, _NO_BLANK)


def _openness(logon: object, blank: object, guest: object) -> Judgement:
    if logon == "yes_clear_text":
        return "fail", "autologon_clear_text"
    if logon == "yes":
        return "fail", "autologon_on"
    if isinstance(blank, int) and blank:
        return "fail", "blank_password_allowed"
    if guest == "yes":
        return "fail", "guest_enabled"
    if logon != "no" or blank != 0 or guest != "no":
        return "unknown", "account_openness_unknown"
    return "pass", "accounts_closed"


def assess_administrators(
    facts: DeviceFacts, policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, _now: datetime
) -> Finding:
    """ANS-2.12: nobody works as an administrator, and there are few of them.

    Pass: the daily user is none and at most ``admins_pass`` local ones exist. Warn: the daily user is one, or there are more.
    Fail: both, with ``admins_fail_from`` or more. Not knowing the daily user is unknown where that could change the verdict.
    Nobody works at a server: there only the number counts. The built-in account is not counted when it is disabled, nor are
    groups of a domain or of Entra, whose members cannot be seen from the device.
    """
    control = "ANS-2.12"
    bounds = policy.access
    threshold = {"admins_pass": bounds.admins_pass, "admins_fail_from": bounds.admins_fail_from}
    reading = read(facts, control, "accounts", threshold)
    if isinstance(reading, Finding):
        return reading
    evidence = reading.evidence
    admins = _enabled_admins(reading.data)
    daily = reading.data.get("daily_user_is_admin")
    evidence["admins"] = admins
    evidence["daily_user_is_admin"] = daily
    state, reason = _privilege(admins, "no" if facts.role in _UNATTENDED else daily, bounds)
    return verdict(control, state, reason, evidence, threshold)


def _enabled_admins(data: Mapping[str, Any]) -> int | None:
    """Count local administrators; the built-in one is always a member of their group, even when disabled."""
    counts = data.get("admins")
    local = counts.get("local") if isinstance(counts, Mapping) else None
    if not isinstance(local, int):
        return None
    return max(local - 1, 0) if data.get("builtin_admin_enabled") == "no" else local


def _privilege(admins: int | None, daily: object, bounds: AccessPolicy) -> Judgement:
    if admins is None:
        return "unknown", "admins_unknown"
    many = admins > bounds.admins_pass
    if daily == "yes":
        if admins >= bounds.admins_fail_from:
            return "fail", "daily_user_admin_many"
        return "warn", "daily_user_admin"
    if daily == "no":
        return ("warn", "admins_many") if many else ("pass", "admins_few")
    if many and admins < bounds.admins_fail_from:
        return "warn", "admins_many"
    return "unknown", "daily_user_unknown"


def assess_idle_accounts(
    facts: DeviceFacts, policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, now: datetime
) -> Finding:
    """ANS-3.2: every enabled account of a person was used in the last ``idle_pass_days``, then ``idle_warn_days``.

    Ages are counted from the last heartbeat that vouched for them. An account without any sign-in on record is a warning: it
    is new, or nobody needs it. Members of a domain or of Entra hold few of their people's accounts: what theirs show can
    fail, but not pass. A device that has no such account asks nothing.
    """
    control = "ANS-3.2"
    bounds = policy.access
    threshold = {"pass_days": bounds.idle_pass_days, "warn_days": bounds.idle_warn_days}
    reading = read(facts, control, "accounts", threshold)
    if isinstance(reading, Finding):
        return reading
    evidence = reading.evidence
    told = reading.data.get("sign_ins")
    scope = reading.data.get("scope")
    if not isinstance(told, Mapping):
        return verdict(control, "unknown", "last_sign_in_unknown", evidence, threshold)
    accounts, unseen, idle = told.get("accounts"), told.get("unseen"), told.get("longest_idle_days")
    evidence["accounts"] = accounts
    evidence["unseen"] = unseen
    if accounts == 0 and scope == "local":
        return verdict(control, "not_applicable", "accounts_of_nobody", evidence, threshold)
    timelines = [_unseen(accounts, unseen, idle)]
    if isinstance(idle, int):
        last_used = facts.seen_at - timedelta(days=min(idle, _CENTURY_DAYS))
        evidence["idle_days"] = whole_days(last_used, now)
        timelines.append(_idling(last_used, bounds))
    if scope != "local":
        unseen_ones: Reason = "sign_ins_elsewhere" if scope in _DIRECTORIES else "last_sign_in_unknown"
        timelines.append((("unknown", unseen_ones, None),))
    state, reason, until = combine(timelines, now, WORST_FIRST)
    return verdict(control, state, reason, evidence, threshold, until)


def _unseen(accounts: object, unseen: object, idle: object) -> Timeline:
    """Judge what no date speaks for: every account must be either dated or known to be undated."""
    dated = isinstance(idle, int) or (isinstance(accounts, int) and accounts == unseen)
    if not isinstance(unseen, int) or not dated:
        return (("unknown", "last_sign_in_unknown", None),)
    return (("warn", "account_unseen", None),) if unseen else (("pass", "accounts_in_use", None),)


def _idling(last_used: datetime, bounds: AccessPolicy) -> Timeline:
    return (
        ("pass", "accounts_in_use", after_day(last_used, bounds.idle_pass_days)),
        ("warn", "account_idle", after_day(last_used, bounds.idle_warn_days)),
        ("fail", "account_abandoned", None),
    )
