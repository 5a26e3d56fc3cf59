"""ANS-5.12: disks are healthy and have room."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from vigie.posture.rules.lifecycle import Lifecycle
from vigie.posture.rules.model import Calendar, DeviceFacts, EquipmentPolicy, Finding, Policy, State
from vigie.posture.rules.reading import read, verdict
from vigie.posture.rules.reasons import Reason
from vigie.posture.rules.timeline import WORST_FIRST

_JUDGED_ROLES = frozenset({"os", "data"})


def assess_equipment(
    facts: DeviceFacts, policy: Policy, _calendar: Calendar, _lifecycle: Lifecycle, _now: datetime
) -> Finding:
    """ANS-5.12: no disk announces its end, no array runs on fewer disks, every volume has room.

    Pass: all disks healthy and ``free_pass_percent`` free everywhere. Warn: a disk warns, or less room than that. Fail: less
    than ``free_warn_percent``, a disk that is failing, an array that is degraded. Virtual disks tell no health and are
    judged by their room alone. Swap is not judged.
    """
    control = "ANS-5.12"
    bounds = policy.equipment
    threshold = {"pass_percent": bounds.free_pass_percent, "warn_percent": bounds.free_warn_percent}
    reading = read(facts, control, "storage", threshold, absent=("not_applicable", "no_local_storage"))
    if isinstance(reading, Finding):
        return reading
    evidence = reading.evidence
    results = [
        _judge_disks(reading.data.get("disks"), evidence),
        _judge_array(reading.data.get("raid"), evidence),
        _judge_room(reading.data.get("volumes"), bounds, evidence),
    ]
    state, reason = min(results, key=lambda result: WORST_FIRST[result[0]])
    return verdict(control, state, reason, evidence, threshold)


def _judge_disks(disks: object, evidence: dict[str, Any]) -> tuple[State, Reason]:
    if not isinstance(disks, list | tuple):
        return "unknown", "equipment_unknown"
    evidence["disks"] = len(disks)
    healths = {disk.get("health") for disk in disks if _tells_health(disk)}
    if "failing" in healths:
        return "fail", "disk_failing"
    if healths - {"ok", "warning"}:
        return "unknown", "equipment_unknown"
    return ("warn", "disk_warning") if "warning" in healths else ("pass", "equipment_healthy")


def _tells_health(disk: Mapping[str, Any]) -> bool:
    return disk.get("kind") != "virtual" or disk.get("health") in {"warning", "failing"}


def _judge_array(raid: object, evidence: dict[str, Any]) -> tuple[State, Reason]:
    """Judge an array; that none is reported says nothing bad, most machines have none."""
    if raid in {"degraded", "failed"}:
        evidence["raid"] = raid
        return "fail", "raid_degraded"
    return "pass", "equipment_healthy"


def _judge_room(volumes: object, bounds: EquipmentPolicy, evidence: dict[str, Any]) -> tuple[State, Reason]:
    if not isinstance(volumes, list | tuple):
        return "unknown", "equipment_unknown"
    least: int | None = None
    untold = False
    for volume in volumes:
        if volume.get("role") not in _JUDGED_ROLES:
            continue
        total, free = volume.get("total_gib"), volume.get("free_gib")
        if not isinstance(total, int) or not isinstance(free, int) or total <= 0:
            untold = True
            continue
        percent = free * 100 // total
        if least is None or percent < least:
            least = percent
            evidence["least_room"] = {"role": volume["role"], "free_gib": free, "total_gib": total}
    evidence["least_free_percent"] = least
    if least is not None and least < bounds.free_warn_percent:
        return "fail", "space_critical"
    if untold or least is None:
        return "unknown", "equipment_unknown"
    return ("warn", "space_low") if least < bounds.free_pass_percent else ("pass", "equipment_healthy")
