"""Section ``agent_health``: how the agent itself fares, built from the outcomes of the other collectors.

Nothing here moves while all is well: times are left out, counts are in steps. ``last_ok_at`` is sent only while a
collector fails, and then stands still.
"""

from collections.abc import Iterable
from datetime import datetime

from vigie_agent import clock
from vigie_agent.collectors.base import Section, found
from vigie_agent.collectors.memory import Memory
from vigie_agent.runner import Outcome

SUBJECT = "last_ok"
EVENT_STEP, HEARTBEAT_STEP = 50, 6
SLOW_S = 10.0
SLOW_MS = 10_000


def section(
    outcomes: Iterable[Outcome],
    memory: Memory,
    now: datetime,
    *,
    events: int,
    heartbeats: int,
    fda: str | None = None,
) -> Section:
    """The section; ``events`` and ``heartbeats`` wait to be delivered."""
    last_ok = memory.subject(SUBJECT)
    rows = []
    for outcome in outcomes:
        row: dict[str, object] = {"name": outcome.name, "ok": outcome.ok}
        if outcome.ok:
            last_ok[outcome.name] = clock.to_wire(now)
        elif outcome.name in last_ok:
            row["last_ok_at"] = last_ok[outcome.name]
        if outcome.seconds >= SLOW_S * 2:
            row["ms"] = SLOW_MS  # "slow": the exact time would differ every hour
        rows.append(row)
    data: dict[str, object] = {
        "collectors": rows,
        "update": {"channel": "package", "last_result": "none"},
        "spool": {"events": _step(events, EVENT_STEP), "heartbeats": _step(heartbeats, HEARTBEAT_STEP)},
    }
    if fda is not None:
        data["fda"] = fda
    return found("agent", data)


def _step(count: int, step: int) -> int:
    return count // step * step
