"""The pure pauses, the bounded spool, the queue of backup events and the hooks that fill it."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.agent.bench import AGENT_SOURCE, NOW
from vigie_agent import backoff, backup_events, backup_hook, cli
from vigie_agent.backup_events import EventQueue
from vigie_agent.collectors.backup import jobs
from vigie_agent.paths import Paths
from vigie_agent.spool import Spool


@pytest.mark.parametrize(
    ("failures", "chance", "expected"), [(1, 0.0, 1.0), (1, 1.0, 2.0), (2, 1.0, 8.0), (3, 1.0, 30.0), (9, 0.5, 15.5)]
)
def test_pauses_grow_between_floor_and_ceiling(failures: int, chance: float, expected: float) -> None:
    assert backoff.pause(failures, lambda: chance) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("asked", "chance", "expected"), [(0, 1.0, 1.0), (8, 0.0, 8.0), (8, 1.0, 10.0), (-5, 0.0, 0.0), (1e9, 0.0, 3600.0)]
)
def test_retry_after_is_a_floor_with_bounded_jitter(asked: float, chance: float, expected: float) -> None:
    assert backoff.obey(asked, lambda: chance) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("tries", "spent", "wait", "fits"), [(2, 10, 5, True), (3, 10, 5, False), (2, 56, 5, False), (1, 55, 5, True)]
)
def test_three_tries_within_a_minute(tries: int, spent: float, wait: float, *, fits: bool) -> None:
    assert backoff.may_try_again(tries, spent, wait) is fits


def hours(count: int) -> list[datetime]:
    return [datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=number) for number in range(count)]


def test_the_spool_keeps_the_newest_72_runs(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    for moment in hours(80):
        spool.add(moment)
    assert len(spool.runs()) == 72
    assert spool.runs()[0] == "2026-11-01T08:00:00Z"


def test_the_spool_keeps_below_its_bytes(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", max_bytes=1000)
    for moment in hours(5):
        spool.add(moment, b"x" * 400)
    assert spool.runs() == ["2026-11-01T03:00:00Z", "2026-11-01T04:00:00Z"]


def test_the_spool_forgets_only_what_was_delivered_and_ignores_strangers(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    for moment in hours(2):
        spool.add(moment)
    (tmp_path / "spool" / "notes.run").write_text("x")
    (tmp_path / "spool" / "19700101T000100Z.run").touch()  # a clock without its battery: no server reads that year
    spool.clear(["2026-11-01T00:00:00Z"])
    assert spool.runs() == ["2026-11-01T01:00:00Z"]


def event(**more: Any) -> dict[str, Any]:
    return {"job": "nas", "status": "ok", "ended_at": "2026-11-21T02:00:00Z", **more}


@pytest.mark.parametrize(
    "change",
    [
        {"job": "Dossier Dupont"},
        {"job": "a" * 33},
        {"status": "great"},
        {"ended_at": "yesterday"},
        {"ended_at": "2026-02-30T00:00:00Z"},
        {"bytes": -1},
        {"bytes": 1.5},
        {"target": "/mnt/dupont"},
        {"tool": "dupont"},
        {"path": "/home"},
    ],
)
def test_an_event_with_one_wrong_field_is_refused(change: dict[str, Any]) -> None:
    assert backup_events.check_event(event()) == event()
    assert backup_events.check_event(event(**change)) is None


def test_files_that_are_no_events_are_refused_and_removed(paths: Paths, tmp_path: Path) -> None:
    backup_events.drop(paths.inbox, event())
    (paths.inbox / "big.json").write_text(json.dumps(event(job="big")) + " " * 5000)
    (paths.inbox / "broken.json").write_text("{")
    (paths.inbox / "future.json").write_text(json.dumps(event(ended_at="2026-12-24T00:00:00Z")))
    secret = tmp_path / "secret"
    secret.write_text(json.dumps(event(job="linked")))
    (paths.inbox / "link.json").symlink_to(secret)
    queue = EventQueue(paths.events, paths.inbox)
    assert queue.take_in(NOW) == 4
    assert [item.event["job"] for item in queue.events()] == ["nas"]
    assert list(paths.inbox.iterdir()) == []
    assert secret.exists()


def test_events_are_known_by_job_and_end_and_kept_ninety_days(paths: Paths) -> None:
    queue = EventQueue(paths.events, paths.inbox)
    backup_events.drop(paths.inbox, event())
    queue.take_in(NOW)
    queue.acknowledge(queue.waiting())
    backup_events.drop(paths.inbox, event(status="failed"))  # same job, same end: a repetition
    backup_events.drop(paths.inbox, event(job="other"))
    queue.take_in(NOW)
    assert [item.event["job"] for item in queue.waiting()] == ["other"]
    queue.take_in(NOW + timedelta(days=91))
    assert queue.events() == []


def run_agent(paths: Paths, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The real command line in its own process."""
    return subprocess.run(
        [sys.executable, "-m", "vigie_agent", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": str(AGENT_SOURCE), "PATH": "/usr/bin:/bin", "VIGIE_AGENT_STATE_DIR": str(paths.state)},
    )


def dropped(paths: Paths) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(paths.inbox.glob("*.json"))] if paths.inbox.exists() else []


def test_report_exits_zero_and_prints_nothing_whatever_it_is_given(paths: Paths) -> None:
    good = run_agent(paths, "backup", "report", "--job", "nas", "--status", "failed", "--exit-code", "2")
    bad = run_agent(paths, "backup", "report", "--job", "Dr Dupont", "--status", "ok")
    assert (good.returncode, good.stdout, bad.returncode, bad.stdout) == (0, b"", 0, b"")
    assert [(item["job"], item["status"], item["exit_code"]) for item in dropped(paths)] == [("nas", "failed", 2)]
    assert b"backup_report_refused" in bad.stderr
    assert b"Dupont" not in bad.stderr


@pytest.mark.parametrize("wrong", [["--status", "great"], ["--status"], ["--nonsense"], ["--bytes", "many"]])
def test_a_report_that_is_called_wrongly_exits_zero_too(paths: Paths, wrong: list[str]) -> None:
    done = run_agent(paths, "backup", "report", "--job", "nas", *wrong)
    assert (done.returncode, dropped(paths)) == (0, [])
    assert done.stderr
    assert run_agent(paths, "status", "--nonsense").returncode == 2


def test_a_job_that_is_stopped_through_the_wrapper_is_reported_as_cancelled(paths: Paths) -> None:
    env = {"PYTHONPATH": str(AGENT_SOURCE), "PATH": "/usr/bin:/bin", "VIGIE_AGENT_STATE_DIR": str(paths.state)}
    argv = [
        sys.executable,
        "-m",
        "vigie_agent",
        "backup",
        "wrap",
        "--job",
        "nas",
        "--",
        "sh",
        "-c",
        "echo on; exec sleep 60",
    ]
    wrapper = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE)
    assert wrapper.stdout is not None
    assert wrapper.stdout.readline() == b"on\n"
    wrapper.terminate()
    assert wrapper.wait(20) == 143
    wrapper.stdout.close()
    assert [item["status"] for item in dropped(paths)] == ["started", "cancelled"]


def test_a_wrapped_job_keeps_the_umask_of_its_caller(paths: Paths) -> None:
    done = run_agent(paths, "backup", "wrap", "--job", "nas", "--", "sh", "-c", "umask")
    mine = subprocess.run(["sh", "-c", "umask"], capture_output=True, check=True)
    assert done.stdout == mine.stdout


def test_a_report_without_status_nor_evidence_is_never_a_success(paths: Paths) -> None:
    run_agent(paths, "backup", "report", "--job", "nas")
    assert dropped(paths) == []
    run_agent(paths, "backup", "report", "--job", "nas", "--exit-code", "1")
    run_agent(paths, "backup", "report", "--job", "lot", "--from", "restic-json", "-", stdin=b"Fatal: no space\n")
    assert {item["job"]: item["status"] for item in dropped(paths)} == {"nas": "failed", "lot": "failed"}


@pytest.mark.parametrize(("code", "status"), [(0, "ok"), (3, "failed")])
def test_wrap_passes_output_and_code_through_and_reports_start_and_end(paths: Paths, code: int, status: str) -> None:
    done = run_agent(
        paths,
        "backup",
        "wrap",
        "--job",
        "nas",
        "--target",
        "nas",
        "--",
        "sh",
        "-c",
        f"echo out; echo err >&2; exit {code}",
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, b"out\n", b"err\n")
    assert [item["status"] for item in dropped(paths)] == ["started", status]
    assert dropped(paths)[1]["exit_code"] == code


def test_wrap_of_a_missing_program_is_a_failed_job(paths: Paths) -> None:
    done = run_agent(paths, "backup", "wrap", "--job", "nas", "--", "no-such-program-here")
    assert done.returncode == 127
    assert dropped(paths)[1]["status"] == "failed"


@pytest.mark.parametrize(
    ("tool", "code", "status"),
    [
        ("restic", 0, "ok"),
        ("restic", 3, "warning"),
        ("restic", 1, "failed"),
        ("restic", 12, "failed"),
        ("borg", 1, "warning"),
        ("borg", 2, "failed"),
        ("borg", 105, "warning"),
        ("other", 1, "failed"),
        ("restic", -15, "cancelled"),
    ],
)
def test_exit_codes_of_tools(tool: str, code: int, status: str) -> None:
    assert backup_hook.status_of(tool, code) == status


def test_duplicati_speaks_by_its_environment() -> None:
    given = {
        "DUPLICATI__OPERATIONNAME": "Backup",
        "DUPLICATI__PARSED_RESULT": "Warning",
        "DUPLICATI__LOCALPATH": "C:\\x",
    }
    assert backup_hook.parse_duplicati(given) == {"status": "warning", "tool": "duplicati"}
    with pytest.raises(ValueError, match="not a backup"):
        backup_hook.parse_duplicati({**given, "DUPLICATI__OPERATIONNAME": "Compact"})


def test_wrap_without_a_command_is_a_wrong_call(paths: Paths) -> None:
    assert cli.main(["backup", "wrap", "--state-dir", str(paths.state), "--job", "nas"]) == 2


def test_job_state_from_events_shows_the_last_end_and_the_last_success() -> None:
    events = [
        event(ended_at="2026-11-19T02:00:00Z", bytes=10, started_at="2026-11-19T01:00:00Z", target="offsite"),
        event(ended_at="2026-11-20T02:00:00Z", status="failed", exit_code=1),
    ]
    job = jobs.from_events(events, NOW)["nas"]
    assert (job["last_status"], job["last_end_at"], job["last_ok_at"]) == (
        "failed",
        "2026-11-20T02:00:00Z",
        "2026-11-19T02:00:00Z",
    )
    assert (job["target"], job["offsite"], job["bytes"], job["restore_months"]) == ("offsite", "yes", None, None)


@pytest.mark.parametrize(
    ("started", "status"), [("2026-11-21T07:00:00Z", "running"), ("2026-11-18T07:00:00Z", "unknown")]
)
def test_a_started_job_is_running_for_two_days_at_most(started: str, status: str) -> None:
    assert jobs.from_events([event(status="started", ended_at=started)], NOW)["nas"]["last_status"] == status


def observed(**more: Any) -> dict[str, Any]:
    return {
        "job": "nas",
        "origin": "observed",
        "tool": "restic",
        "last_status": "ok",
        "last_end_at": "2026-11-20T02:00:00Z",
        "last_ok_at": "2026-11-20T02:00:00Z",
        "target": "nas",
        "offsite": "unknown",
        "encrypted": "yes",
        "immutable": "unknown",
        "restore_months": ["2026-11"],
        **more,
    }


@pytest.mark.parametrize(
    ("seen", "told", "status", "origin"),
    [
        (observed(), event(status="failed", ended_at="2026-11-21T02:00:00Z"), "failed", "hook"),
        (observed(), event(status="failed", ended_at="2026-11-19T02:00:00Z"), "ok", "observed"),
        (
            observed(last_status="unknown", last_end_at=None, last_ok_at=None, restore_months=None),
            event(),
            "ok",
            "hook",
        ),
    ],
    ids=["later failure wins", "older failure is past", "unplugged disk leaves the report"],
)
def test_read_and_reported_become_one_job(seen: dict[str, Any], told: dict[str, Any], status: str, origin: str) -> None:
    (job,) = jobs.all_jobs([seen], jobs.from_events([told], NOW))
    assert (job["last_status"], job["origin"], job["tool"]) == (status, origin, "restic")
    assert job["restore_months"] == seen["restore_months"]
