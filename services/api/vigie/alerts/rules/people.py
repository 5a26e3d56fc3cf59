"""What people do with alerts, as the engine takes it. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from vigie.alerts.rules.ladder import Ladder
from vigie.alerts.rules.model import Alert, Input, State, Track

Act = Callable[[Alert, Track, Input, datetime], None]


def act(state: State, event: Input, at: datetime, ladder: Ladder) -> None:
    """Apply what somebody did with the alert of a cause; where there is none (in a rehearsal), nothing happens."""
    track = state.tracks.get(event.payload["cause"])
    alert = track.living if track is not None else None
    if track is None or alert is None:
        return
    _ACTS[event.kind](alert, track, event, at)
    kind = event.kind.partition(".")[2]
    ladder.change(alert, track, kind, at, event.number, {"by": event.payload["by"]})


def _acknowledge(alert: Alert, _track: Track, event: Input, at: datetime) -> None:
    alert.status = "acknowledged"
    alert.acknowledged_at, alert.acknowledged_by = at, event.payload["by"]
    alert.snoozed_until = alert.step_at = None
    alert.waits = None


def _assign(alert: Alert, _track: Track, event: Input, _at: datetime) -> None:
    alert.assignee = event.payload.get("assignee")


def _snooze(alert: Alert, _track: Track, event: Input, at: datetime) -> None:
    until = datetime.fromisoformat(event.payload["until"])
    if until > at:
        alert.status, alert.snoozed_until = "snoozed", until
        alert.acknowledged_at = alert.acknowledged_by = None


def _resolve(alert: Alert, track: Track, _event: Input, at: datetime) -> None:
    """A person says that it is dealt with. What nothing else would ever end, such as a lapsed exception, ends with it."""
    alert.status = "resolved"
    alert.snoozed_until = alert.step_at = alert.update_at = None
    alert.waits = None
    if alert.cause in {"renewal", "clone"}:
        track.members.clear()
        alert.clears_at = at


def _comment(_alert: Alert, _track: Track, _event: Input, _at: datetime) -> None:
    """Words change nothing."""


_ACTS: Final[Mapping[str, Act]] = {
    "alert.acknowledged": _acknowledge,
    "alert.assigned": _assign,
    "alert.snoozed": _snooze,
    "alert.resolved": _resolve,
    "alert.commented": _comment,
}
