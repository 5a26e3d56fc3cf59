"""The explicit list of collectors of each system: nothing registers itself by being imported."""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from vigie_agent.collectors.base import Collector

Events = Callable[[], Iterable[Mapping[str, Any]]]


def collectors(events: Events, cache: Path, platform: str = sys.platform) -> list[Collector]:
    """The collectors of this system, in the order they run. ``events`` gives the backup events, ``cache`` is for tools."""
    if platform == "win32":
        from vigie_agent.collectors.windows import listing as windows  # noqa: PLC0415 - one system's code

        return windows.collectors(events, cache)
    if platform == "darwin":
        from vigie_agent.collectors.macos import listing as macos  # noqa: PLC0415

        return macos.collectors(events, cache)
    from vigie_agent.collectors.linux import listing as linux  # noqa: PLC0415

    return linux.collectors(events, cache)
