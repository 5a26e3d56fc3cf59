"""What ``smartctl --json`` says about one disk, on every system that has it."""

import json
from typing import Any

from vigie_agent.collectors.base import CollectError, mapping

WEAR_STEP, HOURS_STEP = 5, 1000
# exit status is a bit mask (smartctl(8)): these bits are about the disk, the lower three about the call
EXIT_FLAGS = {16: "prefail", 32: "past_prefail", 64: "error_log", 128: "self_test_failed"}
EXIT_FAILING, EXIT_CALL = 8, 7
ATTRIBUTES = {5: "reallocated", 197: "pending_sectors", 187: "uncorrectable", 198: "uncorrectable"}
SPARE_LOW_PCT = 10


def parse_smart(output: bytes) -> dict[str, Any]:
    """Health, wear, hours and flags, quantised; serial numbers and models stay behind.

    Raises ``CollectError`` when the device has no SMART (virtual disks, RAID volumes).
    """
    answer = mapping(json.loads(output))
    status = int(mapping(answer.get("smartctl", {})).get("exit_status", 0))
    passed = mapping(answer.get("smart_status", {})).get("passed")
    if passed is None:
        raise CollectError("provider_error", "smartctl", f"exit_{status & EXIT_CALL}")
    flags = {name for bit, name in EXIT_FLAGS.items() if status & bit}
    table = mapping(answer.get("ata_smart_attributes", {})).get("table") or []
    for row in table:
        name = ATTRIBUTES.get(row.get("id"))
        if name and int(mapping(row.get("raw", {})).get("value", 0)) > 0:
            flags.add(name)
    nvme = mapping(answer.get("nvme_smart_health_information_log", {}))
    if nvme.get("critical_warning"):
        flags.add("critical_warning")
    if nvme.get("media_errors"):
        flags.add("media_errors")
    if nvme.get("available_spare", 100) <= SPARE_LOW_PCT:
        flags.add("spare_low")
    wear, hours = nvme.get("percentage_used"), mapping(answer.get("power_on_time", {})).get("hours")
    return {
        "health": "failing" if not passed or status & EXIT_FAILING else ("warning" if flags else "ok"),
        "wear_pct": None if wear is None else min(255, int(wear)) // WEAR_STEP * WEAR_STEP,
        "hours": None if hours is None else int(hours) // HOURS_STEP * HOURS_STEP,
        "flags": sorted(flags),
    }
