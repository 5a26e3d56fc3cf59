"""The loop for machines without a timer: a tiny parent that sleeps, each run a child, so that no memory is kept.

A timer of the operating system (``vigie-agent install``) is better: then nothing at all is resident.
"""

import random
import signal
import subprocess
import threading
from collections.abc import Sequence
from types import FrameType

from vigie_agent import clock, progress
from vigie_agent.build import program
from vigie_agent.paths import Paths

SHORTEST_S, LONGEST_S = 5.0, 86400.0
JITTER_S = 5.0
RUN_LIMIT_S = 600.0


def wait_s(state: progress.Progress, chance: float) -> float:
    """Seconds until the next run that the server asked for (an interval when it never answered), plus a little jitter."""
    if state.next_run_at is None:
        return float(state.interval_s)
    left = (clock.from_wire(state.next_run_at) - clock.utc_now()).total_seconds()
    return min(max(left, SHORTEST_S), LONGEST_S) + JITTER_S * chance


def loop(paths: Paths, child_arguments: Sequence[str]) -> int:
    """Run, sleep, run again, until told to stop; returns 0."""
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    while not stop.is_set():
        child = subprocess.Popen([*program(), *child_arguments])
        _wait_for(child, stop)
        before = progress.load(paths.progress)
        stop.wait(wait_s(before, random.random()))  # noqa: S311 - spreads load, keeps no secret
    return 0


def _wait_for(child: "subprocess.Popen[bytes]", stop: threading.Event) -> None:
    waited = 0.0
    while child.poll() is None:
        if stop.wait(0.2) or waited > RUN_LIMIT_S:
            child.terminate()
            child.wait(10)
            return
        waited += 0.2
