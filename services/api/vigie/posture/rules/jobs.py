"""The jobs of the `backup` section as the backup rules read them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from vigie.posture.rules.model import BackupRun, DeviceFacts, Finding
from vigie.posture.rules.reading import FUTURE_TOLERANCE, Reading, past, read, verdict
from vigie.posture.rules.timeline import WORST_FIRST, Timeline, step_at

Job = Mapping[str, Any]

_FINISHED = frozenset({"ok", "warning", "failed", "cancelled"})
_READABLE = _FINISHED | {"running", "never"}
_LISTED = 5
"""Jobs named in the evidence at most, the worst first; the count tells the rest."""


def read_jobs(
    facts: DeviceFacts, control: str, threshold: Mapping[str, Any]
) -> tuple[Reading, Sequence[Job]] | Finding:
    """Return the backup jobs of a device (at least one), or the finding that explains why there is none to judge.

    A device without a backup job is not applicable: most workstations have none. Whether the practice has any at all is
    decided over its devices (``practice.practice_state``). A synchronisation is no backup.
    """
    reading = read(facts, control, "backup", threshold, absent=("not_applicable", "no_backup_job"))
    if isinstance(reading, Finding):
        return reading
    jobs = reading.data.get("jobs")
    if jobs is None:
        return verdict(control, "unknown", "jobs_unreadable", reading.evidence, threshold)
    if jobs:
        reading.evidence["job_count"] = len(jobs)
        return reading, jobs
    if reading.data.get("sync_only") == "yes":
        return verdict(control, "not_applicable", "sync_is_no_backup", reading.evidence, threshold)
    return verdict(control, "not_applicable", "no_backup_job", reading.evidence, threshold)


def is_readable(job: Job) -> bool:
    """Tell whether the state of a job could be read; a status we do not know counts as unreadable."""
    return job.get("last_status") in _READABLE


def last_success(job: Job, facts: DeviceFacts, now: datetime) -> datetime | None:
    """Return the last known success of a job: what the tool tells, or a later run that reported itself."""
    success = past(job.get("last_ok_at"), now)
    if success is None and job.get("last_status") == "ok":
        success = past(job.get("last_end_at"), now)
    name = job.get("job")
    for run in facts.runs:
        if run.job == name and run.status == "ok" and past_run(run, now):
            return run.ended_at if success is None or run.ended_at > success else success
    return success


def past_run(run: BackupRun, now: datetime) -> bool:
    """Tell whether the end of a run can be believed."""
    return run.ended_at - now <= FUTURE_TOLERANCE


def finished_runs(job: Job, facts: DeviceFacts, now: datetime) -> list[BackupRun]:
    """Return the finished runs of a job, newest first, the one the tool shows now included."""
    name = str(job.get("job"))
    runs = [run for run in facts.runs if run.job == name and run.status in _FINISHED and past_run(run, now)]
    status, ended_at = job.get("last_status"), past(job.get("last_end_at"), now)
    if status in _FINISHED and (not runs or (ended_at is not None and ended_at > runs[0].ended_at)):
        size = job.get("bytes")
        latest = BackupRun(name, str(status), ended_at or now, size if isinstance(size, int) else None)
        runs.insert(0, latest)
    return runs


def job_evidence(jobs: Sequence[Job], timelines: Sequence[Timeline], now: datetime) -> list[dict[str, Any]]:
    """Return the jobs for the evidence of a finding, the worst first."""
    rows = [
        {"job": job.get("job"), "state": state, "reason": reason, "last_ok_at": job.get("last_ok_at")}
        for job, (state, reason, _) in zip(jobs, [step_at(timeline, now) for timeline in timelines], strict=True)
    ]
    if len(rows) > 1:
        rows.sort(key=_by_severity)
    return rows[:_LISTED]


def _by_severity(row: Mapping[str, Any]) -> int:
    return WORST_FIRST[row["state"]]
