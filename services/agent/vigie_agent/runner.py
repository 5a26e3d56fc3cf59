"""Run the collectors: each with its own time limit, each failure turned into data, the whole within four minutes.

A collector that hangs is left behind (its thread is a daemon, its tools have been killed by their own limit); its
section says ``unknown`` with the code ``timeout``.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vigie_agent.collectors.base import Collector, Context, Problem, Section, not_applicable, problem_of

RUN_BUDGET_S = 240.0
GRACE_S = 2.0


@dataclass(frozen=True)
class Outcome:
    """One collector's section and how it went."""

    name: str
    section: Section
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the collector could look (an absent thing was looked for successfully)."""
        return self.section.status != "unknown"


def run_all(collectors: Sequence[Collector], context: Context, budget_s: float = RUN_BUDGET_S) -> list[Outcome]:
    """The outcome of each collector, in order; never raises for a collector's fault."""
    deadline = time.monotonic() + budget_s
    outcomes = []
    for collector in collectors:
        started = time.monotonic()
        left = deadline - started
        if collector.name in context.config.disabled:
            section = Section("agent", "disabled")
        elif left <= 0:
            section = Section("agent", "unknown", None, [Problem("budget_exceeded", "agent", retryable=True)])
        else:
            section = _run_one(collector, context, min(left, collector.timeout_s))
        outcomes.append(Outcome(collector.name, section, time.monotonic() - started))
    return outcomes


def _run_one(collector: Collector, context: Context, limit_s: float) -> Section:
    result: list[Section] = []
    thread = threading.Thread(target=_guarded, args=(collector, context, limit_s, result.append), daemon=True)
    thread.start()
    thread.join(limit_s + GRACE_S)
    if not result:
        return Section(collector.name, "unknown", None, [Problem("timeout", collector.name, retryable=True)])
    return result[0]


def _guarded(collector: Collector, context: Context, limit_s: float, give: Callable[[Section], None]) -> None:
    """The collector with its failure caught: could not look is an answer."""
    context.host.begin(limit_s)
    try:
        give(collector.collect(context) if collector.applies(context) else not_applicable(collector.name))
    except Exception as error:  # noqa: BLE001 - one broken collector must not empty the heartbeat
        give(Section(collector.name, "unknown", None, [problem_of(error, collector.name)]))
