"""The engine's memory as JSON and back. Pure."""

from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from vigie.alerts.rules.model import Alert, Member, Silence, State, Track

_INSTANTS = frozenset(
    {
        "opened_at",
        "since",
        "acknowledged_at",
        "snoozed_until",
        "closed_at",
        "clears_at",
        "base",
        "step_at",
        "update_at",
        "told_at",
    }
)
_ALERT = tuple(each.name for each in fields(Alert))


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None


def dump_state(state: State) -> dict[str, Any]:
    """Return a state as plain JSON values."""
    return {
        "at": _text(state.at),
        "number": state.number,
        "hours": state.hours,
        "zone": state.zone,
        "line": sorted(state.line) if state.line is not None else None,
        "silences": {
            device: [each.since.isoformat(), each.number, each.cause, each.role, each.alias]
            for device, each in state.silences.items()
        },
        "tracks": {cause: _dump_track(track) for cause, track in state.tracks.items()},
    }


def load_state(kept: dict[str, Any]) -> State:
    """Return the state that `dump_state` wrote."""
    line = kept["line"]
    return State(
        at=_instant(kept["at"]),
        number=kept["number"],
        hours=kept["hours"],
        zone=kept["zone"],
        line=frozenset(line) if line is not None else None,
        silences={
            device: Silence(datetime.fromisoformat(since), *rest) for device, (since, *rest) in kept["silences"].items()
        },
        tracks={cause: _load_track(track) for cause, track in kept["tracks"].items()},
    )


def copy_state(state: State) -> State:
    """Return a state that shares nothing with another."""
    return load_state(dump_state(state))


def _dump_track(track: Track) -> dict[str, Any]:
    return {
        "members": {
            key: [each.since.isoformat(), each.number, dict(each.detail), each.held]
            for key, each in track.members.items()
        },
        "opens_at": _text(track.opens_at),
        "openings": [at.isoformat() for at in track.openings],
        "alert": _dump_alert(track.alert) if track.alert is not None else None,
    }


def _load_track(kept: dict[str, Any]) -> Track:
    return Track(
        members={
            key: Member(datetime.fromisoformat(since), number, dict(detail), held)
            for key, (since, number, detail, held) in kept["members"].items()
        },
        opens_at=_instant(kept["opens_at"]),
        openings=[datetime.fromisoformat(at) for at in kept["openings"]],
        alert=_load_alert(kept["alert"]) if kept["alert"] is not None else None,
    )


def _dump_alert(alert: Alert) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _ALERT:
        value = getattr(alert, name)
        if name in _INSTANTS:
            value = _text(value)
        elif name == "told":
            value = list(value)
        found[name] = str(value) if name == "id" else value
    return found


def _load_alert(kept: dict[str, Any]) -> Alert:
    values: dict[str, Any] = {name: _instant(value) if name in _INSTANTS else value for name, value in kept.items()}
    return Alert(**(values | {"id": UUID(kept["id"]), "told": list(kept["told"])}))
