"""What turns in the verdict on a practice: findings of devices, lights, accepted deviations."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vigie.events.payloads.base import ByCaller, Payload

State = Literal["pass", "warn", "fail", "unknown", "not_applicable"]
PracticeState = Literal["pass", "warn", "fail", "unknown", "not_applicable", "accepted"]
Light = Literal["ok", "warning", "critical", "unknown"]
LightName = Literal["overall", "patch", "backup", "checklist", "liveness"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FindingChange(_Part):
    """One control of a device that turned; null: not judged before."""

    control: str
    was: State | None = Field(alias="from")
    becomes: State = Field(alias="to")
    reason: str


class FindingChanged(Payload):
    """Controls of a device turned."""

    kind: ClassVar[str] = "finding.changed"

    changes: list[FindingChange]


class LightChange(_Part):
    """One light of a practice that turned."""

    headline: LightName
    was: Light = Field(alias="from")
    becomes: Light = Field(alias="to")


class ControlChange(_Part):
    """One control of a practice that turned; null: not judged before, or not any more."""

    control: str
    was: PracticeState | None = Field(alias="from")
    becomes: PracticeState | None = Field(alias="to")
    reason: str


class PostureChanged(Payload):
    """The verdict on a practice turned: its lights, its controls, or both."""

    kind: ClassVar[str] = "posture.changed"

    headlines: list[LightChange]
    controls: list[ControlChange]


class ExceptionCreated(ByCaller):
    """A deviation was accepted until a date; for one device, or for the practice when `device` is null."""

    kind: ClassVar[str] = "exception.created"

    exception: UUID
    control: str
    device: UUID | None
    ends_at: AwareDatetime


class ExceptionEnded(Payload):
    """An accepted deviation came to its end, or was ended by somebody (`by`)."""

    kind: ClassVar[str] = "exception.ended"

    exception: UUID
    control: str
    ends_at: AwareDatetime
    device: UUID | None = None
    by: str | None = None


class ExceptionExpiring(Payload):
    """An accepted deviation will soon come to its end."""

    kind: ClassVar[str] = "exception.expiring"

    exception: UUID
    control: str
    ends_at: AwareDatetime
