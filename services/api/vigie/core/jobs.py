"""Background jobs: a name, a period, a coroutine; each in its own loop, none able to stop another."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from vigie.core.metrics import JOB_FAILURES, JOB_RUNS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the worker: `run` is called every `every_s` seconds, counted from the end of the run before."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[object]]


async def run_jobs(jobs: Sequence[Job], stop: asyncio.Event) -> None:
    """Run jobs until `stop` is set; a run under way is finished first."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_loop(job, stop), name=job.name)


async def _loop(job: Job, stop: asyncio.Event) -> None:
    failures = JOB_FAILURES.labels(job.name)
    runs = JOB_RUNS.labels(job.name)
    while not stop.is_set():
        started = time.monotonic()
        try:
            await job.run()
        except Exception:
            failures.inc()
            log.exception("job failed", extra={"job": job.name, "seconds": round(time.monotonic() - started, 3)})
        runs.inc()
        try:
            await asyncio.wait_for(stop.wait(), job.every_s)
        except TimeoutError:
            continue
