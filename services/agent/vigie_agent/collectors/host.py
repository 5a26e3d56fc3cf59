"""The seam between collectors and the machine: files below a root, tools, nothing else.

Tests put a directory and recorded answers behind it; in the field it is the real machine.
"""

import fnmatch
import os
import shutil
import stat
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from vigie_agent import process
from vigie_agent.process import Output

MAX_FILE = 4 * 1024 * 1024
CHUNK = 64 * 1024


class Host:
    """This machine as collectors see it. ``deadline`` is set by the runner for the collector at work."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root
        self._deadlines: dict[int, float] = {}

    # -- time limits ---------------------------------------------------------------------------------------------

    def begin(self, budget_s: float) -> None:
        """Start the time of the collector that runs in this thread."""
        self._deadlines[threading.get_ident()] = time.monotonic() + budget_s

    def remaining_s(self, wanted_s: float) -> float:
        """The time a tool may take: what it wants, or what the collector has left."""
        deadline = self._deadlines.get(threading.get_ident())
        return wanted_s if deadline is None else max(0.05, min(wanted_s, deadline - time.monotonic()))

    # -- files ---------------------------------------------------------------------------------------------------

    def path(self, path: str) -> Path:
        """Where an absolute path of the machine really is."""
        return self.root / path.lstrip("/")

    def read_bytes(self, path: str, limit: int = MAX_FILE) -> bytes:
        """The first ``limit`` bytes of a file; ``OSError`` as the system says."""
        content = bytearray()
        with self.path(path).open("rb") as stream:
            # In steps: the kernel answers a large read of a /proc/sys file with "out of memory".
            while len(content) < limit and (chunk := stream.read(min(CHUNK, limit - len(content)))):
                content += chunk
        return bytes(content)

    def read_end(self, path: str, limit: int) -> bytes:
        """The last ``limit`` bytes of a file, all of a shorter one."""
        with self.path(path).open("rb") as stream:
            stream.seek(max(stream.seek(0, os.SEEK_END) - limit, 0))
            return stream.read(limit)

    def read_text(self, path: str) -> str:
        """A file as text, undecodable bytes replaced."""
        return self.read_bytes(path).decode("utf-8", "replace")

    def read_optional(self, path: str) -> str | None:
        """A file as text, None when it does not exist (other errors stay errors)."""
        try:
            return self.read_text(path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def exists(self, path: str) -> bool:
        """Whether something is there (a dangling link is not)."""
        return self.path(path).exists()

    def modified_at(self, path: str) -> float | None:
        """Modification time in Unix seconds, None when there is nothing."""
        try:
            return self.path(path).stat().st_mtime
        except (FileNotFoundError, NotADirectoryError):
            return None

    def stamp(self, path: str) -> str:
        """What changes when a file is written: modification time and size; "-" when there is none."""
        try:
            facts = self.path(path).stat()
        except OSError:
            return "-"
        return f"{facts.st_mtime_ns} {facts.st_size}"

    def is_socket(self, path: str) -> bool:
        """Whether a Unix socket is there."""
        try:
            return stat.S_ISSOCK(self.path(path).stat().st_mode)
        except OSError:
            return False

    def listed(self, directory: str, pattern: str = "*") -> list[str]:
        """Sorted absolute paths of a directory's entries; [] when it is missing."""
        try:
            names = os.listdir(self.path(directory))  # noqa: PTH208 - names only
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [f"{directory.rstrip('/')}/{name}" for name in sorted(names) if fnmatch.fnmatch(name, pattern)]

    def link_target(self, path: str) -> str | None:
        """Where a symbolic link points, None when it is none."""
        try:
            return os.readlink(self.path(path))  # noqa: PTH115 - the text of the link, not a resolved path
        except OSError:
            return None

    def disk_usage(self, path: str) -> tuple[int, int]:
        """Bytes (total, free to users) of the file system at ``path``."""
        usage = shutil.disk_usage(self.path(path))
        return usage.total, usage.free

    # -- tools ---------------------------------------------------------------------------------------------------

    def which(self, tool: str) -> str | None:
        """The full path of a tool, None when it is not installed."""
        return shutil.which(tool, path=process.environment().get("PATH"))

    def run(self, argv: Sequence[str], timeout_s: float = 20.0, env: Mapping[str, str] | None = None) -> Output:
        """Run a tool with a time limit; ``ToolMissingError``, ``ToolTimeoutError``."""
        return process.run(argv, self.remaining_s(timeout_s), env)

    def is_root(self) -> bool:
        """Whether the agent has the rights of the system."""
        return sys.platform == "win32" or os.geteuid() == 0

    def release(self) -> str:
        """The kernel's release and, after a space, its machine type."""
        facts = os.uname()
        return f"{facts.release} {facts.machine}"
