"""One run, whole: collect, deliver, remember. The next run starts from the files this one leaves."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from vigie_agent import clock, config, delivery, files, identity, progress, report, runner
from vigie_agent.backup_events import EventQueue
from vigie_agent.build import build_name
from vigie_agent.collectors import agent_health
from vigie_agent.collectors.base import Context
from vigie_agent.collectors.host import Host
from vigie_agent.collectors.memory import Memory
from vigie_agent.collectors.registry import collectors
from vigie_agent.enrolment import Enrolment
from vigie_agent.log import Log
from vigie_agent.paths import Paths
from vigie_agent.spool import Spool
from vigie_agent.transport import Transport

PAYLOADS_KEPT = timedelta(days=7)
PAYLOADS_MAX = 200
DELIVERY_RESERVE_S = 60.0
PROBE_AFTER_STOP = timedelta(hours=24)
FINAL_STOPS = frozenset({"agent.device_revoked"})


class BusyError(Exception):
    """Another run of the same agent is going on."""


@dataclass(frozen=True)
class Collected:
    """Everything a run has read."""

    started_at: datetime
    sections: dict[str, dict[str, Any]]
    vitals: report.Vitals
    outcomes: list[runner.Outcome]
    refused_events: int


@contextmanager
def exclusive(paths: Paths) -> Iterator[None]:
    """Hold the run lock; ``BusyError`` when another process has it. The system frees it if we die."""
    files.private_dir(paths.state)
    with paths.lock.open("a") as stream:
        try:
            _lock(stream.fileno())
        except OSError as error:
            raise BusyError from error
        yield


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - one system's module

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415 - one system's module

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def collect(paths: Paths, settings: config.Config, *, keep: bool, host: Host | None = None) -> Collected:
    """Run all collectors and put their outcomes through the contract.

    ``keep`` false (dry run, check) leaves no trace: events stay in the inbox, nothing is remembered.
    """
    started = time.monotonic()
    state = progress.load(paths.progress)
    now = clock.utc_now() + timedelta(seconds=state.clock_offset_s)
    queue = EventQueue(paths.events, paths.inbox)
    refused = queue.take_in(now) if keep else 0
    if keep:
        files.private_dir(paths.cache)
    memory = Memory(paths.memory)
    context = Context(host or Host(), settings, memory, now)
    listed = collectors(lambda: [item.event for item in queue.events()], paths.cache)
    outcomes = runner.run_all(listed, context, runner.RUN_BUDGET_S - DELIVERY_RESERVE_S)
    sections = {item.name: item.section for item in outcomes}
    if "agent_health" not in settings.disabled:
        waiting, undelivered = len(queue.waiting()), len(Spool(paths.spool).runs())
        sections["agent_health"] = agent_health.section(outcomes, memory, now, events=waiting, heartbeats=undelivered)
    if keep:
        memory.save()
    at = clock.to_wire(clock.utc_now() + timedelta(seconds=state.clock_offset_s))
    wire = {name: report.section_as_wire(name, section, at) for name, section in sections.items()}
    vitals = report.Vitals(uptime_s(), int((time.monotonic() - started) * 1000), clock_offset_ms(state))
    return Collected(now, wire, vitals, outcomes, refused)


def clock_offset_ms(state: progress.Progress) -> int | None:
    """How far this clock is ahead of the server's; None before the server has ever said its time."""
    if state.last_ack_at is None and state.clock_offset_s == 0:
        return None
    return -state.clock_offset_s * 1000


def uptime_s() -> int:
    """Seconds since the boot."""
    try:
        return int(time.clock_gettime(time.CLOCK_BOOTTIME))
    except (AttributeError, OSError):  # Linux only; elsewhere the monotonic clock starts with the boot
        return int(time.monotonic())


def run(paths: Paths, settings: config.Config, enrolment: Enrolment, log: Log) -> delivery.Result:
    """Collect and deliver; ``BusyError`` when a run is already going on."""
    with exclusive(paths):
        began = time.monotonic()
        stopped = _still_stopped(progress.load(paths.progress))
        if stopped is not None:
            log.write("error", "stopped", code=stopped)
            return delivery.Result("stopped", stopped)
        collected = collect(paths, settings, keep=True)
        if collected.refused_events:
            log.write("warning", "backup_events_refused", count=collected.refused_events)
        courier = delivery.Courier(
            Transport(settings.url or enrolment.url, proxy=settings.proxy),
            identity.load_key(paths.key),
            enrolment.keyid,
            state_file=paths.progress,
            spool=Spool(paths.spool),
            events=EventQueue(paths.events, paths.inbox),
            log=log,
            deadline=began + runner.RUN_BUDGET_S,
        )
        result = courier.deliver(
            delivery.Run(
                collected.started_at,
                build_name(),
                identity.current_boot_reference(),
                collected.vitals,
                collected.sections,
            ),
        )
        keep_payload(paths.payloads, result)
        return result


def _still_stopped(state: progress.Progress) -> str | None:
    """The code that keeps the agent quiet: a revoked device for good, any other refusal for a day, then one probe."""
    if state.stopped is None:
        return None
    if state.stopped in FINAL_STOPS or state.stopped_at is None:
        return state.stopped
    return state.stopped if clock.utc_now() - clock.from_wire(state.stopped_at) < PROBE_AFTER_STOP else None


def keep_payload(directory: Path, result: delivery.Result) -> None:
    """Keep a copy of what was sent for the owner of the machine (``vigie-agent show``), seven days at most."""
    if result.payload is None:
        return
    files.private_dir(directory)
    content = json.dumps(result.payload, indent=1, ensure_ascii=False).encode() + b"\n"
    files.write_atomic(directory / f"{result.payload['sequence']:012d}.json", content)
    kept = sorted(path for path in directory.iterdir() if path.suffix == ".json")
    oldest = time.time() - PAYLOADS_KEPT.total_seconds()
    for position, path in enumerate(kept):
        if position < len(kept) - PAYLOADS_MAX or path.stat().st_mtime < oldest:
            with suppress(FileNotFoundError):
                path.unlink()


def last_payload(directory: Path) -> bytes | None:
    """The last payload that was sent, None when nothing was."""
    try:
        kept = sorted(name for name in os.listdir(directory) if name.endswith(".json"))  # noqa: PTH208 - names only
    except FileNotFoundError:
        return None
    return (directory / kept[-1]).read_bytes() if kept else None
