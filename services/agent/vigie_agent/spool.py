"""Runs that could not be delivered: one small file each, bounded in number and bytes, the oldest dropped first.

Only the time of a run survives ("PC on, line down" differs from "PC off"): a newer full state supersedes an older
report, so stale reports are never replayed. Backup results have their own queue, ``backup_events``.
"""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from vigie_agent import clock, files

MAX_FILES = 72
MAX_BYTES = 2 * 1024 * 1024
_NAME_FORMAT = "%Y%m%dT%H%M%SZ"
_FIRST_YEAR = 2015  # before that a clock had lost its time, and the server reads no such date


class Spool:
    """The undelivered runs of one device."""

    def __init__(self, directory: Path, max_files: int = MAX_FILES, max_bytes: int = MAX_BYTES) -> None:
        self.directory = directory
        self.max_files = max_files
        self.max_bytes = max_bytes

    def add(self, ran_at: datetime, note: bytes = b"") -> None:
        """Remember a run that was not delivered; ``note`` may say why, for people."""
        files.private_dir(self.directory)
        files.write_atomic(self.directory / f"{ran_at.strftime(_NAME_FORMAT)}.run", note)
        self._trim()

    def runs(self) -> list[str]:
        """The times of the runs, oldest first, in the wire format."""
        return [moment for path in self._files() if (moment := _moment(path)) is not None]

    def clear(self, delivered: list[str]) -> None:
        """Forget the runs that the server has acknowledged by name."""
        for path in self._files():
            if _moment(path) in delivered:
                with suppress(FileNotFoundError):
                    path.unlink()

    def _files(self) -> list[Path]:
        try:
            names = sorted(name for name in os.listdir(self.directory) if name.endswith(".run"))  # noqa: PTH208 - names only
        except FileNotFoundError:
            return []
        return [self.directory / name for name in names]

    def _trim(self) -> None:
        kept = self._files()
        sizes = [path.stat().st_size for path in kept]
        while kept and (len(kept) > self.max_files or sum(sizes) > self.max_bytes):
            with suppress(FileNotFoundError):
                kept.pop(0).unlink()
            sizes.pop(0)


def _moment(path: Path) -> str | None:
    try:
        parsed = datetime.strptime(path.stem, _NAME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
    return clock.to_wire(parsed) if parsed.year >= _FIRST_YEAR else None
