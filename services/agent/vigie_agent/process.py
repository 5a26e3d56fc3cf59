"""Run one tool of the operating system: no shell, a time limit, the whole process tree killed when it is over.

Output is bounded too: a tool that prints without end is cut, not swallowed.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

MAX_OUTPUT = 8 * 1024 * 1024
MISSING_RC = 127


class ToolTimeoutError(Exception):
    """The tool did not end in time and was killed with its children."""


class ToolMissingError(Exception):
    """There is no such tool on this machine."""


@dataclass(frozen=True)
class Output:
    """What a tool answered."""

    rc: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output as text; undecodable bytes are replaced."""
        return self.stdout.decode("utf-8", "replace")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment tools get: a fixed path, English messages, UTC; nothing of the caller but what Windows needs."""
    if os.name == "nt":
        kept = {
            name: os.environ[name]
            for name in (
                "SYSTEMROOT",
                "SYSTEMDRIVE",
                "PATH",
                "TEMP",
                "TMP",
                "PROGRAMDATA",
                "COMSPEC",
                "PATHEXT",
                "PSMODULEPATH",
            )
            if name in os.environ
        }
    else:
        kept = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin"}
    return {**kept, "LC_ALL": "C", "LANG": "C", "TZ": "UTC", **(extra or {})}


def run(argv: Sequence[str], timeout_s: float, extra_env: Mapping[str, str] | None = None) -> Output:
    """Run ``argv`` with no input and wait at most ``timeout_s`` seconds.

    Raises ``ToolMissingError`` or ``ToolTimeoutError``; any exit code is an answer, not an error.
    """
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(extra_env),
            cwd=None if os.name == "nt" else "/",
            start_new_session=os.name != "nt",
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ToolMissingError(argv[0]) from error
    with child:
        return _collect(child, timeout_s)


def _collect(child: "subprocess.Popen[bytes]", timeout_s: float) -> Output:
    deadline = time.monotonic() + timeout_s
    buffers: list[bytearray] = [bytearray(), bytearray()]
    streams = (child.stdout, child.stderr)
    readers = [
        threading.Thread(target=_drain, args=(stream, buffer), daemon=True)
        for stream, buffer in zip(streams, buffers, strict=True)
        if stream is not None
    ]
    for reader in readers:
        reader.start()
    try:
        # The readers end when every descendant has closed the pipes, so a child left in the background counts too.
        for reader in readers:
            reader.join(max(0.0, deadline - time.monotonic()))
        child.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        pass
    if child.returncode is None or any(reader.is_alive() for reader in readers):
        kill_tree(child)
        for reader in readers:
            reader.join(1.0)
        raise ToolTimeoutError(str(child.args[0]) if isinstance(child.args, list) else "tool")
    return Output(child.returncode, bytes(buffers[0]), bytes(buffers[1]))


def _drain(stream: IO[bytes], buffer: bytearray) -> None:
    """Read to the end, keep the first ``MAX_OUTPUT`` bytes."""
    with suppress(OSError, ValueError):
        while chunk := stream.read(65536):
            if len(buffer) < MAX_OUTPUT:
                buffer.extend(chunk[: MAX_OUTPUT - len(buffer)])


def kill_tree(child: "subprocess.Popen[bytes]") -> None:
    """Kill a child and everything it started (its session on Unix, its tree on Windows), then reap it."""
    if os.name == "nt":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(child.pid)], capture_output=True, check=False, timeout=10)
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        child.kill()
    with suppress(subprocess.TimeoutExpired):
        child.wait(5)
