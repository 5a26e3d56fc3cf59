"""The service under measurement: embedded PostgreSQL with durable settings, the API in its real processes."""

import asyncio
import contextlib
import http.client
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from pydantic import SecretStr

from vigie.core.embedded import EmbeddedPostgres
from vigie.core.migrate import migrate
from vigie.multiprocess import environment_of
from vigie.runtime import generated_key
from vigie.settings import Settings

# What an operator of two cores would set; durability is the default: synchronous_commit and fsync are on.
POSTGRES = {"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "15min"}


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Process:
    """A server process group on a port."""

    port: int
    process: subprocess.Popen[bytes]
    settings: Settings

    @property
    def host(self) -> str:
        """Return host and port as a Host header has them."""
        return f"127.0.0.1:{self.port}"

    def members(self) -> list[int]:
        """Return the process ids of the parent and its children."""
        parent = psutil.Process(self.process.pid)
        return [parent.pid, *(child.pid for child in parent.children(recursive=True))]

    def stop(self) -> None:
        """End it in order."""
        self.process.terminate()
        self.process.wait(40)


@dataclass
class Bed:
    """The database and everything started on it."""

    folder: Path
    url: str
    processes: list[Process] = field(default_factory=list)

    def settings(self, port: int) -> Settings:
        """Return settings for a service on a port."""
        return Settings(
            database_url=SecretStr(self.url),
            data_dir=self.folder,
            public_url=f"http://127.0.0.1:{port}",
            token_key_file=generated_key(self.folder),
            log_level="WARNING",
        )

    def serve(self, module: str = "vigie", workers: int = 2, **more: Any) -> Process:
        """Start the API (or a variant of it) and wait until it is ready."""
        port = free_port()
        settings = self.settings(port).model_copy(update=more)
        process = subprocess.Popen(
            [sys.executable, "-m", module, "serve", "--port", str(port), "--workers", str(workers)],
            env=environment_of(settings),
            stdin=subprocess.DEVNULL,
        )
        found = Process(port, process, settings)
        self.processes.append(found)
        deadline = time.monotonic() + 30
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the service did not start")
            time.sleep(0.1)
        time.sleep(0.5)
        return found

    def work(self, **more: Any) -> Process:
        """Start the worker."""
        settings = self.settings(0).model_copy(update=more)
        process = subprocess.Popen(
            [sys.executable, "-m", "vigie", "worker"], env=environment_of(settings), stdin=subprocess.DEVNULL
        )
        found = Process(0, process, settings)
        self.processes.append(found)
        return found

    def query(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Run a statement as the database's superuser."""

        async def run() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.url)
            try:
                return list(await connection.fetch(statement, *arguments))
            finally:
                await connection.close()

        return asyncio.run(run())


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@contextlib.contextmanager
def bed() -> Iterator[Bed]:
    """Give a fresh database in a temporary folder (on the disk of TMPDIR) and end everything afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="vigie-bench-"))
    folder.chmod(0o755)  # as root, PostgreSQL runs as another user who must reach its files
    embedded = EmbeddedPostgres(folder, options=POSTGRES)
    found = Bed(folder, embedded.start())
    try:
        migrate(found.url)
        yield found
    finally:
        for process in found.processes:
            if process.process.poll() is None:
                process.stop()
        embedded.stop()
        shutil.rmtree(folder, ignore_errors=True)
