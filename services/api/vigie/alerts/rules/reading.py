"""What an event says about the causes of a practice: its members come, change and go. Pure."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from vigie.alerts.rules.causes import (
    CAUSE_OF,
    CAUSE_OF_SILENCE,
    DEVICE_CAUSES,
    RENEWALS,
)
from vigie.alerts.rules.model import Input, Member, Silence, State, Track
from vigie.alerts.rules.policy import Cause, Policy

Read = Callable[[State, Input, Policy], None]


def read_event(state: State, event: Input, policy: Policy) -> None:
    """Change what is known of a practice by an event; whether an alert follows is decided by the engine."""
    reader = _READERS.get(event.kind)
    if reader is not None:
        reader(state, event, policy)


def track_of(state: State, cause: Cause) -> Track:
    """Return the track of a cause, made where there is none."""
    return state.tracks.setdefault(cause, Track())


def _posture(state: State, event: Input, policy: Policy) -> None:
    for change in event.payload["controls"]:
        control, reason = change["control"], change["reason"]
        for cause, holds in _concerned(control, change, policy):
            members = track_of(state, cause).members
            if not holds:
                members.pop(control, None)
            elif control not in members or members[control].detail.get("reason") != reason:
                members[control] = Member(event.happened_at, event.number, {"reason": reason})


def _concerned(control: str, change: Mapping[str, Any], policy: Policy) -> Iterator[tuple[Cause, bool]]:
    cause = CAUSE_OF.get(control)
    if cause is not None:
        yield cause, change["to"] == "fail" and control not in policy.causes[cause].ignore
    renewed = change["reason"] in RENEWALS and control not in policy.causes["renewal"].ignore
    yield "renewal", renewed


def _silent(state: State, event: Input, _policy: Policy) -> None:
    said = event.payload
    state.silences[_device(event)] = Silence(
        event.happened_at, event.number, said.get("cause") or "unknown", said.get("role") or "", said.get("alias") or ""
    )
    _sort_silences(state)


def _explained(state: State, event: Input, _policy: Policy) -> None:
    silence = state.silences.get(_device(event))
    if silence is not None:
        silence.cause, silence.number = event.payload["cause"], event.number
    _sort_silences(state)


def _returned(state: State, event: Input, _policy: Policy) -> None:
    state.silences.pop(_device(event), None)
    _sort_silences(state)


def _line_down(state: State, event: Input, _policy: Policy) -> None:
    state.line = frozenset(event.payload["devices"])
    detail = {"devices": len(state.line)}
    track_of(state, "line").members["line"] = Member(event.happened_at, event.number, detail)
    _sort_silences(state)


def _line_restored(state: State, _event: Input, _policy: Policy) -> None:
    state.line = None
    track_of(state, "line").members.clear()
    _sort_silences(state)


def _sort_silences(state: State) -> None:
    """Sort the silent devices into their causes; those that a line, or our own outage, explains are held.

    A line explains them until they are explained otherwise: when it comes back, its machines have as long as any other.
    """
    for cause in DEVICE_CAUSES:
        found = {
            device: Member(
                silence.since,
                silence.number,
                {"alias": silence.alias, "role": silence.role},
                held=silence.cause in {"service", "line"} or (state.line is not None and device in state.line),
            )
            for device, silence in state.silences.items()
            if CAUSE_OF_SILENCE.get(silence.cause, "silent") == cause
        }
        if found or cause in state.tracks:
            track_of(state, cause).members = found


def _clone(state: State, event: Input, _policy: Policy) -> None:
    detail = {"sign": event.payload.get("sign", "")}
    track_of(state, "clone").members[_device(event)] = Member(event.happened_at, event.number, detail)


def _one_again(state: State, event: Input, _policy: Policy) -> None:
    if "clone" in state.tracks:
        state.tracks["clone"].members.pop(_device(event), None)


def _revoked(state: State, event: Input, policy: Policy) -> None:
    _one_again(state, event, policy)
    _returned(state, event, policy)


def _archived(state: State, _event: Input, _policy: Policy) -> None:
    state.silences.clear()
    state.line = None
    for track in state.tracks.values():
        track.members.clear()


def _hours(state: State, event: Input, _policy: Policy) -> None:
    hours = event.payload.get("hours")
    state.hours = json.dumps(hours, sort_keys=True) if hours is not None else None
    state.zone = event.payload.get("time_zone") or state.zone


def _practice(state: State, event: Input, _policy: Policy) -> None:
    state.zone = event.payload.get("time_zone") or state.zone


def _exception_key(event: Input) -> str:
    return f"exception:{event.payload['exception']}"


def _exception_ends(state: State, event: Input, _policy: Policy) -> None:
    """One that nears its end, or came to it; one that somebody ended needs nobody's attention."""
    members = track_of(state, "renewal").members
    if event.kind == "exception.ended" and event.payload.get("by"):
        members.pop(_exception_key(event), None)
        return
    reason = "exception_expiring" if event.kind == "exception.expiring" else "exception_ended"
    detail = {"reason": reason, "control": event.payload["control"], "device": event.device_id}
    members[_exception_key(event)] = Member(event.happened_at, event.number, detail)


def _excepted_again(state: State, event: Input, _policy: Policy) -> None:
    about = (event.payload["control"], event.device_id)
    members = track_of(state, "renewal").members
    for key in [
        key for key, each in members.items() if (each.detail.get("control"), each.detail.get("device")) == about
    ]:
        del members[key]


def _answered(state: State, event: Input, _policy: Policy) -> None:
    if "renewal" in state.tracks:
        state.tracks["renewal"].members.pop(event.payload["control"], None)


def _device(event: Input) -> str:
    if event.device_id is None:
        raise ValueError(f"event {event.number} ({event.kind}) names no device")
    return event.device_id


_READERS: Final[Mapping[str, Read]] = {
    "posture.changed": _posture,
    "device.silent": _silent,
    "device.silence_explained": _explained,
    "device.returned": _returned,
    "device.clone_cleared": _one_again,
    "device.clone_suspect": _clone,
    "device.reenrolled": _one_again,
    "device.revoked": _revoked,
    "practice.line_down": _line_down,
    "practice.line_restored": _line_restored,
    "practice.created": _practice,
    "practice.changed": _practice,
    "practice.archived": _archived,
    "practice.opening_hours_changed": _hours,
    "exception.expiring": _exception_ends,
    "exception.ended": _exception_ends,
    "exception.created": _excepted_again,
    "attestation.given": _answered,
}
