"""Old reports speak less loudly: a stale pass is a warning, and beyond a week nothing is known."""

from datetime import datetime

from vigie.posture.rules.model import TICK, Calendar, Finding, FreshnessPolicy, Policy, State
from vigie.posture.rules.reading import days_of, hours_of, stamp, verdict
from vigie.posture.rules.reasons import Reason

_AGELESS = frozenset({"unknown", "not_applicable"})


def cap_stale(finding: Finding, seen_at: datetime, policy: Policy, calendar: Calendar, now: datetime) -> Finding:
    """Cap a finding by the age of the heartbeat that vouches for it (domain controls, evaluation conventions).

    At most ``fresh_hours``: as it is. Then, up to ``stale_days``: a pass becomes a warning (``stale``); warnings and
    failures stay. Beyond: unknown (``too_old``). ``not_applicable`` and ``unknown`` stay what they are: age makes neither of
    them more or less true, and the silence of the device is told by its liveness and by ANS-5.11. Ages are counted in the
    practice's open time. ``valid_until`` becomes the earlier of the rule's own and the next cap.
    """
    return Caps(seen_at, policy.freshness, calendar).apply(finding, now)


class Caps:
    """The two instants at which the reports of one device lose weight; computed once, applied to all its findings."""

    __slots__ = ("_fresh_until", "_policy", "_seen_at", "_stale_until")

    def __init__(self, seen_at: datetime, policy: FreshnessPolicy, calendar: Calendar) -> None:
        self._seen_at = seen_at
        self._policy = policy
        self._fresh_until = calendar.elapse(seen_at, hours_of(policy.fresh_hours)) + TICK
        self._stale_until = calendar.elapse(seen_at, days_of(policy.stale_days)) + TICK

    def apply(self, finding: Finding, now: datetime) -> Finding:
        """Return a finding as `cap_stale` describes."""
        state = finding.state
        if state in _AGELESS:
            return finding
        if now >= self._stale_until:
            return self._capped(finding, "unknown", "too_old", None)
        if state != "pass":
            return _until(finding, self._stale_until)
        if now < self._fresh_until:
            return _until(finding, self._fresh_until)
        return self._capped(finding, "warn", "stale", self._stale_until)

    def _capped(self, finding: Finding, state: State, reason: Reason, until: datetime | None) -> Finding:
        """Replace the state by what age leaves of it, keeping the last verdict as evidence.

        A stale pass may turn into something worse before the week is over (a threshold crossed meanwhile): the rule's
        own deadline stays in force.
        """
        evidence = {
            **finding.evidence,
            "seen_at": stamp(self._seen_at),
            "last_state": finding.state,
            "last_reason": finding.reason,
        }
        threshold = {
            **finding.threshold,
            "fresh_hours": self._policy.fresh_hours,
            "stale_days": self._policy.stale_days,
        }
        if until is not None and finding.valid_until is not None:
            until = min(until, finding.valid_until)
        return verdict(finding.control, state, reason, evidence, threshold, until)


def _until(finding: Finding, cap_at: datetime) -> Finding:
    """Shorten the life of a finding to the instant at which age will change it."""
    if finding.valid_until is not None and finding.valid_until <= cap_at:
        return finding
    return Finding(finding.control, finding.state, finding.reason, finding.evidence, finding.threshold, cap_at)
