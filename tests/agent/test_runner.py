"""Collectors fail, hang and run out of time: each is data, none empties the report."""

import time
from pathlib import Path

import psutil
import pytest

from tests.agent.bench import Machine
from vigie_agent import process, runner
from vigie_agent.collectors.base import Collector, Context, Section, found
from vigie_agent.config import Config


def fine(_context: Context) -> Section:
    return found("test", {"family": "linux"})


def broken(_context: Context) -> Section:
    raise RuntimeError("/home/dupont")


def hanging(context: Context) -> Section:
    del context
    time.sleep(30)
    return found("test", {})


def test_a_broken_collector_is_unknown_and_the_others_go_on(machine: Machine) -> None:
    outcomes = runner.run_all([Collector("os", broken), Collector("patch", fine)], machine())
    assert [item.section.status for item in outcomes] == ["unknown", "ok"]
    problem = outcomes[0].section.problems[0]
    assert (problem.code, problem.detail) == ("internal", "RuntimeError")


@pytest.mark.parametrize(("limit", "status"), [(0.1, "unknown"), (40.0, "ok")])
def test_a_hanging_collector_is_left_behind(machine: Machine, limit: float, status: str) -> None:
    began = time.monotonic()
    slow = hanging if status == "unknown" else fine
    (outcome,) = runner.run_all([Collector("os", slow, timeout_s=limit)], machine())
    assert outcome.section.status == status
    assert time.monotonic() - began < 5
    if status == "unknown":
        assert outcome.section.problems[0].code == "timeout"


def test_when_the_time_of_the_run_is_over_the_rest_says_so(machine: Machine) -> None:
    (outcome,) = runner.run_all([Collector("os", fine)], machine(), budget_s=0)
    assert outcome.section.problems[0].code == "budget_exceeded"


def test_disabled_and_not_applicable(machine: Machine) -> None:
    context = machine(config=Config(disabled=frozenset({"os"})))
    outcomes = runner.run_all(
        [Collector("os", fine), Collector("power", fine, applies=lambda _context: False)], context
    )
    assert [item.section.status for item in outcomes] == ["disabled", "not_applicable"]


def test_a_tool_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    with pytest.raises(process.ToolTimeoutError):
        process.run(["sh", "-c", f"sleep 60 & echo $! > {mark}; sleep 60"], 0.5)
    child = int(mark.read_text())
    time.sleep(0.1)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_tool_that_leaves_a_child_holding_its_output_is_over_time_too() -> None:
    began = time.monotonic()
    with pytest.raises(process.ToolTimeoutError):
        process.run(["sh", "-c", "sleep 60 & exit 0"], 0.5)
    assert time.monotonic() - began < 5


def test_tools_run_in_english_in_utc_without_input() -> None:
    answer = process.run(["sh", "-c", "echo $LC_ALL $TZ; cat"], 5)
    assert (answer.rc, answer.text) == (0, "C UTC\n")


def test_endless_output_is_cut() -> None:
    answer = process.run(["sh", "-c", f"head -c {process.MAX_OUTPUT + 100000} /dev/zero"], 20)
    assert len(answer.stdout) == process.MAX_OUTPUT


def test_a_missing_tool_is_not_installed() -> None:
    with pytest.raises(process.ToolMissingError):
        process.run(["no-such-tool-here"], 5)
