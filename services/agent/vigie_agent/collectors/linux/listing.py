"""The collectors of Linux."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from vigie_agent.collectors.backup import section as backup
from vigie_agent.collectors.base import Collector
from vigie_agent.collectors.linux import (
    accounts,
    antivirus,
    encryption,
    exposure,
    firewall,
    health_card,
    patch,
    power,
    screen_lock,
    storage,
    system,
)


def collectors(events: Callable[[], Iterable[Mapping[str, Any]]], cache: Path) -> list[Collector]:
    """In the order they run: cheap ones first, so that a hanging tool takes nothing from them."""
    return [
        Collector("os", system.collect),
        Collector("accounts", accounts.collect, hint="run as root to read shadow and the SSH settings"),
        Collector("antivirus", antivirus.collect),
        Collector("encryption", encryption.collect),
        Collector("exposure", exposure.collect),
        Collector("firewall", firewall.collect, hint="run as root: the kernel shows its rules to nobody else"),
        Collector("health_card", health_card.collect),
        Collector("power", power.collect, hint="install NUT or apcupsd to read a power supply"),
        Collector("screen_lock", screen_lock.collect, applies=screen_lock.applies),
        Collector("storage", storage.collect, hint="install smartmontools to read the health of disks"),
        Collector("patch", patch.collect, timeout_s=120.0),
        Collector(
            "backup",
            backup.collector(events, cache),
            timeout_s=120.0,
            hint="declare repositories in agent.toml, or let jobs report with `vigie-agent backup report`",
        ),
    ]
