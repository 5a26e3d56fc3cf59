"""Wire shapes of verdicts."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel

from vigie.core.wire import Instant


class FindingOut(BaseModel):
    """The state of one control on one device (or on the practice: `device_id` null), with what it rests on."""

    control: str
    device_id: UUID | None
    state: str
    reason: str
    since: Instant
    valid_until: Instant | None
    assessed_at: Instant
    evidence: dict[str, Any]
    threshold: dict[str, Any]


class ControlOut(BaseModel):
    """A control of the practice: its state, and how many of its devices are in which state."""

    control: str
    title: str
    state: str
    reason: str
    since: Instant
    devices_in_state: int | None
    devices_concerned: int | None
    findings: list[FindingOut]


class HeadlineOut(BaseModel):
    """One light, and since when it has this colour."""

    state: str
    since: Instant


class PostureOut(BaseModel):
    """The verdict on a practice, control by control, and how many accepted deviations it rests on."""

    practice_id: UUID
    as_of: Instant
    overall: HeadlineOut
    patch: HeadlineOut
    backup: HeadlineOut
    checklist: HeadlineOut
    liveness: HeadlineOut
    devices: dict[str, int]
    active_exceptions: int
    controls: list[ControlOut]
