"""Backup runs out of what devices report: hook events, and the last run a tool left behind. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_FINISHED = frozenset({"ok", "warning", "failed", "cancelled"})
_DETAILS = ("exit_code", "target", "tool", "encrypted", "immutable", "restore_tested_at", "files", "started_at")


@dataclass(frozen=True, slots=True)
class ReportedRun:
    """One finished run of a job, as reported."""

    job: str
    ended_at: datetime
    status: str
    origin: str
    bytes: int | None
    detail: Mapping[str, Any]


def runs_of_events(events: Iterable[Mapping[str, Any]]) -> list[ReportedRun]:
    """Return the finished runs among hook events; a start is not a run."""
    return [
        ReportedRun(
            event["job"],
            datetime.fromisoformat(event["ended_at"]),
            event["status"],
            "hook",
            event.get("bytes"),
            {name: event[name] for name in _DETAILS if event.get(name) is not None},
        )
        for event in events
        if event["status"] in _FINISHED
    ]


def runs_of_section(section: Mapping[str, Any] | None) -> list[ReportedRun]:
    """Return the runs a `backup` section tells of: each job's last run, and its last success if that was another."""
    found: list[ReportedRun] = []
    for job in ((section or {}).get("data") or {}).get("jobs") or ():
        name, ended, succeeded = job.get("job"), job.get("last_end_at"), job.get("last_ok_at")
        if not name:
            continue
        origin, size = job.get("origin") or "observed", job.get("bytes")
        if ended and job.get("last_status") in _FINISHED:
            found.append(ReportedRun(name, datetime.fromisoformat(ended), job["last_status"], origin, size, {}))
        if succeeded and succeeded != ended:
            found.append(ReportedRun(name, datetime.fromisoformat(succeeded), "ok", origin, None, {}))
    return found
