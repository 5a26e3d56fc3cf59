"""P1, P2, P3, P11: heartbeats against the real service, stored rows counted."""

import copy
import time
from datetime import UTC, datetime
from typing import Any

import psutil

from bench.client import Outcome, send
from bench.fleet import BenchDevice, deal, load_fleet, stored
from bench.report import Figure, median
from bench.service import Bed, Process
from vigie.simulator.device import VirtualDevice
from vigie.simulator.fleet import plan_fleet

CONNECTIONS = 64
REPETITIONS = 3


class LostError(AssertionError):
    """Acknowledgements and stored rows differ: the figure would be worthless."""


def _check(bed: Bed, before: int, outcome: Outcome) -> None:
    kept = stored(bed) - before
    if kept != outcome.statuses[200] or outcome.failures or set(outcome.statuses) - {200, 503}:
        raise LostError(
            f"stored {kept}, answered {dict(outcome.statuses)}, failures {outcome.failures}, {outcome.sample!r}"
        )


def quiet(bed: Bed, devices: list[BenchDevice], service: Process, ceiling: Process) -> list[Figure]:
    """P1: quiet signed heartbeats, and the same endpoint without its database call, interleaved."""
    _round(devices, service, rounds=1)  # first heartbeats, full of firsts, are not quiet
    rates: list[float] = []
    ceilings: list[float] = []
    latencies: list[float] = []
    for _ in range(REPETITIONS):
        before = stored(bed)
        outcome = _round(devices, service, rounds=4)
        _check(bed, before, outcome)
        rates.append(outcome.rate)
        latencies.append(outcome.quantile(0.99))
        sequences = [device.sequence for device in devices]
        ceilings.append(_round(devices, ceiling, rounds=4).rate)
        for device, sequence in zip(devices, sequences, strict=True):
            device.sequence = sequence
    shares = [100 * rate / top for rate, top in zip(rates, ceilings, strict=True)]
    return [
        Figure(
            "P1",
            "quiet signed heartbeats, acknowledged after commit, 64 connections",
            median(rates),
            3000,
            "/s",
            "more",
            rates,
            {"p99 (ms)": median(latencies), "devices": len(devices), "server processes": 2},
        ),
        Figure(
            "P1b",
            "the same, as a share of the endpoint without its database call",
            median(shares),
            55,
            "%",
            "more",
            shares,
            {"without the database (/s)": median(ceilings)},
        ),
    ]


def _round(devices: list[BenchDevice], service: Process, rounds: int) -> Outcome:
    requests = [device.signed(service.host, device.heartbeat()) for _ in range(rounds) for device in devices]
    return send("127.0.0.1", service.port, deal(requests, len(devices), CONNECTIONS))


def full_sections(place: int, flip: int) -> dict[str, Any]:
    """Return thirteen sections of a realistic device; `flip` changes every one of them, and what is judged of them."""
    sections = copy.deepcopy(_TEMPLATES[place % len(_TEMPLATES)])
    for name, section in sections.items():
        section["source"] = f"{section['source'][:50]}{'+b' if flip else ''}"
        data = section["data"]
        if data is None:
            continue
        if name == "patch" and data.get("pending"):
            data["pending"] = {
                **data["pending"],
                "security": 2 if flip else 0,
                "max_age_days": 40 if flip else None,
                "items": [],
            }
        if name == "storage":
            for volume in data["volumes"]:
                volume["free_gib"] = volume["total_gib"] // (20 if flip else 2)
        if name == "backup":
            for job in data.get("jobs") or ():
                job["bytes"] = 1_000_000 + flip
    return sections


def _templates() -> list[dict[str, Any]]:
    now = datetime.now(UTC).replace(microsecond=0)
    devices: list[VirtualDevice] = [device for plan in plan_fleet(2, 4, now=now) for device in plan.devices()]
    return [device.heartbeat(now)["sections"] for device in devices]


_TEMPLATES = _templates()


def full(bed: Bed, devices: list[BenchDevice], service: Process) -> list[Figure]:
    """P2: full signed heartbeats; every section changed, states flip, postures and events are written."""
    rates: list[float] = []
    bodies: list[int] = []
    flip = 0
    for repetition in range(REPETITIONS + 1):
        requests = []
        for _ in range(1 if repetition == 0 else 2):
            for place, device in enumerate(devices):
                body = device.heartbeat(full_sections(place, flip))
                bodies.append(len(body))
                requests.append(device.signed(service.host, body, compressed=True))
            flip = 1 - flip
        before = stored(bed)
        outcome = send("127.0.0.1", service.port, deal(requests, len(devices), CONNECTIONS))
        _check(bed, before, outcome)
        if repetition:  # the first repetition only fills the tables
            rates.append(outcome.rate)
    events = bed.query("SELECT count(*) AS n FROM event")[0]["n"]
    return [
        Figure(
            "P2",
            "full signed heartbeats: 13 sections changed, rules evaluated, posture updated, events written",
            median(rates),
            1000,
            "/s",
            "more",
            rates,
            {"body before gzip (bytes)": sum(bodies) // len(bodies), "devices": len(devices), "events written": events},
        )
    ]


def storm(bed: Bed, devices: list[BenchDevice], service: Process) -> list[Figure]:
    """P3: ten thousand devices knock within one second, each on its own connection, none remembered by the service."""
    runs = []
    refused = 0
    for _ in range(REPETITIONS):
        requests = [[device.signed(service.host, device.heartbeat())] for device in devices]
        before = stored(bed)
        outcome = send("127.0.0.1", service.port, requests, spread_s=1.0, patience=1.0)
        _check(bed, before, outcome)
        if outcome.statuses[200] != len(devices):
            raise LostError(f"{len(devices) - outcome.statuses[200]} devices were not acknowledged")
        refused += outcome.statuses[503]
        runs.append(outcome.seconds)
    return [
        Figure(
            "P3",
            f"storm: {len(devices):,} devices within one second, until the last is acknowledged; none lost",
            median(runs),
            10,
            "s",
            "less",
            runs,
            {"answers 503 (sent again)": refused},
        )
    ]


def day_of_load(devices: list[BenchDevice], service: Process, worker: Process) -> list[Figure]:
    """P11: memory after the heartbeats of a day of this fleet."""
    started = time.monotonic()
    count = 0
    for _ in range(8):
        outcome = _round(devices, service, rounds=3)
        count += outcome.statuses[200]
    processes = [psutil.Process(pid) for pid in service.members()[1:]]
    api = [process.memory_info().rss / 2**20 for process in processes]
    background = psutil.Process(worker.process.pid).memory_info().rss / 2**20
    notes = {"heartbeats": count, "seconds": time.monotonic() - started, "devices": len(devices)}
    return [
        Figure("P11", "memory of an API process after a day of load", max(api), 150, "MiB", "less", api, notes),
        Figure("P11b", "memory of the worker", background, 150, "MiB", "less", [background]),
    ]


def prepare(bed: Bed) -> list[BenchDevice]:
    """Return a fleet of 5,000 devices of 1,000 practices of 20 providers."""
    return load_fleet(bed, providers=20, practices=50, devices=5)
