"""The loop of the worker: jobs run again and again, none stops another, and the end waits for what is under way."""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import REGISTRY

from vigie.core.jobs import Job, run_jobs


def failures(name: str) -> float:
    return REGISTRY.get_sample_value("vigie_job_failures_total", {"job": name}) or 0


def counting(calls: list[str], name: str, enough: int, stop: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        calls.append(name)
        if calls.count(name) >= enough:
            stop.set()

    return run


async def test_a_job_that_fails_is_counted_and_run_again_and_stops_no_other() -> None:
    stop = asyncio.Event()
    calls: list[str] = []
    before = failures("test.broken")

    async def broken() -> None:
        calls.append("broken")
        raise RuntimeError("a fault of this run only")

    jobs = [Job("test.broken", 0.001, broken), Job("test.sound", 0.01, counting(calls, "sound", 5, stop))]
    async with asyncio.timeout(10):
        await run_jobs(jobs, stop)
    assert calls.count("sound") == 5
    assert calls.count("broken") > 1
    assert failures("test.broken") == before + calls.count("broken")
    assert failures("test.sound") == 0


async def test_the_end_does_not_wait_for_a_pause_and_does_wait_for_a_run_under_way() -> None:
    stop, begun, may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()
    ended: list[str] = []

    async def long() -> None:
        begun.set()
        await may_end.wait()
        ended.append("long")

    async def short() -> None:
        ended.append("short")

    running = asyncio.create_task(run_jobs([Job("test.long", 3600, long), Job("test.short", 3600, short)], stop))
    async with asyncio.timeout(10):
        await begun.wait()
        stop.set()
        await asyncio.sleep(0.05)
        early = (running.done(), list(ended))
        may_end.set()
        await running
    assert early == (False, ["short"])
    assert ended == ["short", "long"]
