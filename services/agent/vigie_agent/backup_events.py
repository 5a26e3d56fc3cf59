"""Results that backup jobs report themselves: an append-only queue, so that a failure is not hidden by a success.

A hook drops one small file into the inbox (it may run under another account); the next run checks it against the
contract and moves it into the queue. Events are deduplicated by ``(job, ended_at)`` and kept 90 days, sent or not; a
start never hides the end of another run in the same second.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from vigie_agent import clock, files
from vigie_agent.contract import BACKUP_EVENT
from vigie_agent.shapes import Refusals

KEPT = timedelta(days=90)
STARTED_KEPT = timedelta(days=3)  # a start that was sent says nothing once the job has ended
MAX_EVENT_BYTES = 4096
MAX_EVENTS = 2000
MAX_SENT_AT_ONCE = 50
MAX_FUTURE = timedelta(days=1)
SENT_SUFFIX = ".sent"
WAITING_SUFFIX = ".event"


def _identity(event: Mapping[str, Any]) -> tuple[str, str, bool]:
    """What makes two events the same: job and instant; the start of one run is not the end of another."""
    return str(event["job"]), str(event["ended_at"]), event["status"] == "started"


@dataclass(frozen=True)
class StoredEvent:
    """One checked event and the file that holds it."""

    path: Path
    event: dict[str, Any]

    @property
    def sent(self) -> bool:
        """Whether the server has acknowledged it."""
        return self.path.suffix == SENT_SUFFIX


def check_event(value: Any) -> dict[str, Any] | None:
    """The event as it may be sent, or None: a field that does not fit refuses the whole event."""
    refusals = Refusals()
    event = BACKUP_EVENT.clean(value, "backup_event", refusals)
    if event is None or refusals.places:
        return None
    try:
        for name in ("ended_at", "started_at", "restore_tested_at"):
            if event.get(name) is not None:
                clock.from_wire(event[name])
    except ValueError:
        return None
    return {name: item for name, item in event.items() if item is not None}


def drop(inbox: Path, event: dict[str, Any]) -> Path:
    """Write an event into the inbox (called by hooks); ``ValueError`` if it does not fit the contract."""
    checked = check_event(event)
    if checked is None:
        raise ValueError("the event does not fit the contract")
    files.private_dir(inbox)
    content = json.dumps(checked, sort_keys=True).encode()
    path = inbox / f"{_name(checked)}.json"
    files.write_atomic(path, content, 0o660)
    return path


def _name(event: dict[str, Any]) -> str:
    moment = event["ended_at"].replace("-", "").replace(":", "")
    key = hashlib.sha256(f"{event['job']}|{event['ended_at']}|{event['status']}".encode()).hexdigest()[:8]
    return f"{moment}-{key}"


class EventQueue:
    """The checked events of this machine."""

    def __init__(self, directory: Path, inbox: Path) -> None:
        self.directory = directory
        self.inbox = inbox

    def take_in(self, now: datetime) -> int:
        """Move what hooks dropped into the queue; returns how many files were refused.

        A file is refused when it is not a plain file, too large, not JSON, outside the contract, or a day ahead of time.
        """
        refused = 0
        known = {_identity(item.event) for item in self.events()}
        for path in _listed(self.inbox, ".json"):
            event = _read_dropped(path)
            if event is None or clock.from_wire(event["ended_at"]) > now + MAX_FUTURE:
                refused += 1
            elif _identity(event) not in known:
                files.private_dir(self.directory)
                files.write_json(self.directory / f"{_name(event)}{WAITING_SUFFIX}", event)
                known.add(_identity(event))
            with suppress(OSError):
                path.unlink()
        self._forget(now)
        return refused

    def events(self) -> list[StoredEvent]:
        """All events of the last 90 days, oldest first."""
        found = []
        for path in _listed(self.directory, (WAITING_SUFFIX, SENT_SUFFIX)):
            event = check_event(files.read_json(path))
            if event is not None:
                found.append(StoredEvent(path, event))
        return found

    def waiting(self) -> list[StoredEvent]:
        """Events that the server has not acknowledged, oldest first."""
        return [item for item in self.events() if not item.sent]

    def acknowledge(self, delivered: Iterable[StoredEvent]) -> None:
        """Mark events as received by the server; they stay readable for the job list."""
        for item in delivered:
            with suppress(FileNotFoundError):
                item.path.rename(item.path.with_suffix(SENT_SUFFIX))

    def _forget(self, now: datetime) -> None:
        stored = self.events()
        excess = len(stored) - MAX_EVENTS
        for position, item in enumerate(stored):
            kept = STARTED_KEPT if item.sent and item.event["status"] == "started" else KEPT
            if position < excess or clock.from_wire(item.event["ended_at"]) < now - kept:
                with suppress(FileNotFoundError):
                    item.path.unlink()


def _listed(directory: Path, suffix: str | tuple[str, ...]) -> list[Path]:
    try:
        names = sorted(name for name in os.listdir(directory) if name.endswith(suffix))  # noqa: PTH208 - names only
    except (FileNotFoundError, PermissionError):
        return []
    return [directory / name for name in names]


def _read_dropped(path: Path) -> dict[str, Any] | None:
    """The checked content of a dropped file; None if it is anything but a small plain file with a fitting event."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > MAX_EVENT_BYTES:
            return None
        content = os.read(descriptor, MAX_EVENT_BYTES + 1)
    finally:
        os.close(descriptor)
    try:
        return check_event(json.loads(content))
    except ValueError:
        return None
