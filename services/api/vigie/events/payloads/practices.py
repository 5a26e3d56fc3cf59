"""What happens to practices and to the policies they are judged by."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from vigie.events.payloads.base import ByCaller


class PracticeCreated(ByCaller):
    """A practice was opened."""

    kind: ClassVar[str] = "practice.created"

    time_zone: str | None = None


class PracticeChanged(ByCaller):
    """Fields of a practice were changed."""

    kind: ClassVar[str] = "practice.changed"

    fields: list[str]
    time_zone: str | None = Field(None, description="The new time zone, where that changed.")


class PracticeArchived(ByCaller):
    """A practice was archived; its devices are turned away."""

    kind: ClassVar[str] = "practice.archived"


class OpeningHoursChanged(ByCaller):
    """The opening hours of a practice were set, changed or forgotten."""

    kind: ClassVar[str] = "practice.opening_hours_changed"

    hours: dict[str, Any] | None = Field(
        None, description="As they are told with PUT; null: forgotten, it never closes."
    )
    time_zone: str | None = None


Threshold = int | list[str] | None


class ThresholdChange(BaseModel):
    """One threshold that changed; null: not set."""

    model_config = ConfigDict(extra="forbid")

    family: str
    key: str
    was: Threshold = Field(alias="from")
    becomes: Threshold = Field(alias="to")


class PolicyChanged(ByCaller):
    """Thresholds of a practice were changed, or those of the provider when no practice is named."""

    kind: ClassVar[str] = "policy.changed"

    changed: list[ThresholdChange]
