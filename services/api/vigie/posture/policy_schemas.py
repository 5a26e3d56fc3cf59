"""Wire shapes of policies and exceptions."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from vigie.core.pagination import PageQuery
from vigie.core.wire import Instant

_Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,32}$")]
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,64}$")]
Values = Annotated[dict[_Name, StrictInt | list[_Slug]], Field(max_length=64)]


def _whole_second(at: datetime) -> datetime:
    """Instants are kept in UTC to the second, as they are shown."""
    return at.astimezone(UTC).replace(microsecond=0)


At = Annotated[AwareDatetime, AfterValidator(_whole_second)]


class PolicyIn(BaseModel):
    """Thresholds of a practice, or (`practice_id` null) of the provider: all that are set; what is left out is the default."""

    model_config = ConfigDict(extra="forbid")

    practice_id: UUID | None
    thresholds: Annotated[dict[_Name, Values], Field(max_length=64)] = Field(
        description='Family → key → value, such as `{"patch": {"security_pass_days": 10}}`.'
    )


class ThresholdOut(BaseModel):
    """A threshold as it applies: its value, who set it, the default, and the bounds it may be moved in."""

    value: int | list[str] | None
    source: Literal["default", "provider", "practice"]
    default: int | list[str] | None
    minimum: int
    maximum: int
    grade: Literal["A", "B", "C"]


class PolicyOut(BaseModel):
    """The own thresholds of a practice or of the provider, and with them everything that applies there."""

    practice_id: UUID | None
    thresholds: dict[str, dict[str, int | list[str]]]
    effective: dict[str, dict[str, ThresholdOut]]
    revision: int
    changed_at: Instant | None
    changed_by: str | None


class PolicyQuery(PageQuery):
    """Filters of the list of policies."""

    practice_id: UUID | None = Field(
        None, description="Of this practice only; also when it has no thresholds of its own."
    )


class PolicyPage(BaseModel):
    """The provider's policy, and a page of those of its practices that have thresholds of their own."""

    provider: PolicyOut
    items: list[PolicyOut]
    next_cursor: str | None


class NewException(BaseModel):
    """A deviation to accept: of a practice, or of one of its devices, from one control, until it ends."""

    model_config = ConfigDict(extra="forbid")

    practice_id: UUID
    device_id: UUID | None = None
    control: Annotated[str, Field(max_length=16)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=1000)]
    document_ref: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None
    compensating_measure: (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=1000)] | None
    ) = None
    starts_at: At | None = Field(None, description="Now, unless said otherwise.")
    ends_at: At = Field(description="At most 24 months ahead: an exception without an end is no exception.")


class AuthorOut(BaseModel):
    """Who accepted a deviation."""

    kind: Literal["member", "client"]
    id: str
    name: str


class ExceptionOut(BaseModel):
    """An accepted deviation, with who accepted it, why and until when."""

    id: UUID
    practice_id: UUID
    device_id: UUID | None
    control: str
    standing: Literal["upcoming", "active", "ended"]
    reason: str
    document_ref: str | None
    compensating_measure: str | None
    author: AuthorOut
    created_at: Instant
    starts_at: Instant
    ends_at: Instant
    ended_at: Instant | None
    ended_by: str | None


class ExceptionQuery(PageQuery):
    """Filters of the list of exceptions."""

    practice_id: UUID | None = None
    device_id: UUID | None = None
    control: str | None = Field(None, max_length=16)
    standing: Literal["upcoming", "active", "ended", "all"] = "active"
