"""The real agent on this very machine: what it says is compared with the machine itself."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.agent.bench import AGENT_SOURCE, Received, Reply, Server, accepted, need, refused
from vigie_agent import cli, config, digest, once
from vigie_agent.collectors.host import Host
from vigie_agent.paths import Paths
from vigie_agent.process import Output

SCHEMA = Path(__file__).resolve().parents[2] / "openapi" / "hb-1.schema.json"
SECTIONS = {
    "os", "patch", "antivirus", "firewall", "encryption", "screen_lock", "accounts", "backup", "storage", "power",
    "exposure", "health_card", "agent_health",
}  # fmt: skip
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the collectors of Linux"),
    pytest.mark.slow(reason="starts the real agent as a process, several times"),
    pytest.mark.xdist_group("this machine"),  # one process simulates the upgrade of the machine, which takes seconds
]


@dataclass(frozen=True)
class FirstRun:
    """What an agent without a memory collected here, and the memory it left."""

    sections: dict[str, dict[str, Any]]
    memory: bytes
    said: dict[str, bytes]  # what the tools of this machine answered, by their command


class Overheard(Host):
    """This machine, and what its tools answered."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, bytes] = {}

    def run(self, argv: Sequence[str], timeout_s: float = 20.0, env: Mapping[str, str] | None = None) -> Output:
        """Run a tool of this machine, and keep its answer."""
        output = super().run(argv, timeout_s, env)
        self.said[" ".join(argv)] = output.stdout
        return output


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    """The first run of an agent on this machine: the one that simulates its upgrade."""
    state = tmp_path_factory.mktemp("before")
    host = Overheard()
    collected = once.collect(Paths(state, state), config.Config(), keep=True, host=host)
    return FirstRun(collected.sections, (state / "memory.json").read_bytes(), host.said)


@pytest.fixture
def lived(paths: Paths, first_run: FirstRun) -> Paths:
    """The paths of an agent with a memory, so that a test does not simulate an upgrade of its own."""
    paths.memory.write_bytes(first_run.memory)
    return paths


def agent(paths: Paths, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """The real command line in its own process."""
    env = {**os.environ, "PYTHONPATH": str(AGENT_SOURCE), "VIGIE_AGENT_STATE_DIR": str(paths.state)}
    env["VIGIE_AGENT_CONFIG_DIR"] = str(paths.config_dir)
    argv = [sys.executable, "-m", "vigie_agent", *arguments]
    return subprocess.run(argv, env=env, capture_output=True, check=False, timeout=280)


def enrol(paths: Paths, server: Server) -> None:
    done = agent(paths, "enrol", "--url", server.url, "--token", "vet_x", "--alias", "test-1")
    assert done.returncode == 0, done.stderr


def test_enrol_run_quietly_and_run_again_with_nothing_new(lived: Paths, server: Server) -> None:
    """Two runs on an idle machine: the second names no section and has the same state digest."""
    enrol(lived, server)
    first, second = agent(lived, "run"), agent(lived, "run")
    assert [(done.returncode, done.stdout, done.stderr) for done in (first, second)] == [(0, b"", b"")] * 2
    full, quiet = (request.body for request in server.received[1:])
    assert set(full["sections"]) == SECTIONS
    assert quiet["sections"] == {}
    assert quiet["state_digest"] == full["state_digest"]
    digests = {name: digest.section_digest(item) for name, item in full["sections"].items()}
    assert digest.state_digest(digests) == full["state_digest"]
    shown = json.loads(agent(lived, "show").stdout)
    assert shown == quiet


def test_pending_updates_are_what_apt_get_says(first_run: FirstRun) -> None:
    need(shutil.which("apt-get"), "apt-get")
    output = first_run.said["apt-get -s -o Debug::NoLocking=1 dist-upgrade"].decode()
    lines = [line for line in output.splitlines() if line.startswith("Inst ")]
    security = [line for line in lines if "Debian-Security:" in line or "-security" in line]
    pending = first_run.sections["patch"]["data"]["pending"]
    assert (pending["security"], pending["security"] + pending["other"]) == (len(security), len(lines))


def test_the_agent_never_refreshes_the_package_lists(lived: Paths) -> None:
    need(shutil.which("apt-get"), "apt-get")
    lists = Path("/var/lib/apt/lists")
    before = {path.name: path.stat().st_mtime_ns for path in lists.iterdir()}
    agent(lived, "run", "--dry-run")
    assert {path.name: path.stat().st_mtime_ns for path in lists.iterdir()} == before


def test_a_report_of_this_machine_fits_the_published_schema(lived: Paths, server: Server) -> None:
    if not SCHEMA.exists():
        need(None, "openapi/hb-1.schema.json")
    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    enrol(lived, server)
    agent(lived, "backup", "report", "--job", "nas", "--status", "ok", "--bytes", "5", "--target", "offsite")
    agent(lived, "run")
    body = server.received[-1].body
    assert len(body["backup_events"]) == 1
    assert [error.message for error in validator.iter_errors(body)] == []
    broken: dict[str, Any] = {**body, "host_name": "x"}
    assert list(validator.iter_errors(broken))


def test_dry_run_and_check_leave_no_trace(lived: Paths) -> None:
    before = lived.memory.read_bytes()
    assert agent(lived, "run", "--dry-run").returncode == 0
    table = agent(lived, "check")
    assert table.returncode == 0
    assert {line.split()[0].decode() for line in table.stdout.splitlines() if line[:1].isalpha()} == SECTIONS - {
        "agent_health"
    }
    assert [path.name for path in lived.state.iterdir()] == ["memory.json"]
    assert lived.memory.read_bytes() == before


def test_nothing_of_this_machine_s_names_leaves(lived: Paths) -> None:
    text = agent(lived, "run", "--dry-run").stdout.decode()
    users = [line.split(":") for line in Path("/etc/passwd").read_text().splitlines()]
    people = {user[0] for user in users if 1000 <= int(user[2]) < 60000}
    secrets = {os.uname().nodename, Path("/etc/machine-id").read_text().strip(), "/home/", str(Path.home())} | people
    for address in subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=False).stdout.split():
        secrets.add(address)
    assert [secret for secret in secrets if secret and len(secret) > 3 and secret in text] == []


def test_a_run_is_light(lived: Paths, server: Server) -> None:
    """At most 40 MiB at the peak, the tools of the system not counted; what it costs in time is the benchmark's to say."""
    enrol(lived, server)
    agent(lived, "run")
    probe = (
        "import sys, runpy; sys.argv = ['vigie_agent', 'run']\n"
        "try: runpy.run_module('vigie_agent', run_name='__main__')\n"
        "except SystemExit as end: code = end.code\n"
        "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1]\n"
        "print(code, peak)"
    )
    env = {**os.environ, "PYTHONPATH": str(AGENT_SOURCE), "VIGIE_AGENT_STATE_DIR": str(lived.state)}
    done = subprocess.run([sys.executable, "-c", probe], env=env, capture_output=True, check=True, text=True)
    code, kib = done.stdout.split()
    assert server.received[-1].body["sections"] == {}
    assert code == "0"
    assert int(kib) <= 40 * 1024


def test_a_stopped_agent_stays_quiet_until_it_is_enrolled_again(lived: Paths, server: Server) -> None:
    enrol(lived, server)
    server.replies = [refused(403, "agent.device_revoked")]
    assert agent(lived, "run").returncode == 3
    asked = len(server.received)
    done = agent(lived, "run")
    assert (done.returncode, len(server.received)) == (3, asked)
    assert b"a person must look" in done.stderr
    assert agent(lived, "status").returncode == 3
    enrol(lived, server)
    assert agent(lived, "run").returncode == 0


def test_a_second_run_at_the_same_time_gives_way(lived: Paths, server: Server) -> None:
    enrol(lived, server)
    inside: list[int] = []

    def meanwhile(request: Received) -> Reply:
        inside.append(agent(lived, "run").returncode)
        return 200, accepted(request.body["sequence"]), {}

    server.replies = [meanwhile]
    assert agent(lived, "run").returncode == 0
    assert inside == [0]
    assert len(server.received) == 2


def test_the_loop_runs_again_when_the_server_asks_and_stops_when_told(lived: Paths, server: Server) -> None:
    enrol(lived, server)
    server.usual = lambda request: (200, accepted(request.body["sequence"], next_in_s=0), {})
    env = {**os.environ, "PYTHONPATH": str(AGENT_SOURCE), "VIGIE_AGENT_STATE_DIR": str(lived.state)}
    parent = subprocess.Popen([sys.executable, "-m", "vigie_agent", "run", "--loop"], env=env)
    try:
        deadline = time.monotonic() + 60
        while len(server.received) < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(server.received) >= 3
        status = Path(f"/proc/{parent.pid}/status").read_text()
        resident = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
        assert resident < 20 * 1024
    finally:
        parent.terminate()
    assert parent.wait(30) == 0


def test_unreachable_server_then_back(lived: Paths, server: Server) -> None:
    enrol(lived, server)
    server.usual = lambda _request: (503, {"code": "agent.busy"}, {"Retry-After": "3600"})
    assert agent(lived, "run").returncode == 4
    server.usual = lambda request: (200, accepted(request.body["sequence"]), {})
    assert agent(lived, "run").returncode == 0
    assert len(server.received[-1].body["ran_at"]) == 1


def test_wrong_settings_name_the_line(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    paths.config_dir.mkdir()
    paths.config.write_text('url = "https://a.example"\nalais = "x"\n')
    where = ["--state-dir", str(paths.state), "--config", str(paths.config_dir)]
    assert cli.main(["run", "--dry-run", *where]) == 2
    assert "agent.toml:2: alais" in capsys.readouterr().err
