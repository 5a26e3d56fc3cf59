"""Real restic and real borg: repositories made here, read by the collector, broken in the ways they break."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.agent.bench import need
from vigie_agent import backup_hook, clock
from vigie_agent.collectors.backup import borg, restic, section
from vigie_agent.collectors.base import Context, Section
from vigie_agent.collectors.host import Host
from vigie_agent.collectors.memory import Memory
from vigie_agent.config import BackupRepository, Config

pytestmark = [
    pytest.mark.slow(reason="runs the real restic and borg"),
    pytest.mark.xdist_group("backup tools"),  # one process makes the repositories that the tests begin from
]

PASSWORD = "correct horse battery staple"


class Practice:
    """A folder to back up, a password file, and the collector over one repository."""

    def __init__(self, root: Path, tool: str) -> None:
        self.root, self.tool = root, tool
        self.data, self.repository, self.password = root / "Dossiers Dupont", root / "repo", root / "pw"
        self.data.mkdir()
        (self.data / "patient 1 84 12 76 451 089 46.txt").write_bytes(b"x" * 20000)
        self.password.write_text(PASSWORD)

    def declared(self, **more: Any) -> BackupRepository:
        given: dict[str, Any] = {"password_file": str(self.password), "target": "usb", **more}
        return BackupRepository("usb-nightly", self.tool, str(self.repository), **given)

    def collect(self, repository: BackupRepository | None = None) -> Section:
        settings = Config(backups=(repository or self.declared(),))
        context = Context(Host(), settings, Memory(None), clock.utc_now())
        return section.collector(list, self.root / "cache")(context)

    def job(self, repository: BackupRepository | None = None) -> tuple[dict[str, Any], Section]:
        found = self.collect(repository)
        assert found.data is not None
        (job,) = found.data["jobs"]
        return job, found

    def run(self, *argv: str, tz: str = "Europe/Paris", **env: str) -> bytes:
        base = {"PATH": os.environ["PATH"], "HOME": str(self.root), "TZ": tz, "LC_ALL": "C"}
        return subprocess.run(argv, env={**base, **env}, check=True, capture_output=True, timeout=120).stdout


@pytest.fixture(scope="module")
def empty_restic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository without a snapshot: making its key costs restic most of a second, copying it nothing."""
    need(shutil.which("restic"), "restic")
    practice = Practice(tmp_path_factory.mktemp("restic"), "restic")
    restic_run(practice, "init")
    return practice.repository


@pytest.fixture
def with_restic(tmp_path: Path, empty_restic: Path) -> Practice:
    practice = Practice(tmp_path, "restic")
    shutil.copytree(empty_restic, practice.repository)
    return practice


def restic_run(practice: Practice, *arguments: str) -> bytes:
    return practice.run(
        "restic", "-r", str(practice.repository), *arguments, RESTIC_PASSWORD_FILE=str(practice.password)
    )


@pytest.fixture(scope="module")
def filled_borg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encrypted repository with one archive, made a moment ago."""
    need(shutil.which("borg"), "borg")
    practice = Practice(tmp_path_factory.mktemp("borg"), "borg")
    borg_run(practice, "init", "-e", "repokey", str(practice.repository))
    borg_run(practice, "create", f"{practice.repository}::b", str(practice.data))
    return practice.repository


@pytest.fixture
def with_borg(tmp_path: Path, filled_borg: Path) -> Practice:
    practice = Practice(tmp_path, "borg")
    shutil.copytree(filled_borg, practice.repository)
    return practice


def borg_run(practice: Practice, *arguments: str, tz: str = "Europe/Paris") -> bytes:
    return practice.run("borg", *arguments, tz=tz, BORG_PASSPHRASE=PASSWORD, BORG_BASE_DIR=str(practice.root / "mine"))


def recent(text: str | None) -> bool:
    return text is not None and abs(clock.utc_now() - clock.from_wire(text)) < timedelta(minutes=5)


def test_restic_restore_points_months_and_nothing_else(with_restic: Practice) -> None:
    for moment in ("2026-03-04 10:00:00", "2026-05-31 23:30:00"):
        restic_run(with_restic, "backup", "--time", moment, str(with_restic.data))
    restic_run(with_restic, "backup", str(with_restic.data))
    job, found = with_restic.job()
    this_month = clock.utc_now().strftime("%Y-%m")
    assert (job["last_status"], job["encrypted"], job["offsite"]) == ("ok", "yes", "no")
    assert job["restore_months"] == ["2026-03", "2026-05", this_month]
    assert recent(job["last_ok_at"])
    assert found.status == "ok"
    assert re.fullmatch(r"0\.\d+(\.\d+)?", (found.data or {})["tools"][0]["version"])
    text = json.dumps(found.data)
    assert "Dupont" not in text
    assert str(with_restic.root) not in text


def test_restic_without_snapshots_never_ran(with_restic: Practice) -> None:
    job, found = with_restic.job()
    assert (job["last_status"], job["last_ok_at"], job["restore_months"], found.status) == ("never", None, [], "ok")


def spoil_password(practice: Practice) -> None:
    practice.password.write_text("wrong")


def remove_repository(practice: Practice) -> None:
    shutil.rmtree(practice.repository)


def remove_password(practice: Practice) -> None:
    practice.password.unlink()


@pytest.mark.parametrize("spoil", [spoil_password, remove_repository, remove_password])
def test_a_restic_repository_that_cannot_be_read_is_unknown_never_ok(
    with_restic: Practice, spoil: Callable[[Practice], None]
) -> None:
    restic_run(with_restic, "backup", str(with_restic.data))
    assert with_restic.job()[0]["last_status"] == "ok"
    spoil(with_restic)
    job, found = with_restic.job()
    assert (job["last_status"], job["restore_months"], found.status) == ("unknown", None, "partial")
    assert [problem.source for problem in found.problems] == ["restic.usb-nightly"]


def test_reading_a_restic_repository_leaves_it_untouched_even_while_it_is_locked(with_restic: Practice) -> None:
    restic_run(with_restic, "backup", str(with_restic.data))
    (with_restic.repository / "locks").chmod(0o500)
    before = sorted(str(path) for path in with_restic.repository.rglob("*"))
    assert with_restic.job()[0]["last_status"] == "ok"
    assert sorted(str(path) for path in with_restic.repository.rglob("*")) == before


def test_restic_summary_of_a_real_backup(with_restic: Practice) -> None:
    output = restic_run(with_restic, "backup", "--json", str(with_restic.data))
    facts = backup_hook.parse_restic(output)
    assert (facts["files"], facts["bytes"], facts["tool"]) == (1, 20000, "restic")
    assert backup_hook.parse_restic(b"Fatal: unable to open\n") == {}


def test_restic_of_newer_versions_gives_size_and_duration() -> None:
    snapshot = {
        "time": "2026-11-21T21:21:56.481931967+01:00",
        "summary": {
            "backup_start": "2026-11-21T21:21:56.481931967+01:00",
            "backup_end": "2026-11-21T21:23:01.1+01:00",
            "total_bytes_processed": 7,
            "total_files_processed": 2,
        },
    }
    facts = restic.parse_snapshots(json.dumps([snapshot]).encode())
    assert (facts["bytes"], facts["files"], facts["duration_s"]) == (7, 2, 65)
    assert facts["moments"] == [datetime(2026, 11, 21, 20, 21, 56, tzinfo=UTC)]


def test_borg_times_are_utc_whatever_zone_the_backup_ran_in(with_borg: Practice) -> None:
    older = ("--timestamp", "2026-03-04T10:00:00", f"{with_borg.repository}::a", str(with_borg.password))
    borg_run(with_borg, "create", *older, tz="UTC")
    job, found = with_borg.job()
    assert (job["last_status"], job["encrypted"], job["files"], job["bytes"]) == ("ok", "yes", 1, job["bytes"])
    assert 20000 <= job["bytes"] < 40000
    assert job["restore_months"] == ["2026-03", clock.utc_now().strftime("%Y-%m")]
    assert recent(job["last_ok_at"])
    assert found.status == "ok"
    assert "Dupont" not in json.dumps(found.data)


def test_borg_without_encryption_says_no(tmp_path: Path) -> None:
    need(shutil.which("borg"), "borg")
    practice = Practice(tmp_path, "borg")
    borg_run(practice, "init", "-e", "none", str(practice.repository))
    job, _found = practice.job(practice.declared(password_file=None))
    assert (job["last_status"], job["encrypted"]) == ("never", "no")


@pytest.mark.parametrize("spoil", [spoil_password, remove_repository])
def test_a_borg_repository_that_cannot_be_read_is_unknown_with_borgs_own_code(
    with_borg: Practice, spoil: Callable[[Practice], None]
) -> None:
    assert with_borg.job()[0]["last_status"] == "ok"
    spoil(with_borg)
    job, found = with_borg.job()
    assert job["last_status"] == "unknown"
    assert found.problems[0].detail in {"PassphraseWrong", "Repository.DoesNotExist"}


def test_borg_is_read_while_a_backup_holds_the_lock(with_borg: Practice) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(with_borg.root), "BORG_PASSPHRASE": PASSWORD}
    holder = subprocess.Popen(
        ["borg", "with-lock", str(with_borg.repository), "sleep", "30"],
        env={**env, "BORG_BASE_DIR": str(with_borg.root / "mine")},
    )
    try:
        lock = with_borg.repository / "lock.exclusive"
        for _ in range(500):
            if lock.exists():
                break
            time.sleep(0.02)
        assert lock.exists()
        assert with_borg.job()[0]["last_status"] == "ok"
    finally:
        holder.terminate()
        holder.wait(20)


def test_borg_answer_of_a_real_create(with_borg: Practice) -> None:
    output = borg_run(with_borg, "create", "--json", f"{with_borg.repository}::c", str(with_borg.data))
    facts = backup_hook.parse_borg(b"a line of its own\n" + output)
    assert (facts["files"], facts["tool"], facts["encrypted"]) == (1, "borg", "yes")
    assert backup_hook.parse_borg(b"nothing") == {}


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [(b'{"type":"log_message","msgid":"PassphraseWrong"}\n', "PassphraseWrong"), (b"passphrase supplied", None)],
)
def test_borg_errors_are_codes(stderr: bytes, expected: str | None) -> None:
    assert borg.error_id(stderr) == expected


def test_a_tool_that_is_only_present_is_no_backup(tmp_path: Path) -> None:
    need(shutil.which("restic"), "restic")
    context = Context(Host(), Config(), Memory(None), clock.utc_now())
    found = section.collector(list, tmp_path)(context)
    assert found.status == "partial"
    assert found.data is not None
    assert found.data["jobs"] is None
    assert ("restic", "not_declared") in [(problem.source, problem.detail) for problem in found.problems]
