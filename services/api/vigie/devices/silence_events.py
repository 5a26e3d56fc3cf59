"""The events of silence, as they are written into the log. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from vigie.core.clock import wire_time
from vigie.events.log import NewEvent
from vigie.posture.assessment import PracticeKey


def silent(device: Mapping[str, Any], at: datetime, cause: str, evidence: Mapping[str, Any]) -> NewEvent:
    """Return "this device is silent". `device`: its liveness with alias and role."""
    last_seen = device["last_seen_at"]
    payload = {
        "alias": device["alias"],
        "role": device["role"],
        "cause": cause,
        "last_seen_at": None if last_seen is None else wire_time(last_seen),
        "evidence": dict(evidence),
    }
    return NewEvent(device["provider_id"], "device.silent", device["practice_id"], device["device_id"], at, payload)


def explained(
    silence: Mapping[str, Any], at: datetime, cause: str, evidence: Mapping[str, Any], *, was: str
) -> NewEvent:
    """Return "the cause of this silence is another". `silence`: its row with alias and role of the device."""
    payload = {
        "alias": silence["alias"],
        "role": silence["role"],
        "since": wire_time(silence["since"]),
        "was": was,
        "cause": cause,
        "evidence": dict(evidence),
    }
    kind = "device.silence_explained"
    return NewEvent(silence["provider_id"], kind, silence["practice_id"], silence["device_id"], at, payload)


def line_down(practice: PracticeKey, at: datetime, devices: Sequence[UUID], alone: int) -> NewEvent:
    """Return "the practice is not heard any more". `alone`: machines that were silent before."""
    payload = {"since": wire_time(at), "devices": [str(device) for device in devices], "alone": alone}
    return NewEvent(practice[0], "practice.line_down", practice[1], None, at, payload)


def line_restored(line: Mapping[str, Any], at: datetime, *, confirmed: bool) -> NewEvent:
    """Return "the practice is heard again". `line`: its row."""
    payload = {"since": wire_time(line["since"]), "devices": line["evidence"]["devices"], "confirmed": confirmed}
    return NewEvent(line["provider_id"], "practice.line_restored", line["practice_id"], None, at, payload)


def line_confirmed(line: Mapping[str, Any], at: datetime) -> NewEvent:
    """Return "it was the line, and not the power": a machine proved it later than others came back."""
    payload = {"since": wire_time(line["since"]), "devices": line["evidence"]["devices"]}
    return NewEvent(line["provider_id"], "practice.line_confirmed", line["practice_id"], None, at, payload)
