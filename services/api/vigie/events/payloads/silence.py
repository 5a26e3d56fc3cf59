"""Who is not heard any more, why, and who is heard again."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vigie.events.payloads.base import Payload

Cause = Literal["unknown", "machine_off", "agent_broken", "line", "service"]
Role = Literal["workstation", "laptop", "server", "nas"]


class Refused(BaseModel):
    """Requests of a device that proved who it is and were refused: its machine runs."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(description="The code of the last refusal.")
    times: int
    last_at: AwareDatetime


class Evidence(BaseModel):
    """What a cause was judged by; what is left out played no part."""

    model_config = ConfigDict(extra="forbid")

    last_run: Literal["clean", "troubled", "none"] | None = Field(
        None, description="Whether the last report told of an agent in order; `none`: it never reported."
    )
    others_heard: bool | None = Field(None, description="Another machine of the practice was heard since.")
    refused: Refused | None = None
    ran_meanwhile: int | None = Field(None, description="Runs that it proved to have made and could not deliver.")
    booted_at: AwareDatetime | None = Field(None, description="When the machine was started, told when it came back.")
    reenrolled: bool | None = Field(None, description="Its agent was set up anew meanwhile.")


class DeviceSilent(Payload):
    """A device missed its reports during opening hours. `cause`: what speaks for itself at that time; see docs/silence.md."""

    kind: ClassVar[str] = "device.silent"

    alias: str
    role: Role
    cause: Cause
    last_seen_at: AwareDatetime | None
    evidence: Evidence


class DeviceReturned(Payload):
    """A silent device reported again; `ran_meanwhile` counts the runs that it could not deliver."""

    kind: ClassVar[str] = "device.returned"

    silent_since: AwareDatetime
    ran_meanwhile: int


class SilenceExplained(Payload):
    """The cause of a silence became known, or another one: when the device came back, when the line did, or when it was refused."""

    kind: ClassVar[str] = "device.silence_explained"

    alias: str
    role: Role
    since: AwareDatetime
    was: Cause
    cause: Cause
    evidence: Evidence


class LineDown(Payload):
    """No machine that stays in the practice is heard any more: its line is down, or its power. One event in place of many."""

    kind: ClassVar[str] = "practice.line_down"

    since: AwareDatetime
    devices: list[UUID] = Field(description="The machines that fell silent together.")
    alone: int = Field(description="How many machines had been silent before, each by itself.")


class LineRestored(Payload):
    """A machine of the practice is heard again. `confirmed`: it proved to have run meanwhile, so that it was the line."""

    kind: ClassVar[str] = "practice.line_restored"

    since: AwareDatetime
    devices: list[UUID]
    confirmed: bool


class LineConfirmed(Payload):
    """A machine that came back later than others proved that it had run: it was the line after all, not the power."""

    kind: ClassVar[str] = "practice.line_confirmed"

    since: AwareDatetime
    devices: list[UUID]
