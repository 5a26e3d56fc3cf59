"""Processes of `vigie` that begin where the imports end: forked from one process that has made them, once.

Importing the program takes three seconds of a processor, and these tests start it a dozen times. What is forked is a process like
any other: its own memory, its own connections, killed by its own number. That the command starts as an operator calls it is shown
by the houses of `tests/support/house.py`.
"""

import asyncio
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from vigie.cli import main

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "tests.support.forked",
        *(f"vigie.commands.{name}" for name in ("serve", "worker", "migrate", "provider", "isolation_check")),
    ]
)


def end_with_the_test() -> None:
    """In the child: ask Linux to end it should who started it be killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Fork:
    """A running `vigie`, with what the tests use of a process of asyncio."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], out: Path, complaints: Path) -> None:
        """Start it; what it prints is added to files."""
        files = str(out), str(complaints)
        self._process = _FORKS.Process(target=_live, args=(list(arguments), dict(environment), *files), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status once it has ended: minus the signal, where one ended it."""
        return self._process.exitcode

    async def wait(self) -> int:
        """Wait for its end; return the exit status."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode

    def kill(self) -> None:
        """End it without notice."""
        self._process.kill()

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        if self._process.exitcode is None:
            os.kill(self.pid, number)


def _live(arguments: list[str], environment: dict[str, str], *files: str) -> None:
    end_with_the_test()
    for name, place in zip(files, (1, 2), strict=True):
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(descriptor, place)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    sys.exit(main(arguments))
