"""Wire shapes of webhook endpoints and deliveries."""

from datetime import timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vigie.core.pagination import PageQuery
from vigie.core.sentences import BadValueError
from vigie.core.wire import Instant, refuse_emptied
from vigie.events.kinds import KINDS

_DAY_S = 86_400
Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=8, max_length=2000, pattern=r"^https?://")]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Practices = Annotated[list[UUID], Field(min_length=1, max_length=1000)]


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise BadValueError("no such kind of event", "Ce genre d'évènement n'existe pas.")
    return kind


Kinds = Annotated[
    list[Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": sorted(KINDS)})]],
    Field(min_length=1, max_length=200),
]


class NewEndpoint(BaseModel):
    """An address to be told of changes: of every kind, or of `kinds`; of the whole provider, or of `practices`."""

    model_config = ConfigDict(extra="forbid")

    url: Url
    description: Description = ""
    kinds: Kinds | None = None
    practices: Practices | None = None


class EndpointPatch(BaseModel):
    """What to change; a field that is absent stays. `kinds` and `practices` null: all of them."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    description: Description | None = None
    kinds: Kinds | None = None
    practices: Practices | None = None
    enabled: bool | None = None

    @model_validator(mode="after")
    def _required_stay(self) -> Self:
        refuse_emptied(self, "url", "description", "enabled")
        return self


class Rotation(BaseModel):
    """How long the secret of before still signs beside the new one, so that a receiver can change over; 0 ends it at once."""

    model_config = ConfigDict(extra="forbid")

    overlap_s: int = Field(_DAY_S, ge=0, le=7 * _DAY_S)

    @property
    def overlap(self) -> timedelta:
        """How long both sign."""
        return timedelta(seconds=self.overlap_s)


class EndpointOut(BaseModel):
    """An endpoint and how it is doing. `handed_over`: the number of the last event it was sent, or that waits for it.

    `failing_since`: nothing but failures since then. `paused_until`: what is new waits until then for a delivery that failed.
    """

    id: UUID
    url: str
    description: str
    kinds: list[str] | None
    practices: list[UUID] | None
    enabled: bool
    disabled_at: Instant | None
    disabled_reason: Literal["by_caller", "failing", "gone"] | None
    previous_secret_until: Instant | None
    handed_over: int
    delivered_at: Instant | None
    failing_since: Instant | None
    paused_until: Instant | None
    created_at: Instant
    created_by: str
    changed_at: Instant


class EndpointWithSecret(EndpointOut):
    """An endpoint with its secret, which is shown this once."""

    secret: str


class DeliveryOut(BaseModel):
    """A message sent to an endpoint. `number` is that of the event; null for a test. `due_at`: when it is tried next.

    `error` says what kept an attempt from an answer; `excerpt` is how the last answer began.
    """

    id: UUID
    endpoint_id: UUID
    webhook_id: str
    number: int | None
    kind: str
    status: Literal["pending", "delivered", "dead"]
    attempts: int
    created_at: Instant
    due_at: Instant | None
    tried_at: Instant | None
    response_status: int | None
    error: str | None
    excerpt: str | None


class DeliveryQuery(PageQuery):
    """Filters of the list of deliveries."""

    endpoint_id: UUID | None = None
    status: Literal["pending", "delivered", "dead"] | None = None
