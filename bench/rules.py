"""P14: what judging one device by every automatic rule of devices costs, over the machines of a simulated fleet."""

import time
from datetime import UTC, datetime

from bench.report import Figure, median
from vigie.posture.catalogue import load_lifecycle
from vigie.posture.rules.device import DEVICE_CONTROLS, assess_device
from vigie.posture.rules.model import AlwaysOpen, BackupRun, DeviceFacts, Policy
from vigie.posture.runs import runs_of_section
from vigie.simulator.fleet import plan_fleet

GOAL_US = 300
REPETITIONS = 7
ROUNDS = 30
_NOW = datetime(2026, 11, 21, 8, 17, 42, tzinfo=UTC)


def fleet() -> list[DeviceFacts]:
    """Return the facts of 96 machines of every kind and story, as their full reports tell them."""
    found = []
    for plan in plan_fleet(24, 4, now=_NOW):
        for device in plan.devices():
            sections = device.heartbeat(_NOW)["sections"]
            runs = [
                BackupRun(run.job, run.status, run.ended_at, run.bytes) for run in runs_of_section(sections["backup"])
            ]
            profile = device.machine.profile
            found.append(DeviceFacts(profile.family, profile.role, device.machine.joined_at, _NOW, sections, runs))
    return found


def one_device() -> list[Figure]:
    """Measure microseconds of processor time per device; all rules, nothing of the database."""
    devices, policy, calendar, lifecycle = fleet(), Policy(), AlwaysOpen(), load_lifecycle()
    runs, dearest = [], 0.0
    for _ in range(REPETITIONS):
        spent = 0.0
        for facts in devices:
            before = time.process_time()
            for _ in range(ROUNDS):
                assess_device(facts, policy, calendar, lifecycle, _NOW)
            own = (time.process_time() - before) / ROUNDS
            dearest = max(dearest, own)
            spent += own
        runs.append(spent / len(devices) * 1e6)
    notes = {"controls judged": len(DEVICE_CONTROLS), "the dearest machine of all runs, µs": round(dearest * 1e6, 1)}
    what = "all automatic rules for one device, processor time"
    return [Figure("P14", what, median(runs), GOAL_US, "µs", "less", runs, notes)]
