"""Several server processes on one port, and children that never outlive their parent."""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from types import FrameType

from vigie.settings import Settings

_PR_SET_PDEATHSIG = 1
_STOP_S = 30
_RESTART_PAUSE_S = 0.5


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the environment that gives a child process these settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is None:
            continue
        shown = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        environment[f"VIGIE_{name.upper()}"] = (
            "[" + ", ".join(f'"{part}"' for part in shown) + "]" if isinstance(shown, tuple) else str(shown)
        )
    return environment


def spawn(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start `python -m vigie …` as a child that Linux ends when this process dies, even by `kill -9`."""
    return subprocess.Popen(
        [sys.executable, "-m", "vigie", *arguments],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        preexec_fn=end_with_parent,  # noqa: PLW1509 - called from a process without threads
        start_new_session=True,  # Ctrl-C reaches the parent only, which then ends the children in order
    )


def end_with_parent() -> None:
    """Have Linux end this process when its parent dies, even by `kill -9`; elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def stop_all(children: Sequence[subprocess.Popen[bytes]]) -> None:
    """End children: asked first, forced after thirty seconds."""
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + _STOP_S
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.1, deadline - time.monotonic()))
        if child.poll() is None:
            child.kill()
            child.wait()


def bound(host: str, port: int, *, beside: bool = False) -> socket.socket:
    """Return a socket at an address. Nobody is let in before a server that is ready listens on it.

    `beside`: others may be bound there too, and the kernel deals connections to those that listen, evenly. Processes that
    accept from one socket do not share so: the one that is awake takes all that have come.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if beside:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    # Inherited by each connection: head and body of an answer are two writes, and the second must not wait for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind((host, port))
    return listener


def serve_many(settings: Settings, host: str, port: int, workers: int) -> int:
    """Run `workers` server processes on one port until SIGTERM or SIGINT; a process that dies is replaced."""
    place = bound(
        host, port, beside=True
    )  # an address that is taken is told here, and stays ours while a process is replaced
    metrics = tempfile.mkdtemp(prefix="vigie-metrics-")
    environment = environment_of(settings) | {"PROMETHEUS_MULTIPROC_DIR": metrics}
    arguments = ["serve", "--host", host, "--port", str(place.getsockname()[1]), "--beside"]
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    children = [spawn(arguments, environment) for _ in range(workers)]
    try:
        while not stopping:
            for which, child in enumerate(children):
                if child.poll() is not None and not stopping:
                    time.sleep(_RESTART_PAUSE_S)
                    children[which] = spawn(arguments, environment)
            time.sleep(0.2)
    finally:
        stop_all(children)
        place.close()
        shutil.rmtree(metrics, ignore_errors=True)
    return 0
