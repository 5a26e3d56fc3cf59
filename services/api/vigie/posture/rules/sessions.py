"""ANS-2.9: an unattended session locks itself, and asks for the password again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from vigie.posture.rules.lifecycle import Lifecycle
from vigie.posture.rules.model import AccessPolicy, Calendar, DeviceFacts, Finding, Policy, State
from vigie.posture.rules.reading import read, verdict
from vigie.posture.rules.reasons import Reason

_COMPLIANT_S = 900
"""What agents count as a user who locks in time, by the user's own settings: a quarter of an hour."""


def assess_screen_lock(
    facts: DeviceFacts, policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, _now: datetime
) -> Finding:
    """ANS-2.9: sessions lock after at most ``lock_pass_s`` seconds, then ``lock_warn_s``; more, or never, fails.

    The limit of the machine counts when policy imposes it; else all users seen must lock by themselves. A user who does not,
    with no limit of the machine, fails: nothing there ever locks the session. Nobody signed in and no limit is unknown: the
    settings of people lie in their profiles. On macOS the reported delay runs from the start of the screen saver, so
    without the idle time it proves nothing. 30 minutes is the most that the source allows, 15 our target.
    """
    control = "ANS-2.9"
    bounds = policy.access
    threshold = {"pass_s": bounds.lock_pass_s, "warn_s": bounds.lock_warn_s}
    reading = read(facts, control, "screen_lock", threshold)
    if isinstance(reading, Finding):
        return reading
    data, evidence = reading.data, reading.evidence
    users = data.get("users")
    seen, compliant, bare = _counted(users) if isinstance(users, Mapping) else (None, None, None)
    limit = data.get("machine_timeout_s") if data.get("machine_policy") == "yes" else None
    limit = limit if isinstance(limit, int) and limit > 0 else None
    evidence["machine_timeout_s"] = limit
    evidence["users_seen"] = seen
    evidence["users_locking"] = compliant
    if bare:
        return verdict(control, "fail", "lock_without_password", evidence, threshold)
    effective = data.get("effective")
    if limit is None and effective == "enforced":
        limit = _COMPLIANT_S
    locks = _users_lock(effective, seen, compliant)
    if locks and limit is None and facts.family == "macos" and data.get("machine_timeout_s") is None:
        return verdict(control, "unknown", "lock_idle_unknown", evidence, threshold)
    state, reason = _graded(limit, bounds, locks=locks)
    return verdict(control, state, reason, evidence, threshold)


def _counted(users: Mapping[str, Any]) -> tuple[int | None, int | None, int | None]:
    return users.get("seen"), users.get("compliant"), users.get("no_password")


def _users_lock(effective: object, seen: int | None, compliant: int | None) -> bool | None:
    """Tell whether every user seen locks in time by their own settings; None: nobody was seen."""
    if effective == "none":
        return False
    if seen and compliant is not None:
        return compliant >= seen
    return {"per_user": True, "weak": False}.get(str(effective))


def _graded(limit: int | None, bounds: AccessPolicy, *, locks: bool | None) -> tuple[State, Reason]:
    """Grade the shortest limit that is known to hold for everybody."""
    shortest = min(limit or _COMPLIANT_S, _COMPLIANT_S) if locks else limit
    if shortest is None:
        return ("fail", "lock_missing") if locks is False else ("unknown", "lock_unknown")
    if shortest <= bounds.lock_pass_s:
        return "pass", "lock_enforced" if shortest == limit else "lock_by_user"
    if shortest <= bounds.lock_warn_s:
        return "warn", "lock_late"
    return "fail", "lock_too_late"
