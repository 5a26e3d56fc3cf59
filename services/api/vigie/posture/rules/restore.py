"""ANS-5.7: a backup was really restored, not long ago, and it worked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vigie.posture.rules.jobs import Job, job_evidence, read_jobs
from vigie.posture.rules.lifecycle import Lifecycle
from vigie.posture.rules.model import BackupPolicy, Calendar, DeviceFacts, Finding, Policy
from vigie.posture.rules.reading import after_day, past, stamp, verdict, whole_days
from vigie.posture.rules.timeline import BEST_FIRST, Timeline, combine, step_at

_CONTROL = "ANS-5.7"
_UNTOLD: Timeline = (("unknown", "restore_test_unknown", None),)


@dataclass(frozen=True, slots=True)
class RestoreTest:
    """A restore that somebody tried: when it ended, and whether the data could be used."""

    tested_at: datetime
    succeeded: bool


def assess_restored_jobs(
    facts: DeviceFacts, policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, now: datetime
) -> Finding:
    """ANS-5.7 on one device: some backup job was restored at most ``restore_test_pass_days`` ago, then ``…_warn_days``.

    Only what the job or its hook reports of itself counts, and it reports successes. A job that tells none is unknown, not a
    failure: most restores are tried by hand and told by a person (`assess_restore_record`). The best job decides.
    """
    threshold = _threshold(policy.backup)
    found = read_jobs(facts, _CONTROL, threshold)
    if isinstance(found, Finding):
        return found
    reading, jobs = found
    dates = [past(job.get("restore_tested_at"), now) for job in jobs]
    timelines = [_UNTOLD if date is None else _ageing(date, policy.backup) for date in dates]
    state, reason, until = combine(timelines, now, BEST_FIRST)
    evidence = reading.evidence
    evidence["jobs"] = _tested(jobs, timelines, now)
    known = [date for date in dates if date is not None]
    if known:
        evidence["restore_tested_at"] = stamp(max(known))
        evidence["restore_age_days"] = whole_days(max(known), now)
    return verdict(_CONTROL, state, reason, evidence, threshold, until)


def _tested(jobs: Sequence[Job], timelines: Sequence[Timeline], now: datetime) -> list[dict[str, Any]]:
    """Return the jobs for the evidence, without the date of their last run, which is another control's."""
    return [
        {name: value for name, value in row.items() if name != "last_ok_at"}
        for row in job_evidence(jobs, timelines, now)
    ]


def assess_restore_record(tests: Sequence[RestoreTest] | None, policy: Policy, now: datetime) -> Finding:
    """ANS-5.7 on a practice, from the tests that were recorded, by whom or what ever; the latest decides.

    Pass: a success at most ``restore_test_pass_days`` old; warn: ``restore_test_warn_days``; fail: older, or the latest one
    failed, or none (an empty sequence: somebody said that none was made). None: nobody said anything, which is unknown.
    Tests that lie ahead of ``now`` are not believed.
    """
    bounds = policy.backup
    threshold = _threshold(bounds)
    if tests is None:
        return verdict(_CONTROL, "unknown", "restore_test_unknown", {"tests": None}, threshold)
    believed = [test for test in tests if test.tested_at <= now]
    evidence: dict[str, Any] = {"tests": len(believed)}
    if not believed:
        return verdict(_CONTROL, "fail", "restore_never_tested", evidence, threshold)
    latest = max(believed, key=lambda test: (test.tested_at, not test.succeeded))
    evidence["restore_tested_at"] = stamp(latest.tested_at)
    evidence["restore_age_days"] = whole_days(latest.tested_at, now)
    if not latest.succeeded:
        return verdict(_CONTROL, "fail", "restore_test_failed", evidence, threshold)
    state, reason, until = step_at(_ageing(latest.tested_at, bounds), now)
    return verdict(_CONTROL, state, reason, evidence, threshold, until)


def _threshold(bounds: BackupPolicy) -> dict[str, int]:
    return {"pass_days": bounds.restore_test_pass_days, "warn_days": bounds.restore_test_warn_days}


def _ageing(tested_at: datetime, bounds: BackupPolicy) -> Timeline:
    return (
        ("pass", "restore_tested", after_day(tested_at, bounds.restore_test_pass_days)),
        ("warn", "restore_test_late", after_day(tested_at, bounds.restore_test_warn_days)),
        ("fail", "restore_test_overdue", None),
    )
