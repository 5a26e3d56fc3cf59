"""Small private files that are either the old or the new version, never half of one."""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

PRIVATE_FILE = 0o600
PRIVATE_DIR = 0o700


def private_dir(path: Path, mode: int = PRIVATE_DIR) -> Path:
    """Create a directory (and its parents) that only the account of the agent can enter."""
    if not path.is_dir():
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    return path


def write_atomic(path: Path, content: bytes, mode: int = PRIVATE_FILE) -> None:
    """Replace ``path`` by ``content``: written beside it, flushed to the disk, then renamed.

    A power cut leaves the old file. The directory is flushed too where the system allows it.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
    _flush_directory(path.parent)


def _flush_directory(path: Path) -> None:
    if os.name == "nt":
        return  # Windows has no handle on a directory to flush
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any, mode: int = PRIVATE_FILE) -> None:
    """``write_atomic`` of JSON, for people to read: keys sorted, one space of indent."""
    write_atomic(path, json.dumps(value, indent=1, sort_keys=True).encode() + b"\n", mode)


def read_json(path: Path) -> Any | None:
    """The JSON of a file; None when it is missing or damaged (the caller starts again from nothing)."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
