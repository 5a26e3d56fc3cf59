"""P10: an evidence report of a practice with ten devices that have reported every hour for a year."""

import asyncio
import http.client
import time
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psutil

from bench.report import Figure, median
from bench.service import Bed, Process
from vigie.demo.history import make_history
from vigie.demo.state import DemoState
from vigie.simulator.fleet import plan_practice

DEVICES, DAYS = 10, 365
GOAL_MS = 200
PASSES, REPORTS = 3, 20
_STORY = 1  # a practice in which something is wrong: there is more to say of it


def one_report(bed: Bed) -> list[Figure]:
    """Measure from the request to its answer: gathering, composing, setting, keeping, the entry in the audit, the commit."""
    anchor = datetime.now(UTC).replace(second=0, microsecond=0)
    plan = plan_practice(_STORY, DEVICES, now=anchor, seed="report")
    planned = [(str(place), plan, device) for place, device in enumerate(plan.devices())]
    made = asyncio.run(make_history(bed.settings(0), anchor, print, days=DAYS, planned=planned))
    service = bed.serve(workers=1)
    connection = http.client.HTTPConnection("127.0.0.1", service.port)
    token = _token(connection, made)
    practice = _call(connection, "GET", "/v1/practices", token)["items"][0]["id"]
    asked = {"period_from": (anchor.date() - timedelta(days=DAYS - 1)).isoformat()}
    path = f"/v1/practices/{practice}/reports"
    passes: list[list[float]] = []
    sizes: list[int] = []
    spent = 0.0
    for turn in range(PASSES + 1):
        found, before = [], _processor_time(service)
        for _ in range(REPORTS):
            started = time.perf_counter()
            report = _call(connection, "POST", path, token, asked)
            found.append((time.perf_counter() - started) * 1000)
            sizes.append(report["size"])
        if turn:  # the first pass warms up
            passes.append(found)
            spent += _processor_time(service) - before
    medians = [median(found) for found in passes]
    slowest = max(found for each in passes for found in each)
    notes = {"slowest of them (ms)": slowest, "bytes of the file": median([float(size) for size in sizes])}
    notes |= {"processor time of the API for each (ms)": spent * 1000 / PASSES / REPORTS, **_memory(service)}
    what = f"POST …/reports: PDF of a practice with {DEVICES} devices and a year of history: median"
    return [Figure("P10", what, median(medians), GOAL_MS, "ms", "less", medians, notes)]


def _token(connection: http.client.HTTPConnection, made: DemoState) -> str:
    basic = b64encode(f"{made.client_id}:{made.client_secret}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/oauth/token", "grant_type=client_credentials", headers)
    return str(orjson.loads(connection.getresponse().read())["access_token"])


def _call(
    connection: http.client.HTTPConnection, method: str, path: str, token: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request(method, path, None if body is None else orjson.dumps(body), headers)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status not in {200, 201}:
        raise RuntimeError(content.decode())
    found: dict[str, Any] = orjson.loads(content)
    return found


def _processor_time(service: Process) -> float:
    """Return how many seconds of a core the API has used so far."""
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in service.members())


def _memory(service: Process) -> dict[str, float]:
    """Return the memory of the process that makes them, in MiB."""
    return {"memory afterwards (MiB)": max(psutil.Process(pid).memory_info().rss for pid in service.members()) / 2**20}
