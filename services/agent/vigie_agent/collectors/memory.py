"""What collectors remember between runs: a small bounded file in the state directory, never sent.

Used to keep quiet hours quiet (a value is repeated until it moved by more than noise) and to know since when a
pending update has been seen.
"""

from pathlib import Path
from typing import Any

from vigie_agent import files

MAX_ENTRIES = 4000


class Memory:
    """A dictionary per subject, stored as JSON when it changed."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        stored = files.read_json(path) if path else None
        self._subjects: dict[str, dict[str, Any]] = {}
        if isinstance(stored, dict) and all(isinstance(entry, dict) for entry in stored.values()):
            self._subjects = stored
        self._before = repr(self._subjects)

    def subject(self, name: str) -> dict[str, Any]:
        """The mutable memory of one subject."""
        return self._subjects.setdefault(name, {})

    def replace(self, name: str, entries: dict[str, Any]) -> None:
        """Replace a subject's memory; at most ``MAX_ENTRIES`` entries are kept."""
        self._subjects[name] = dict(list(entries.items())[:MAX_ENTRIES])

    def steady(self, subject: str, key: str, value: int, tolerance: int) -> int:
        """The remembered value while the new one is within ``tolerance`` of it, else the new one (and remember it)."""
        known = self.subject(subject)
        before = known.get(key)
        if isinstance(before, int) and abs(before - value) <= tolerance:
            return before
        known[key] = value
        return value

    def save(self) -> None:
        """Store the memory if it changed; a memory without a file (dry run) is not stored."""
        if self._path is not None and repr(self._subjects) != self._before:
            files.write_json(self._path, self._subjects)
            self._before = repr(self._subjects)
