"""The collectors of macOS."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from vigie_agent.collectors.backup import section as backup
from vigie_agent.collectors.base import Collector
from vigie_agent.collectors.macos import machine_room, protection, system

RIGHTS = "run as root"


def collectors(events: Callable[[], Iterable[Mapping[str, Any]]], cache: Path) -> list[Collector]:
    """In the order they run; the update list goes to Apple once a day and has the time for it."""
    return [
        Collector("patch", system.collect_patch, timeout_s=120.0),
        Collector("os", system.collect_os),
        Collector("antivirus", protection.collect_antivirus),
        Collector("firewall", protection.collect_firewall),
        Collector("encryption", protection.collect_encryption),
        Collector("screen_lock", protection.collect_screen_lock, hint="somebody must be signed in"),
        Collector("accounts", protection.collect_accounts, hint=RIGHTS),
        Collector("storage", machine_room.collect_storage),
        Collector("power", machine_room.collect_power),
        Collector("exposure", protection.collect_exposure, hint=RIGHTS),
        Collector("health_card", machine_room.collect_health_card),
        Collector(
            "backup",
            backup.collector(events, cache, machine_room.time_machine),
            timeout_s=120.0,
            hint="give the agent Full Disk Access to read Time Machine",
        ),
    ]
