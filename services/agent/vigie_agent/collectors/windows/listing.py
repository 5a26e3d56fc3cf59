"""The collectors of Windows: they share one registry and one PowerShell answer per run."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from vigie_agent.collectors.backup import section as backup
from vigie_agent.collectors.base import Collector, Context, Section
from vigie_agent.collectors.windows import access, machine_room, protection, system
from vigie_agent.collectors.windows.bridge import SEARCH_TIMEOUT_S, Bridge
from vigie_agent.collectors.windows.registry_reader import Registry, system_registry

Reader = Callable[[Context, Registry, Bridge], Section]
RIGHTS = "run as the local system account"


def collectors(
    events: Callable[[], Iterable[Mapping[str, Any]]],
    cache: Path,
    registry: Registry | None = None,
    bridge: Bridge | None = None,
) -> list[Collector]:
    """In the order they run; the first to ask PowerShell pays for the process, so it has the time of a search."""
    source, answer = registry or system_registry(), bridge or Bridge()

    def bound(reader: Reader) -> Callable[[Context], Section]:
        return lambda context: reader(context, source, answer)

    def observed(context: Context, gaps: Any) -> Any:
        return machine_room.observed_backups(context, gaps, answer)

    readers: tuple[tuple[str, Reader], ...] = (
        ("os", system.collect_os),
        ("patch", system.collect_patch),
        ("antivirus", protection.collect_antivirus),
        ("firewall", protection.collect_firewall),
        ("encryption", protection.collect_encryption),
        ("screen_lock", access.collect_screen_lock),
        ("accounts", access.collect_accounts),
        ("storage", machine_room.collect_storage),
        ("power", machine_room.collect_power),
        ("exposure", access.collect_exposure),
        ("health_card", machine_room.collect_health_card),
    )
    listed = [Collector(name, bound(reader), timeout_s=SEARCH_TIMEOUT_S + 5, hint=RIGHTS) for name, reader in readers]
    return [*listed, Collector("backup", backup.collector(events, cache, observed), timeout_s=120.0)]
