"""The guardian: parent of an embedded PostgreSQL server, in a process of its own.

It reads a pipe whose other end only the owner holds: the pipe closes when the owner ends, even by `kill -9`, and the server is
then stopped. A server that dies by itself is started again. Standard library only: it lives as long as the server does.
"""

import ctypes
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_STOP_S = 20
_RESTART_PAUSE_S = 0.3
_QUICK_DEATHS = 40  # a server that cannot come up for this many tries (about 12 s) is given up


def _become(uid: int | None, gid: int | None) -> None:
    """In the child, before exec: drop root, and ask Linux to end the server should the guardian itself be killed."""
    if uid is not None and gid is not None:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _spawn(plan: dict[str, object]) -> subprocess.Popen[bytes]:
    uid, gid = plan["uid"], plan["gid"]
    with Path(str(plan["log"])).open("ab") as log:
        return subprocess.Popen(
            [str(part) for part in plan["argv"]],  # type: ignore[attr-defined]
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
            preexec_fn=lambda: _become(uid, gid),  # type: ignore[arg-type]  # noqa: PLW1509 - single-threaded on purpose
        )


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Fast shutdown; immediate if that takes too long (recovery at the next start loses nothing committed)."""
    for sent in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is not None:
            return
        server.send_signal(sent)
        try:
            server.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            continue


def _owner_gone(pipe: int, wait_s: float) -> bool:
    readable, _, _ = select.select([pipe], [], [], wait_s)
    return bool(readable) and os.read(pipe, 64) == b""


def guard(plan: dict[str, object], pipe: int) -> int:
    """Keep the server of `plan` running until the owner's end of `pipe` closes; return the exit status."""
    lock = os.open(str(plan["lock"]), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 3
    quick_deaths = 0
    server = _spawn(plan)
    started = time.monotonic()
    while not _owner_gone(pipe, 0.1):
        if server.poll() is None:
            continue
        # After `kill -9`, children of the old server may hold its shared memory for a moment: try again.
        quick_deaths = quick_deaths + 1 if time.monotonic() - started < 1 else 1
        if quick_deaths > _QUICK_DEATHS:
            return 4
        if _owner_gone(pipe, _RESTART_PAUSE_S):
            return 0
        server = _spawn(plan)
        started = time.monotonic()
    _stop(server)
    return 0


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    sys.exit(guard(json.loads(sys.argv[1]), sys.stdin.fileno()))
