"""One backup job as the section names it, and how an observed job and a reported one become one.

Order of trust: the job's own report (hook), what the repository shows (observed), the presence of a tool (never a
job). A newer failure is never hidden by an older success.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from vigie_agent import clock

MAX_MONTHS = 24
MAX_JOBS = 20
RUNNING_AT_MOST = timedelta(hours=48)


def months_of(moments: Iterable[datetime]) -> list[str]:
    """The calendar months (UTC) with at least one restore point, sorted, the newest 24."""
    return sorted({moment.strftime("%Y-%m") for moment in moments})[-MAX_MONTHS:]


def from_events(events: Iterable[Mapping[str, Any]], now: datetime) -> dict[str, dict[str, Any]]:
    """The state of each job that reported itself, from its events of the last 90 days."""
    by_job: dict[str, list[Mapping[str, Any]]] = {}
    for event in sorted(events, key=lambda item: str(item["ended_at"])):
        by_job.setdefault(str(event["job"]), []).append(event)
    return {job: _hook_job(job, listed, now) for job, listed in by_job.items()}


def _hook_job(job: str, events: list[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    ended = [event for event in events if event["status"] != "started"]
    last = ended[-1] if ended else None
    ok = [event["ended_at"] for event in ended if event["status"] == "ok"]
    newest = events[-1]
    status = last["status"] if last else "unknown"
    if newest["status"] == "started" and now - clock.from_wire(newest["ended_at"]) < RUNNING_AT_MOST:
        status = "running"
    known = last or newest
    tests = [event["restore_tested_at"] for event in events if event.get("restore_tested_at")]
    return {
        "job": job,
        "origin": "hook",
        "tool": _latest(events, "tool") or "unknown",
        "last_status": status,
        "last_end_at": last["ended_at"] if last else None,
        "last_ok_at": max(ok, default=None),
        "duration_s": _duration(known),
        "bytes": known.get("bytes"),
        "files": known.get("files"),
        "target": _latest(events, "target") or "unknown",
        "offsite": "yes" if _latest(events, "target") in {"offsite", "cloud"} else "unknown",
        "encrypted": _latest(events, "encrypted") or "unknown",
        "immutable": _latest(events, "immutable") or "unknown",
        "restore_tested_at": max(tests, default=None),
        "exit_code": known.get("exit_code"),
        "restore_months": None,
    }


def _latest(events: list[Mapping[str, Any]], name: str) -> Any:
    return next((event[name] for event in reversed(events) if event.get(name) is not None), None)


def _duration(event: Mapping[str, Any]) -> int | None:
    if not event.get("started_at"):
        return None
    seconds = (clock.from_wire(event["ended_at"]) - clock.from_wire(event["started_at"])).total_seconds()
    return int(seconds) if seconds >= 0 else None


def merged(observed: Mapping[str, Any], hook: Mapping[str, Any]) -> dict[str, Any]:
    """One job that was both read and reported.

    The later of the two says how it went; only the repository knows restore months and encryption, only the hook
    knows exit code and restore tests. A repository that could not be read (an unplugged disk) leaves the report.
    """
    read_at, told_at = observed.get("last_end_at") or "", hook.get("last_end_at") or ""
    told_later = observed["last_status"] == "unknown" or told_at > read_at or hook["last_status"] == "running"
    base = dict(hook) if told_later else dict(observed)
    oks = [moment for moment in (observed.get("last_ok_at"), hook.get("last_ok_at")) if moment]
    return {
        **base,
        "tool": observed["tool"],
        "last_ok_at": max(oks, default=None),
        "target": observed["target"] if observed["target"] != "unknown" else hook["target"],
        "offsite": _known(observed["offsite"], hook["offsite"]),
        "encrypted": _known(observed["encrypted"], hook["encrypted"]),
        "immutable": _known(observed["immutable"], hook["immutable"]),
        "restore_tested_at": hook.get("restore_tested_at"),
        "exit_code": hook.get("exit_code"),
        "restore_months": observed.get("restore_months"),
    }


def _known(first: str, second: str) -> str:
    return first if first != "unknown" else second


def all_jobs(observed: Iterable[dict[str, Any]], hooks: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Every job once, sorted by name; at most twenty, those that were observed first."""
    jobs = {job["job"]: merged(job, hooks[job["job"]]) if job["job"] in hooks else job for job in observed}
    for name, job in hooks.items():
        jobs.setdefault(name, job)
    kept = list(jobs.values())[:MAX_JOBS]
    return sorted(kept, key=lambda job: str(job["job"]))
