"""Why a device is silent, as far as what is known says so; and when silence is ours. Pure.

A cause is never guessed where two would look the same: then it is ``unknown``, until the device comes back and tells, or another
machine of its practice does. What each cause means to people stands in docs/silence.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from vigie.core.clock import wire_time
from vigie.devices.cadence import GRACE, INTERVAL_S, Outage
from vigie.posture.rules.model import Section

Cause = Literal["unknown", "machine_off", "agent_broken", "line", "service"]
LastRun = Literal["clean", "troubled", "none"]

NOT_STORED = "agent.not_stored"  # the refusal that is our own fault
_FEWEST = 2  # machines that must fall silent together before their practice's line is named
_INTERVAL = timedelta(seconds=INTERVAL_S)

LEAST_FLEET = 50
"""Active devices below which "all are quiet" says nothing about us."""

_LEAST_QUIET = timedelta(minutes=10)
_LEAST_EXPECTED = 12  # reports that should have come in a quiet time; fewer may well be chance


class Refusal(NamedTuple):
    """The last refused request of a device that had proved who it is."""

    code: str
    times: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a device while it is silent.

    ``others_heard``: another machine that stays in the practice was heard within its last interval. ``refused``: since it was last
    heard. ``line_down``, ``service_out``: its practice's line, or our service, is known to be down.
    """

    role: str
    last_run: LastRun
    others_heard: bool
    line_down: bool = False
    service_out: bool = False
    refused: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Return:
    """What a silent device tells by coming back, beside what was known of its silence.

    ``runs``: runs it proved to have made while our service could have heard them. ``same_boot``: the machine was not restarted.
    ``up_for``: how long it has been up. ``reenrolled``: its agent was set up anew meanwhile. ``line``: the practice's line was down
    in that time.
    """

    role: str
    was: Cause
    runs: int
    same_boot: bool
    up_for: timedelta
    others_heard: bool
    line: bool
    reenrolled: bool = False
    refused: bool = False


def cause_of(facts: Facts) -> Cause:
    """Return the cause that what is known speaks for, while the device is silent."""
    if facts.refused is not None:  # it runs and asks to be heard
        return "service" if facts.refused.code == NOT_STORED else "agent_broken"
    if facts.service_out:
        return "service"
    if facts.line_down:
        return "line"
    if facts.last_run != "clean":
        return "unknown"
    if facts.role == "laptop":
        return "machine_off"
    # The line works and the agent was in order: somebody switched the PC off. A server is not switched off, so nobody knows.
    return "machine_off" if facts.role == "workstation" and facts.others_heard else "unknown"


def evidence_of(facts: Facts) -> dict[str, Any]:
    """Return what a cause was judged by, as it is stored and shown."""
    found: dict[str, Any] = {"last_run": facts.last_run, "others_heard": facts.others_heard}
    if facts.refused is not None:
        code, times, last_at = facts.refused
        found["refused"] = {"code": code, "times": times, "last_at": wire_time(last_at)}
    return found


def explain(told: Return) -> Cause:
    """Return the cause of a silence that is over."""
    if told.refused or told.reenrolled:
        return "service" if told.was == "service" else "agent_broken"
    if told.runs:
        # It ran and could not deliver. When others of its practice could, the fault is its own.
        return "line" if told.line or not told.others_heard else "agent_broken"
    if told.role in {"server", "nas"} and (told.same_boot or told.up_for > 2 * _INTERVAL + GRACE):
        return "agent_broken"  # up all the time, and no run: a server does not sleep
    if told.was == "service":
        return "service"
    return "machine_off"


def last_run_of(agent_health: Section | None, last_seen: datetime | None) -> LastRun:
    """Return whether the last report told of an agent in order: something could be collected, no update was under way."""
    if last_seen is None:
        return "none"
    data = (agent_health or {}).get("data") or {}
    collectors = data.get("collectors") or ()
    update = data.get("update") or {}
    if update.get("pending_version") is not None or update.get("last_result") == "failed":
        return "troubled"
    return "troubled" if collectors and not any(collector.get("ok") for collector in collectors) else "clean"


class Staying(NamedTuple):
    """A machine that stays in its practice: when it was last heard, and when its first report was missing since."""

    last_seen: datetime
    missed_at: datetime


def judge_line(machines: Sequence[Staying], at: datetime) -> Literal["down", "alone"] | datetime:
    """Say whether the machines of a practice that were alive fell silent together by an instant, or whether each is by itself.

    When a line is cut, the first of them has missed two reports by the time every other has missed one: no need to wait for each.
    One that was heard after another was missing proves the line. Where the practice closed in between, or after an outage of ours,
    some may not have been expected since: then the answer is the instant at which all of them will have been.
    """
    first = min(machine.missed_at for machine in machines)
    if len(machines) < _FEWEST or any(machine.last_seen >= first for machine in machines):
        return "alone"
    last = max(machine.missed_at for machine in machines)
    return last if last > at else "down"


def quiet_times(pulses: Sequence[tuple[datetime, int]], now: datetime) -> Iterator[Outage]:
    """Yield the times in which nobody at all was heard although it cannot be chance.

    `pulses`: when somebody was heard, in order, and how many reports since the one before. As many reports as in the hour before
    are expected in a quiet hour; a quiet time in which a dozen are missing is ours: the practices of a fleet do not share a line.
    """
    for place, (at, _) in enumerate(pulses):
        until = pulses[place + 1][0] if place + 1 < len(pulses) else None
        quiet = (until or now) - at
        if quiet < _LEAST_QUIET:
            continue
        heard = sum(_heard_within(pulses[: place + 1], at - _INTERVAL))
        if heard * (quiet / _INTERVAL) >= _LEAST_EXPECTED:
            yield Outage(at, until)


def _heard_within(pulses: Sequence[tuple[datetime, int]], since: datetime) -> Iterable[int]:
    for at, heard in reversed(pulses):
        if at <= since:
            return
        yield heard
