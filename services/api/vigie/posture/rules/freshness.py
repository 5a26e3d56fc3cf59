"""Old reports speak less loudly: a stale pass is a warning, and beyond a week nothing is known."""

from datetime import datetime, timedelta

from vigie.posture.rules.model import TICK, Calendar, Finding, Policy, State
from vigie.posture.rules.reading import stamp, verdict
from vigie.posture.rules.reasons import Reason


def cap_stale(finding: Finding, seen_at: datetime, policy: Policy, calendar: Calendar, now: datetime) -> Finding:
    """Cap a finding by the age of the heartbeat that vouches for it (domain controls, evaluation conventions).

    At most ``fresh_hours``: as it is. Then, up to ``stale_days``: a pass becomes a warning (``stale``); warnings and
    failures stay. Beyond: unknown (``too_old``). ``not_applicable`` and ``unknown`` stay what they are: age makes neither of
    them more or less true, and the silence of the device is told by its liveness and by ANS-5.11. Ages are counted in the
    practice's open time. ``valid_until`` becomes the earlier of the rule's own and the next cap.
    """
    if finding.state in {"unknown", "not_applicable"}:
        return finding
    passing = finding.state == "pass"
    fresh_until = calendar.elapse(seen_at, timedelta(hours=policy.freshness.fresh_hours)) + TICK
    if passing and now < fresh_until:
        return _until(finding, fresh_until)
    stale_until = calendar.elapse(seen_at, timedelta(days=policy.freshness.stale_days)) + TICK
    if now >= stale_until:
        return _capped(finding, "unknown", "too_old", seen_at, policy, None)
    if passing:
        return _capped(finding, "warn", "stale", seen_at, policy, stale_until)
    return _until(finding, stale_until)


def _until(finding: Finding, cap_at: datetime) -> Finding:
    """Shorten the life of a finding to the instant at which age will change it."""
    if finding.valid_until is not None and finding.valid_until <= cap_at:
        return finding
    return Finding(finding.control, finding.state, finding.reason, finding.evidence, finding.threshold, cap_at)


def _capped(
    finding: Finding, state: State, reason: Reason, seen_at: datetime, policy: Policy, until: datetime | None
) -> Finding:
    """Replace the state by what age leaves of it, keeping the last verdict as evidence.

    A stale pass may turn into something worse before the week is over (a threshold crossed meanwhile): the rule's own
    deadline stays in force.
    """
    evidence = {
        **finding.evidence,
        "seen_at": stamp(seen_at),
        "last_state": finding.state,
        "last_reason": finding.reason,
    }
    threshold = {
        **finding.threshold,
        "fresh_hours": policy.freshness.fresh_hours,
        "stale_days": policy.freshness.stale_days,
    }
    if until is not None and finding.valid_until is not None:
        until = min(until, finding.valid_until)
    return verdict(finding.control, state, reason, evidence, threshold, until)
