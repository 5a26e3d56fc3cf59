"""What must survive between runs: the sequence, what the server acknowledged, when to run next.

Written before each sending (a sequence that was used is never used again, even after a power cut) and after each
answer. A damaged file is an empty one: the server's ``continue_from`` and ``resync`` repair the rest.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from vigie_agent import files

FULL_EVERY = 24


@dataclass
class Progress:
    """The persisted position of one device in the conversation with the server."""

    sequence: int = 0
    acknowledged: dict[str, str] = field(default_factory=dict)
    runs_since_full: int = FULL_EVERY  # the first report is full
    clock_offset_s: int = 0
    interval_s: int = 3600
    slot_s: int | None = None
    config_rev: int | None = None
    next_run_at: str | None = None
    last_run_at: str | None = None
    last_ack_at: str | None = None
    last_problem: str | None = None
    stopped: str | None = None
    stopped_at: str | None = None
    dropped: int = 0

    def wants_full(self) -> bool:
        """Whether the next report must name every section."""
        return self.runs_since_full >= FULL_EVERY - 1 or not self.acknowledged

    def changed(self, digests: Mapping[str, str]) -> list[str]:
        """The sections whose content the server does not hold."""
        return sorted(name for name, digest in digests.items() if self.acknowledged.get(name) != digest)


def load(path: Path) -> Progress:
    """The stored progress, or a new one."""
    stored = files.read_json(path)
    if not isinstance(stored, dict):
        return Progress()
    known: dict[str, Any] = {item.name: stored[item.name] for item in fields(Progress) if item.name in stored}
    try:
        progress = Progress(**known)
        return progress if _plausible(progress) else Progress()
    except TypeError:
        return Progress()


def _plausible(progress: Progress) -> bool:
    return (
        isinstance(progress.sequence, int)
        and progress.sequence >= 0
        and isinstance(progress.runs_since_full, int)
        and isinstance(progress.clock_offset_s, int)
        and isinstance(progress.acknowledged, dict)
    )


def save(path: Path, progress: Progress) -> None:
    """Store the progress so that a power cut cannot take it back."""
    files.write_json(path, asdict(progress))
