"""Wire shapes of rehearsals."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from vigie.alerts.policy_schemas import AlertingPolicyIn
from vigie.core.wire import Instant


class RehearseIn(BaseModel):
    """Which policy to try over how many days: the active one, the draft, or a document sent along."""

    model_config = ConfigDict(extra="forbid")

    policy: Literal["active", "draft"] | AlertingPolicyIn = "draft"
    days: int = Field(30, ge=1, le=90)
    practice_id: UUID | None = None


class RehearsalQuery(BaseModel):
    """Which stored policy to try over how many days."""

    model_config = ConfigDict(extra="forbid")

    policy: Literal["active", "draft"] = "active"
    days: int = Field(30, ge=1, le=90)
    practice_id: UUID | None = None


class RehearsedNote(BaseModel):
    """A notification that would have been sent, or (`why`) held back."""

    at: Instant
    practice_id: UUID
    alert_id: UUID
    cause: str
    severity: str
    kind: str
    step: int | None
    channel_id: UUID | None
    member_id: UUID | None
    why: str | None
    until: Instant | None


class Counts(BaseModel):
    """How many notifications would have been sent, and how many held back."""

    sent: int
    suppressed: int


class RehearsedPractice(Counts):
    """The same for one practice."""

    practice_id: UUID
    name: str


class RehearsalOut(BaseModel):
    """What a policy would have sent over a time, and what really was sent in it."""

    since: Instant
    until: Instant
    total: Counts
    really: Counts = Field(description="What the policies that applied did in the same time.")
    by_cause: dict[str, Counts]
    by_why: dict[str, int]
    practices: list[RehearsedPractice] = Field(description="Those with any, the most messages first.")
    items: list[RehearsedNote] = Field(description="In the order of time, at most a thousand.")
    complete: bool = Field(description="False: there were more practices than are rehearsed at once.")
    items_complete: bool
