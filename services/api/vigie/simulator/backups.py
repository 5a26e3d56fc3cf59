"""The `backup` section and the events of backup hooks, from what each night brought."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

from vigie.simulator.course import months_kept, nights
from vigie.simulator.machines import Job, Machine, section, stamp

Outcome = Literal["ok", "warning", "failed"]
NightOf = Callable[[datetime], Outcome | None]
"""What the backup of a night brought; None: it did not even start."""

_EXIT_CODES = {"ok": 0, "warning": 3, "failed": 1}
_LOOKED_BACK = 120
_RESTORE_TEST_EVERY = timedelta(days=70)


def backup_section(machine: Machine, at: datetime, night_of: NightOf) -> dict[str, Any]:
    """Return the section as the tools of the machine would show it at an instant."""
    if not machine.jobs:
        return section(None, "hook", status="absent")
    tools = sorted({job.tool for job in machine.jobs})
    return section(
        {
            "tools": [
                {"tool": tool, "present": "yes", "version": _VERSIONS.get(tool), "readable": "yes"} for tool in tools
            ],
            "jobs": [_job(machine, job, at, night_of) for job in machine.jobs],
            "sync_only": "no",
        },
        "+".join(sorted({job.origin for job in machine.jobs})),
    )


_VERSIONS = {
    "restic": "0.18.1",
    "borg": "1.4.1",
    "veeam_agent": "13.0.1",
    "windows_server_backup": "10.0",
    "hyper_backup": "4.1.2",
    "time_machine": "1.3",
}


def _job(machine: Machine, job: Job, at: datetime, night_of: NightOf) -> dict[str, Any]:
    """Return one job: its last run, its last success, the months it can restore."""
    last_end, last_status, last_ok = _look_back(machine, at, night_of)
    tested_at = None
    if last_ok is not None:
        since = machine.backed_up_since
        tested_at = since + (last_ok - since) // _RESTORE_TEST_EVERY * _RESTORE_TEST_EVERY
        tested_at = None if tested_at == since else tested_at
    return {
        "job": job.name,
        "origin": job.origin,
        "tool": job.tool,
        "last_status": last_status,
        "last_end_at": stamp(last_end) if last_end else None,
        "last_ok_at": stamp(last_ok) if last_ok else None,
        "duration_s": _duration(machine, last_end) if last_end else None,
        "bytes": _size(machine, job, last_end) if last_end and last_status != "failed" else None,
        "files": None,
        "target": job.target,
        "offsite": job.offsite,
        "encrypted": job.encrypted,
        "immutable": job.immutable,
        "restore_tested_at": stamp(tested_at) if tested_at else None,
        "exit_code": _EXIT_CODES.get(last_status) if job.origin == "hook" else None,
        "restore_months": months_kept(machine.backed_up_since, last_ok) if last_ok else [],
    }


def _look_back(machine: Machine, at: datetime, night_of: NightOf) -> tuple[datetime | None, str, datetime | None]:
    """Return the last run, its status and the last success."""
    last_end: datetime | None = None
    last_status = "never"
    for back, night in enumerate(nights(machine, at)):
        outcome = night_of(night)
        if last_end is None and outcome is not None:
            last_end, last_status = night, outcome
        if outcome == "ok":
            return last_end, last_status, night
        if back == _LOOKED_BACK:
            break
    return last_end, last_status, None


def backup_events(machine: Machine, after: datetime, until: datetime, night_of: NightOf) -> list[dict[str, Any]]:
    """Return what the hooks reported between two instants (the first excluded), oldest first, 50 at most."""
    hooked = [job for job in machine.jobs if job.origin == "hook"]
    if not hooked:
        return []
    events: list[dict[str, Any]] = []
    for night in nights(machine, until):
        if night <= after or len(events) + len(hooked) > _MAX_EVENTS:
            break
        outcome = night_of(night)
        if outcome is not None:
            events.extend(_event(machine, job, night, outcome) for job in hooked)
    events.reverse()
    return events


_MAX_EVENTS = 50


def _event(machine: Machine, job: Job, night: datetime, outcome: Outcome) -> dict[str, Any]:
    """Return the report of one run."""
    return {
        "job": job.name,
        "status": outcome,
        "ended_at": stamp(night),
        "started_at": stamp(night - timedelta(seconds=_duration(machine, night))),
        "bytes": None if outcome == "failed" else _size(machine, job, night),
        "exit_code": _EXIT_CODES[outcome],
        "target": job.target,
        "tool": job.tool,
        "encrypted": job.encrypted,
        "immutable": job.immutable,
    }


def _size(machine: Machine, job: Job, night: datetime) -> int:
    """Return the bytes of a run: a few per cent up and down from night to night, the same whenever it is asked."""
    return job.size * (100 + (night.toordinal() * 7 + machine.number) % 9) // 100


def _duration(machine: Machine, night: datetime) -> int:
    """Return the seconds a run took."""
    return 900 + (night.toordinal() * 131 + machine.number * 17) % 1500
