"""What backup jobs call: ``backup report`` (one result) and ``backup wrap`` (run the job, report how it ended).

No network, well under a second. ``report`` always exits 0, because a monitoring hook must never break a backup;
``wrap`` returns the code of the job.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from types import FrameType
from typing import Any

from vigie_agent import backup_events, clock
from vigie_agent.log import Log
from vigie_agent.paths import Paths

MAX_READ = 1024 * 1024
TAIL_BYTES = 64 * 1024
SIGNAL_BASE = 128
FIELDS = ("job", "status", "bytes", "files", "exit_code", "target", "tool", "encrypted", "immutable")
# exit codes that mean "a backup exists, but look": restic 3 (incomplete snapshot), borg 1 and 100-127 (warnings)
WARNING_CODES = {"restic": (3,), "borg": (1, *range(100, 128)), "rsnapshot": (2,)}
DUPLICATI_STATUSES = {"Success": "ok", "Warning": "warning", "Error": "failed", "Fatal": "failed"}


def report(paths: Paths, options: argparse.Namespace, log: Log) -> int:
    """Drop one event into the inbox; whatever goes wrong is logged, the exit code is 0."""
    try:
        event = {name: getattr(options, name) for name in FIELDS if getattr(options, name, None) is not None}
        for name in ("ended", "started", "restore_tested"):
            if getattr(options, name, None):
                event[_AT[name]] = clock.to_wire(clock.from_iso(getattr(options, name)))
        event |= {name: value for name, value in _given(options).items() if name not in event}
        event.setdefault("ended_at", clock.to_wire(clock.utc_now()))
        if "status" not in event:
            event["status"] = _implied_status(options, event)
        backup_events.drop(paths.inbox, event)
    except Exception as error:  # noqa: BLE001 - a hook must never break a backup
        log.write("error", "backup_report_refused", reason=type(error).__name__)
    return 0


_AT = {"ended": "ended_at", "started": "started_at", "restore_tested": "restore_tested_at"}


def _implied_status(options: argparse.Namespace, event: dict[str, Any]) -> str:
    """The status when none was named: of the exit code, else of the tool's summary. Silence is never ``ok``."""
    if "exit_code" in event:
        return status_of(event.get("tool", ""), event["exit_code"])
    if getattr(options, "source", None) in {"restic-json", "borg-json"}:
        return "ok" if "tool" in event and "bytes" in event else "failed"
    raise ValueError("neither status nor exit code nor output")


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The facts of a tool's own output, when ``--from`` names one (``-`` is standard input)."""
    source = getattr(options, "source", None)
    if not source:
        return {}
    if source == "duplicati":
        return parse_duplicati(dict(os.environ))
    content = sys.stdin.buffer.read(MAX_READ)
    parsers: dict[str, Callable[[bytes], dict[str, Any]]] = {"restic-json": parse_restic, "borg-json": parse_borg}
    return parsers[source](content)


def parse_restic(output: bytes) -> dict[str, Any]:
    """The summary line of ``restic backup --json``; nothing when there is none."""
    for line in reversed(output.splitlines()):
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("message_type") == "summary":
                return _whole(
                    {"bytes": entry.get("total_bytes_processed"), "files": entry.get("total_files_processed")},
                ) | {"tool": "restic", "encrypted": "yes"}
    return {}


def parse_borg(output: bytes) -> dict[str, Any]:
    """The answer of ``borg create --json``; nothing when there is none."""
    text = output.decode("utf-8", "replace")
    for start in (match.start() for match in re.finditer(r"^\{", text, re.MULTILINE)):
        with suppress(ValueError, AttributeError, TypeError):
            answer, _end = json.JSONDecoder().raw_decode(text[start:])
            stats = answer.get("archive", {}).get("stats", {})
            if stats:
                mode = answer.get("encryption", {}).get("mode")
                encrypted = {} if mode is None else {"encrypted": "no" if mode == "none" else "yes"}
                return _whole({"bytes": stats.get("original_size"), "files": stats.get("nfiles")}) | {
                    "tool": "borg",
                    **encrypted,
                }
    return {}


def parse_duplicati(environment: dict[str, str]) -> dict[str, Any]:
    """Duplicati's ``--run-script-after`` variables; its paths and addresses are not looked at."""
    if environment.get("DUPLICATI__OPERATIONNAME", "Backup") != "Backup":
        raise ValueError("not a backup operation")
    result = environment.get("DUPLICATI__PARSED_RESULT", "")
    if result not in DUPLICATI_STATUSES:
        raise ValueError("no result of Duplicati")
    return {"status": DUPLICATI_STATUSES[result], "tool": "duplicati"}


def _whole(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if isinstance(value, int) and value >= 0}


def status_of(tool: str, code: int) -> str:
    """``ok``, ``warning``, ``cancelled`` (a signal) or ``failed``, of a tool's exit code."""
    if code == 0:
        return "ok"
    if code < 0:
        return "cancelled"
    return "warning" if code in WARNING_CODES.get(tool, ()) else "failed"


def wrap(paths: Paths, options: argparse.Namespace, log: Log) -> int:
    """Run the command after ``--``, report its start and end, return its code.

    Its output passes through unchanged; the last part is kept in memory to find the tool's own summary.
    """
    command: Sequence[str] = options.command
    tool = options.tool or tool_of(command[0])
    started = clock.utc_now()
    _drop(paths, options, tool, {"status": "started", "ended_at": clock.to_wire(started)}, log)
    try:
        code, tail = _run(command)
    except OSError as error:
        log.write("error", "backup_command_failed", reason=type(error).__name__)
        sys.stderr.write(f"vigie-agent: {command[0]}: {error.strerror}\n")
        code, tail = (127 if isinstance(error, FileNotFoundError) else 126), b""
    ended = _after(started)
    summary = {"restic": parse_restic, "borg": parse_borg}.get(tool, lambda _tail: {})(tail)
    facts: dict[str, Any] = {
        **summary,
        "status": status_of(tool, code),
        "started_at": clock.to_wire(started),
        "ended_at": clock.to_wire(ended),
        "exit_code": code,
    }
    _drop(paths, options, tool, facts, log)
    return code if code >= 0 else SIGNAL_BASE - code


def _after(started: datetime) -> datetime:
    """Now, but after the start: events are known by job and end, and the start is an event too."""
    now = clock.utc_now()
    return now if now > started else clock.from_epoch(started.timestamp() + 1)


def tool_of(program: str) -> str:
    """The tool's word in the contract, by the name of the program."""
    name = re.split(r"[\\/]", program)[-1].lower().removesuffix(".exe").replace("-", "_")
    known = {"restic", "borg", "borgmatic", "rsnapshot", "duplicity", "rdiff_backup", "rclone", "kopia"}
    return name if name in known else "other"


def _drop(paths: Paths, options: argparse.Namespace, tool: str, facts: dict[str, Any], log: Log) -> None:
    event = {"job": options.job, "tool": tool, **facts}
    for name in ("target", "encrypted", "immutable"):
        if getattr(options, name, None):
            event[name] = getattr(options, name)
    try:
        backup_events.drop(paths.inbox, event)
    except Exception as error:  # noqa: BLE001 - reporting must not change the job's result
        log.write("error", "backup_report_refused", reason=type(error).__name__)


def _pass_signals_to(child: "subprocess.Popen[bytes]") -> None:
    """Who stops the wrapper stops the job, and the wrapper lives on to report it (Ctrl-C reaches the job by itself)."""

    def terminate(_number: int, _frame: FrameType | None) -> None:
        child.terminate()

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run(command: Sequence[str]) -> tuple[int, bytes]:
    """The command's exit code and the end of its standard output, which is also passed on."""
    tail = bytearray()
    with subprocess.Popen(list(command), stdout=subprocess.PIPE) as child:
        if child.stdout is None:
            raise OSError("no output")
        _pass_signals_to(child)
        while chunk := os.read(child.stdout.fileno(), 65536):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            tail += chunk
            del tail[:-TAIL_BYTES]
    return child.returncode, bytes(tail)
