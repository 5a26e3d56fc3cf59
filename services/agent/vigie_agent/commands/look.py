"""``vigie-agent show · check · status``: what was sent, what can be read, how things stand."""

import sys
from typing import Any

from vigie_agent import clock, config, enrolment, once, progress
from vigie_agent.backup_events import EventQueue
from vigie_agent.collectors.registry import collectors
from vigie_agent.paths import Paths
from vigie_agent.spool import Spool

MEANINGS = {
    "permission": "needs the rights of the system",
    "not_installed": "the tool is not installed",
    "timeout": "no answer in time",
    "parse": "the answer was not understood",
    "provider_error": "the tool answered with an error",
    "unsupported_os": "not supported on this system",
}


def show(paths: Paths) -> int:
    """Print exactly the last payload; 1 when nothing was sent yet."""
    content = once.last_payload(paths.payloads)
    if content is None:
        sys.stderr.write("vigie-agent: nothing was sent yet\n")
        return 1
    sys.stdout.buffer.write(content)
    return 0


def check(paths: Paths) -> int:
    """A table of the collectors: status, source, what is missing and a hint."""
    try:
        settings = config.load(paths.config)
    except config.ConfigError as error:
        sys.stderr.write(f"vigie-agent: {error}\n")
        return 2
    collected = once.collect(paths, settings, keep=False)
    hints = {item.name: item.hint for item in collectors(list, paths.cache)}
    for outcome in collected.outcomes:
        section = collected.sections[outcome.name]
        sys.stdout.write(f"{outcome.name:<13}{section['status']:<15}{section['source']}\n")
        for problem in section["errors"]:
            detail = f" ({problem['detail']})" if "detail" in problem else ""
            sys.stdout.write(f"  - {problem['source']}: {MEANINGS.get(problem['code'], problem['code'])}{detail}\n")
        if section["errors"] and hints.get(outcome.name):
            sys.stdout.write(f"  > {hints[outcome.name]}\n")
    for repository in settings.backups:
        _late(repository, collected.sections["backup"])
    return 0


def _late(repository: config.BackupRepository, section: dict[str, Any]) -> None:
    """Say when a declared job is older than its period; the server decides what that means."""
    for job in (section["data"] or {}).get("jobs") or []:
        if job["job"] != repository.job or not job.get("last_ok_at"):
            continue
        hours = (clock.utc_now() - clock.from_wire(job["last_ok_at"])).total_seconds() / 3600
        if hours > repository.period_hours:
            sys.stdout.write(
                f"  ! {job['job']}: last restore point {hours:.0f} h ago, period {repository.period_hours} h\n",
            )


def status(paths: Paths) -> int:
    """How the agent stands with its server; 1 when it is not enrolled, 3 when it was stopped."""
    joined = enrolment.load(paths.enrolment)
    state = progress.load(paths.progress)
    events = EventQueue(paths.events, paths.inbox)
    rows = [
        ("enrolled", "no" if joined is None else f"yes, as {joined.alias} at {joined.url}"),
        ("device", "-" if joined is None else joined.device_id),
        ("last run", state.last_run_at or "never"),
        ("last acknowledged", state.last_ack_at or "never"),
        ("last problem", state.last_problem or "none"),
        ("next run", state.next_run_at or "at the next start"),
        ("sequence", str(state.sequence)),
        ("clock", f"{state.clock_offset_s:+d} s" if state.clock_offset_s else "right"),
        ("runs not delivered", str(len(Spool(paths.spool).runs()))),
        ("backup events waiting", str(len(events.waiting()))),
        ("reports dropped", str(state.dropped)),
        ("stopped", state.stopped or "no"),
    ]
    for name, value in rows:
        sys.stdout.write(f"{name:<23}{value}\n")
    return 1 if joined is None else 3 if state.stopped else 0
