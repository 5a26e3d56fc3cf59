"""ANS-5.1 and ANS-5.2: backups are recent and their runs are clean. The worst job of a device decides."""

from datetime import datetime, timedelta
from statistics import median

from vigie.posture.rules.jobs import (
    Job,
    finished_runs,
    is_readable,
    job_evidence,
    last_success,
    read_jobs,
)
from vigie.posture.rules.lifecycle import Lifecycle
from vigie.posture.rules.model import TICK, BackupPolicy, BackupRun, Calendar, DeviceFacts, Finding, Policy
from vigie.posture.rules.reading import days_of, hours_of, verdict
from vigie.posture.rules.timeline import WORST_FIRST, Step, Timeline, combine

_LEAST_HISTORY = 3
"""Runs whose sizes make a median worth comparing with."""


def assess_recent_backup(
    facts: DeviceFacts, policy: Policy, calendar: Calendar, _lifecycle: Lifecycle, now: datetime
) -> Finding:
    """ANS-5.1: every backup job of the device succeeded recently.

    Pass up to ``recent_pass_hours`` since the last success, warn up to ``recent_warn_days``, then fail; a job that never
    ran fails. Both are counted in the practice's open time. A job that cannot be read is unknown, never a pass, whatever
    date it still carries.
    """
    control = "ANS-5.1"
    bounds = policy.backup
    threshold = {"pass_hours": bounds.recent_pass_hours, "warn_days": bounds.recent_warn_days}
    found = read_jobs(facts, control, threshold)
    if isinstance(found, Finding):
        return found
    reading, jobs = found
    timelines = [_recency(job, facts, bounds, calendar, now) for job in jobs]
    state, reason, until = combine(timelines, now, WORST_FIRST)
    reading.evidence["jobs"] = job_evidence(jobs, timelines, now)
    return verdict(control, state, reason, reading.evidence, threshold, until)


def _recency(job: Job, facts: DeviceFacts, bounds: BackupPolicy, calendar: Calendar, now: datetime) -> Timeline:
    if not is_readable(job):
        return (("unknown", "job_unreadable", None),)
    success = last_success(job, facts, now)
    if success is None:
        if job.get("last_status") == "never":
            return (("fail", "backup_never", None),)
        return (("unknown", "backup_date_unknown", None),)
    return (
        ("pass", "backup_recent", calendar.elapse(success, hours_of(bounds.recent_pass_hours)) + TICK),
        ("warn", "backup_late", calendar.elapse(success, days_of(bounds.recent_warn_days + 1))),
        ("fail", "backup_overdue", None),
    )


def assess_clean_runs(
    facts: DeviceFacts, policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, now: datetime
) -> Finding:
    """ANS-5.2: the last runs ended without error and without losing half their content.

    Fail: ``failures_fail`` failed or cancelled runs in a row. Warn: the last run failed, had warnings, or wrote less than
    ``shrink_percent`` of the median of the successful runs of ``shrink_history_days`` before it. Sources that someone
    declared and no job covers are not known here (ANS-5.8).
    """
    control = "ANS-5.2"
    bounds = policy.backup
    threshold = {
        "failures_fail": bounds.failures_fail,
        "shrink_percent": bounds.shrink_percent,
        "shrink_history_days": bounds.shrink_history_days,
    }
    found = read_jobs(facts, control, threshold)
    if isinstance(found, Finding):
        return found
    reading, jobs = found
    timelines = [(_cleanness(job, facts, bounds, now),) for job in jobs]
    state, reason, _ = combine(timelines, now, WORST_FIRST)
    reading.evidence["jobs"] = job_evidence(jobs, timelines, now)
    return verdict(control, state, reason, reading.evidence, threshold)


def _cleanness(job: Job, facts: DeviceFacts, bounds: BackupPolicy, now: datetime) -> Step:  # noqa: PLR0911 - one return per line of the rule
    if not is_readable(job):
        return ("unknown", "job_unreadable", None)
    runs = finished_runs(job, facts, now)
    if not runs:
        return ("unknown", "run_unknown", None)
    failures = 0
    for run in runs:
        if run.status not in {"failed", "cancelled"}:
            break
        failures += 1
    if failures >= bounds.failures_fail:
        return ("fail", "runs_failing", None)
    if failures:
        return ("warn", "run_failed", None)
    if runs[0].status == "warning":
        return ("warn", "run_with_warnings", None)
    if _shrunk(runs, bounds):
        return ("warn", "run_shrunk", None)
    return ("pass", "runs_clean", None)


def _shrunk(runs: list[BackupRun], bounds: BackupPolicy) -> bool:
    """Tell whether the last run is suspiciously small; integers only, sizes reach petabytes."""
    last = runs[0]
    if last.bytes is None:
        return False
    oldest = last.ended_at - timedelta(days=bounds.shrink_history_days)
    sizes = [run.bytes for run in runs[1:] if run.status == "ok" and run.bytes is not None and run.ended_at >= oldest]
    if len(sizes) < _LEAST_HISTORY:
        return False
    return last.bytes * 100 < int(median(sizes)) * bounds.shrink_percent
