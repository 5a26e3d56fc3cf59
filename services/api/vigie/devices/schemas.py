"""Wire shapes of enrolment tokens and devices."""

from datetime import date
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vigie.core.wire import Instant, refuse_emptied

Alias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Role = Literal["workstation", "laptop", "server", "nas"]
_DAY_S = 86_400


class NewEnrolmentToken(BaseModel):
    """An enrolment token to create."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")
    ] = "installation"
    expires_in_s: int = Field(7 * _DAY_S, ge=60, le=90 * _DAY_S)
    use_limit: int = Field(1, ge=1, le=500)
    needs_approval: bool = False


class EnrolmentTokenOut(BaseModel):
    """An enrolment token; its text is shown only when it is created."""

    id: UUID
    practice_id: UUID
    label: str
    needs_approval: bool
    use_limit: int
    uses: int
    created_at: Instant
    expires_at: Instant
    revoked_at: Instant | None


class CreatedEnrolmentToken(EnrolmentTokenOut):
    """A new enrolment token with its text."""

    token: str


class DevicePatch(BaseModel):
    """What to change of a device."""

    model_config = ConfigDict(extra="forbid")

    alias: Alias | None = None
    role: Role | None = None

    @model_validator(mode="after")
    def _present_means_set(self) -> Self:
        refuse_emptied(self, "alias", "role")
        return self


Cause = Literal["unknown", "machine_off", "agent_broken", "line", "service"]


class SilenceOut(BaseModel):
    """Why a device is not heard, as far as it is known, and what that was judged by.

    `machine_off`: it is switched off or asleep. `agent_broken`: it runs, and its agent does not report. `line`: nothing of its
    practice is heard. `service`: the fault is ours. `unknown`: two of them would look the same.
    """

    since: Instant
    cause: Cause
    evidence: dict[str, Any]
    explained_at: Instant | None


class PastSilenceOut(SilenceOut):
    """One silence of a device; `until` null: it goes on. Causes may have become known when the device came back."""

    last_seen_at: Instant | None
    told_at: Instant
    until: Instant | None


class DeviceOut(BaseModel):
    """A device and its liveness: `reporting`, `silent`, `never` heard, `pending` approval, `revoked`.

    `silence` is told of a silent device, and (with `service` as its cause) of one that could not be heard because of us.
    `system`: the operating system by the name of its life cycle; null while none was told.
    """

    id: UUID
    practice_id: UUID
    alias: str
    family: str
    role: str
    status: str
    liveness: str
    enrolled_at: Instant
    last_seen_at: Instant | None
    silent_since: Instant | None
    silence: SilenceOut | None
    heartbeats: int
    agent: str | None
    slot_s: int
    clone_suspect_at: Instant | None
    revoked_at: Instant | None
    system: str | None


class SectionOut(BaseModel):
    """The latest body of a section, as the agent sent it."""

    section: str
    changed_at: Instant
    confirmed_at: Instant | None
    body: dict[str, Any]


class SectionList(BaseModel):
    """All sections of a device."""

    items: list[SectionOut]


class PresenceDay(BaseModel):
    """One day (UTC): the hours in which the device was heard, and those in which it ran but could not be heard."""

    day: date
    seen_hours: list[int]
    ran_hours: list[int]


class OpenDay(BaseModel):
    """One day (UTC): the hours during the whole of which the practice is open, by the hours told now."""

    day: date
    hours: list[int]


class PresenceOut(BaseModel):
    """The presence of a device, latest day first; days without any are left out.

    `open`: when the practice was open since the device joined it, of the days asked for; null: it never closes.
    """

    items: list[PresenceDay]
    open: list[OpenDay] | None


class HistoryOut(BaseModel):
    """What changed with one report: its sections as the agent sent them."""

    received_at: Instant
    sequence: int
    sections: dict[str, Any]
