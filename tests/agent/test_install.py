"""The files by which each system starts the agent: checked by the system's own tool where there is one."""

import plistlib
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.agent.bench import need
from vigie_agent import cli, progress, units
from vigie_agent.commands import install
from vigie_agent.paths import Paths

HERE = Paths(Path("/var/lib/vigie-agent"), Path("/etc/vigie-agent"))
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def test_systemd_finds_nothing_to_say(tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    need(tool, "systemd-analyze")
    for name, content in units.render("linux", HERE, 1234, ["/bin/sh", "-c"]).items():
        (tmp_path / name).write_text(content)
    files = sorted(str(path) for path in tmp_path.iterdir())
    done = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "vigie-agent" in line]
    assert (done.returncode, ours) == (0, [])
    broken = tmp_path / units.SERVICE
    broken.write_text(broken.read_text().replace("Type=oneshot", "Tpye=oneshot"))
    again = subprocess.run(["systemd-analyze", "verify", str(broken)], capture_output=True, text=True, check=False)
    assert "Tpye" in again.stderr


def test_the_timer_fires_at_the_second_the_server_gave() -> None:
    timer = units.systemd_timer(1234)
    assert "OnCalendar=*-*-* *:20:34\n" in timer
    assert "AccuracySec=1s" in timer
    tool = shutil.which("systemd-analyze")
    need(tool, "systemd-analyze")
    done = subprocess.run(["systemd-analyze", "calendar", "*-*-* *:20:34"], capture_output=True, text=True, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (progress.Progress(), 1800),
        (progress.Progress(slot_s=77), 77),
        (progress.Progress(slot_s=77, next_run_at="2026-11-21T09:20:34Z"), 1234),
    ],
)
def test_the_slot_is_what_the_server_said_last(state: progress.Progress, expected: int) -> None:
    assert install.slot(state) == expected


def test_windows_task_runs_as_the_system_by_its_fixed_id() -> None:
    content = units.render("windows", HERE, 1234, ["C:\\Program Files\\Vigie\\python.exe", "-m", "vigie_agent"])
    root = ET.fromstring(content[units.TASK_NAME].encode("utf-16"))  # noqa: S314 - our own text
    assert root.findtext(f".//{TASK}UserId") == "S-1-5-18"
    assert root.findtext(f".//{TASK}Interval") == "PT1H"
    assert root.findtext(f".//{TASK}StartBoundary") == "2026-01-01T00:20:34Z"
    assert root.findtext(f".//{TASK}Arguments") == "-m vigie_agent run"


def test_launchd_daemon_starts_every_hour() -> None:
    content = plistlib.loads(units.render("macos", HERE, 1234)[units.DAEMON_NAME].encode())
    assert content["StartCalendarInterval"] == {"Minute": 20}
    assert content["ProgramArguments"][-1] == "run"
    assert content["Label"] == "eu.vigie.agent"


@pytest.mark.parametrize("system", ["linux", "windows", "macos"])
def test_print_shows_the_files_and_changes_nothing(
    paths: Paths, capsys: pytest.CaptureFixture[str], system: str
) -> None:
    assert cli.main(["install", "--print", "--system", system, "--state-dir", str(paths.state)]) == 0
    assert "vigie" in capsys.readouterr().out
    assert list(paths.state.iterdir()) == []
