"""Structured log to standard error: one JSON object per line, codes and numbers only, no addresses, no names."""

import json
import sys
from typing import Any

from vigie_agent import clock

LEVELS = ("debug", "info", "warning", "error")


class Log:
    """Writes events at or above a level."""

    def __init__(self, level: str = "warning") -> None:
        self._least = LEVELS.index(level)

    def write(self, level: str, event: str, **facts: Any) -> None:
        """One line on standard error."""
        if LEVELS.index(level) >= self._least:
            line = {"at": clock.to_wire(clock.utc_now()), "level": level, "event": event, **facts}
            sys.stderr.write(json.dumps(line, sort_keys=False) + "\n")
