"""Why a device is silent, when a line is down, and when it is us: the rules, as tables."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from vigie.devices.cadence import Outage, Patience, first_missed, patience_of, silent_after
from vigie.devices.silence_rules import (
    Facts,
    Refusal,
    Return,
    Staying,
    cause_of,
    evidence_of,
    explain,
    judge_line,
    last_run_of,
    quiet_times,
)
from vigie.posture.rules.model import ALWAYS_OPEN, SilencePolicy
from vigie.practices.calendar import Hours, PracticeCalendar, Span

T = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)  # a Monday, ten o'clock in Paris
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TWO = Patience(0, 2)
MORNING, AFTERNOON = Span(8 * 60, 12 * 60 + 15), Span(14 * 60, 19 * 60)
PARIS = PracticeCalendar(Hours(((MORNING, AFTERNOON),) * 5 + ((), ())), "Europe/Paris")
REFUSED = Refusal("agent.schema_invalid", 3, T)


def paris(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}:00+01:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        ({}, "machine_off"),
        ({"others_heard": False}, "unknown"),  # it may as well be the line
        ({"last_run": "troubled"}, "unknown"),  # it may as well be the agent
        ({"last_run": "none"}, "unknown"),
        ({"role": "server"}, "unknown"),  # nobody switches a server off
        ({"role": "nas"}, "unknown"),
        (
            {"role": "laptop", "others_heard": False},
            "machine_off",
        ),  # away for days: the practice's line says nothing of it
        ({"line_down": True}, "line"),
        ({"line_down": True, "service_out": True}, "service"),
        ({"refused": REFUSED, "line_down": True}, "agent_broken"),  # who is refused was heard
        ({"refused": REFUSED._replace(code="agent.not_stored")}, "service"),
    ],
)
def test_the_cause_while_a_device_is_silent(facts: dict[str, Any], cause: str) -> None:
    usual: dict[str, Any] = {"role": "workstation", "last_run": "clean", "others_heard": True}
    assert cause_of(Facts(**{**usual, **facts})) == cause


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        ({}, "machine_off"),
        ({"runs": 3}, "agent_broken"),  # it ran, and others of its practice could deliver
        ({"runs": 3, "others_heard": False}, "line"),
        ({"runs": 3, "line": True}, "line"),
        ({"line": True}, "machine_off"),  # it proves nothing: there was no power, or somebody switched it off
        ({"same_boot": True}, "machine_off"),  # a PC sleeps
        ({"role": "server", "same_boot": True}, "agent_broken"),  # a server does not
        ({"role": "nas", "up_for": 3 * HOUR}, "agent_broken"),
        ({"role": "server", "up_for": 2 * HOUR}, "machine_off"),  # up for a slot or two: it has just been started
        ({"reenrolled": True}, "agent_broken"),
        ({"refused": True}, "agent_broken"),
        ({"refused": True, "was": "service"}, "service"),
        ({"was": "service"}, "service"),
        ({"was": "service", "runs": 1}, "agent_broken"),
    ],
)
def test_the_cause_once_a_device_is_back(told: dict[str, Any], cause: str) -> None:
    usual: dict[str, Any] = {
        "role": "workstation",
        "was": "unknown",
        "runs": 0,
        "same_boot": False,
        "up_for": 10 * MINUTE,
        "others_heard": True,
        "line": False,
    }
    assert explain(Return(**{**usual, **told})) == cause


@pytest.mark.parametrize(
    ("health", "last_run"),
    [
        (None, "clean"),
        ({"data": None}, "clean"),
        ({"data": {"collectors": [{"name": "os", "ok": True}, {"name": "power", "ok": False}]}}, "clean"),
        ({"data": {"collectors": [{"name": "os", "ok": False}]}}, "troubled"),
        ({"data": {"update": {"channel": "package", "pending_version": "0.4.0"}}}, "troubled"),
        ({"data": {"update": {"channel": "package", "last_result": "failed"}}}, "troubled"),
        ({"data": {"update": {"channel": "package", "last_result": "ok"}}}, "clean"),
    ],
)
def test_whether_the_last_run_was_in_order(health: Any, last_run: str) -> None:
    assert last_run_of(health, T) == last_run
    assert last_run_of(health, None) == "none"


def test_evidence_names_what_a_cause_was_judged_by() -> None:
    facts = Facts(role="nas", last_run="clean", others_heard=False, refused=REFUSED)
    refused = {"code": "agent.schema_invalid", "times": 3, "last_at": "2026-11-16T09:00:00Z"}
    assert evidence_of(facts) == {"last_run": "clean", "others_heard": False, "refused": refused}


def machine(slot_minute: int, heard: datetime) -> Staying:
    return Staying(heard, first_missed(heard, slot_minute * 60, PARIS))


@pytest.mark.parametrize(
    ("machines", "at", "verdict"),
    [
        # Cut at 10:00: the first is silent at 11:10, and by then the other has missed its 10:50.
        ([machine(5, paris("16T09:05")), machine(50, paris("16T09:50"))], "16T11:10", "down"),
        # The other was heard at 10:50: the line works.
        ([machine(5, paris("16T09:05")), machine(50, paris("16T10:50"))], "16T11:10", "alone"),
        ([machine(5, paris("16T09:05"))], "16T11:10", "alone"),
        # Cut overnight: whatever was heard last in the evening, nobody came in the morning.
        ([machine(5, paris("13T18:05")), machine(50, paris("15T23:50"))], "16T10:10", "down"),
        # Cut at 11:40, lunch from 12:15: the one with slot :20 is not expected before 15:20. Nobody knows until then.
        ([machine(5, paris("16T11:05")), machine(20, paris("16T11:20"))], "16T15:10", paris("16T15:25")),
        ([machine(5, paris("16T11:05")), machine(20, paris("16T11:20"))], "16T15:25", "down"),
        ([machine(5, paris("16T11:05")), machine(20, paris("16T14:20"))], "16T15:10", "alone"),
    ],
)
def test_a_line_is_down_when_all_that_stays_fell_silent_together(
    machines: list[Staying], at: str, verdict: object
) -> None:
    assert judge_line(machines, paris(at)) == verdict


@pytest.mark.parametrize("cut_minute", range(0, 60, 7))
@pytest.mark.parametrize("closes", [12 * 60, 12 * 60 + 15, 12 * 60 + 40])
def test_a_cut_at_any_time_is_told_once_whatever_the_slots(cut_minute: int, closes: int) -> None:
    calendar = PracticeCalendar(Hours(((Span(8 * 60, closes), AFTERNOON),) * 7), "Europe/Paris")
    for cut in (paris("16T10:00"), paris("16T11:00"), paris("16T17:00"), paris("16T18:00")):
        cut_at = cut + cut_minute * MINUTE
        slots = [60 * minute for minute in (0, 11, 19, 37, 59)]
        heard = [cut_at - timedelta(seconds=(cut_at.timestamp() - slot) % 3600) for slot in slots]
        staying = [Staying(at, first_missed(at, slot, calendar)) for at, slot in zip(heard, slots, strict=True)]
        due = min(silent_after(at, slot, calendar, TWO) for at, slot in zip(heard, slots, strict=True))
        verdict = judge_line(staying, due)
        assert verdict == "down" or judge_line(staying, verdict) == "down", (cut_at, verdict)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("role", "heard", "silent"),
    [
        ("workstation", "16T10:30", "16T14:35"),  # 11:30, then lunch and half an hour: 14:30
        ("server", "16T10:30", "16T14:35"),
        ("nas", "16T08:30", "16T10:35"),
        ("laptop", "16T10:30", "23T11:35"),  # five opening days later, and a report more
    ],
)
def test_patience_follows_the_role(role: str, heard: str, silent: str) -> None:
    assert silent_after(paris(heard), 30 * 60, PARIS, patience_of(role, SilencePolicy())) == paris(silent)


def test_no_silence_begins_as_the_practice_closes() -> None:
    # 18:55 is a slot in opening hours, and 19:00 is not: whoever is to look has gone home.
    assert silent_after(paris("16T16:55"), 55 * 60, PARIS, TWO) == paris("17T09:00")
    assert silent_after(paris("16T16:53"), 53 * 60, PARIS, TWO) == paris("16T18:58")


@pytest.mark.parametrize(
    ("since", "until", "silent"),
    [
        ("16T09:10", "16T16:40", "16T17:35"),  # over the reports it missed: one more to come back with
        ("16T18:00", "16T23:00", "16T11:35"),  # after its silence had begun
        ("16T05:00", "16T06:00", "16T11:35"),  # before it was heard last
        ("16T11:20", "16T11:25", "16T11:35"),  # over before its second report was due
        ("16T11:20", "16T11:31", "16T12:35"),
        ("16T11:20", None, "16T11:35"),  # while one goes on, the sweep holds
    ],
)
def test_an_outage_of_ours_gives_a_device_one_more_report(since: str, until: str | None, silent: str) -> None:
    outage = Outage(paris(since), None if until is None else paris(until))
    assert silent_after(paris("16T09:30"), 30 * 60, ALWAYS_OPEN, TWO, [outage]) == paris(silent)


def pulses(*spans: tuple[int, int, int]) -> list[tuple[datetime, int]]:
    """Notes of minutes from, to, so many reports in each."""
    return [(T + minute * MINUTE, heard) for start, end, heard in spans for minute in range(start, end)]


@pytest.mark.parametrize(
    ("notes", "now", "found"),
    [
        (pulses((0, 60, 2)), 65, []),  # five minutes are nothing
        (pulses((0, 60, 2)), 69, [(59, None)]),  # ten are: twenty reports are missing
        (pulses((0, 60, 2), (90, 95, 2)), 96, [(59, 90)]),
        (pulses((0, 60, 1)), 70, []),  # eleven missing may be chance
        (pulses((0, 60, 1)), 71, [(59, None)]),
        (
            [(T + minute * MINUTE, 1) for minute in range(0, 600, 12)],
            610,
            [],
        ),  # a small fleet at night is always like that
        (pulses((0, 60, 3), (100, 101, 30), (140, 141, 1)), 141, [(59, 100), (100, 140)]),
        ([], 100, []),
    ],
)
def test_nobody_heard_is_us_when_it_cannot_be_chance(
    notes: list[tuple[datetime, int]], now: int, found: list[tuple[int, int | None]]
) -> None:
    expected = [Outage(T + since * MINUTE, None if until is None else T + until * MINUTE) for since, until in found]
    assert list(quiet_times(notes, T + now * MINUTE)) == expected
