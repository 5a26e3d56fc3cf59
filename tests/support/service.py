"""The service as it runs in production: real processes over a durable PostgreSQL, supervised, and killed at will."""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil

from vigie.auth.signing_keys import new_signing_key
from vigie.core.embedded import EmbeddedPostgres


def free_port() -> int:
    """Return a port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_the_test() -> None:
    """In the child: ask Linux to end it should the test itself be killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Supervised:
    """A process that is started again whenever it ends, as an orchestrator does."""

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        self._arguments = arguments
        self._environment = environment
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self.pids: list[int] = []

    async def start(self) -> None:
        """Start the process and keep it running."""
        await self._spawn()
        self._watch = asyncio.create_task(self._keep())

    async def _spawn(self) -> asyncio.subprocess.Process:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "vigie", *self._arguments),
                env=self._environment,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_the_test,
            )
        self.pids.append(self._process.pid)
        return self._process

    async def _keep(self) -> None:
        while True:
            assert self._process is not None
            await self._process.wait()
            await self._spawn()

    def kill(self) -> None:
        """Kill the process without notice (SIGKILL), if it is running."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def end(self) -> int:
        """Ask the process to end, as a rollout does; return its exit status."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), 40)


class Service:
    """API, worker and PostgreSQL of one provider."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "service.log"
        self.url = f"http://127.0.0.1:{free_port()}"
        self.embedded = EmbeddedPostgres(folder / "data")
        self.database_url = ""
        key_file = folder / "token-key.pem"
        key_file.write_bytes(new_signing_key())
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")},
            "VIGIE_DATA_DIR": str(folder / "data"),
            "VIGIE_PUBLIC_URL": self.url,
            "VIGIE_TOKEN_KEY_FILE": str(key_file),
        }
        self.api = self.process("serve", "--port", self.url.rpartition(":")[2])
        self.worker = self.process("worker")
        self._postmasters: set[int] = set()

    def process(self, *arguments: str) -> Supervised:
        """Return a further process of the service, not yet started."""
        return Supervised(list(arguments), self._environment, self._log)

    async def start(self) -> None:
        """Start everything and wait until it is ready."""
        self.database_url = await asyncio.to_thread(self.embedded.start)
        self._environment["VIGIE_DATABASE_URL"] = self.database_url
        await self.run("migrate")
        await self.api.start()
        await self.worker.start()
        await self.ready()

    async def ready(self, url: str = "") -> None:
        """Wait until the API (or another server of it) is ready; if it never is, fail with the end of its log."""
        async with httpx.AsyncClient(base_url=url or self.url) as http:
            for _ in range(600):
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get("/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.1)
        raise AssertionError(self.log_tail())

    def log_tail(self) -> str:
        """Return the end of the log of API and worker, for the message of a failure."""
        return self._log.read_bytes()[-8000:].decode(errors="replace")

    async def run(self, *arguments: str) -> str:
        """Run a command of the command line to its end; return what it printed."""
        command = (sys.executable, "-m", "vigie", *arguments)
        process = await asyncio.create_subprocess_exec(
            *command, env=self._environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        printed, complaints = await process.communicate()
        assert process.returncode == 0, complaints.decode()
        return printed.decode()

    async def add_provider(self) -> dict[str, str]:
        """Create a provider with a partner client."""
        found: dict[str, str] = json.loads(await self.run("provider", "add", "Atlas", "--json"))
        return found

    def postmaster(self) -> psutil.Process | None:
        """Return the server's first process, or None while it is being started again."""
        with contextlib.suppress(OSError, ValueError, psutil.NoSuchProcess):
            pid = int((self.embedded.log_file.parent / "cluster" / "postmaster.pid").read_text().split()[0])
            self._postmasters.add(pid)
            return psutil.Process(pid)
        return None

    async def end(self) -> list[int]:
        """End API, worker and PostgreSQL in order; return the exit statuses of the first two."""
        statuses = [await self.api.end(), await self.worker.end()]
        self.postmaster()
        await asyncio.to_thread(self.embedded.stop)
        return statuses

    async def leftovers(self) -> set[int]:
        """Return the ids of processes of this service that still exist, after giving them a moment to end."""
        ours = {*self.api.pids, *self.worker.pids, *self._postmasters}
        for _ in range(100):
            alive = {pid for pid in ours if psutil.pid_exists(pid)}
            if not alive:
                break
            await asyncio.sleep(0.1)
        return alive


@asynccontextmanager
async def running_service() -> AsyncIterator[Service]:
    """Run the service in a directory of its own; whatever happens, nothing of it is left."""
    with tempfile.TemporaryDirectory(prefix="vigie-crash-") as name:
        folder = Path(name)
        os.chmod(name, 0o755)  # noqa: PTH101, S103 - as root, PostgreSQL runs as another user who must reach its files
        service = Service(folder)
        try:
            await service.start()
            yield service
        finally:
            for process in (service.api, service.worker):
                with contextlib.suppress(TimeoutError):
                    await process.end()
            await asyncio.to_thread(service.embedded.stop)
