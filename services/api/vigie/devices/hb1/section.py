"""What every section of a heartbeat has in common: its envelope, its status, its errors."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from vigie.devices.hb1.values import Count, DottedSlug, Timestamp

ErrorCode = Literal[
    "permission",
    "not_installed",
    "timeout",
    "parse",
    "provider_error",
    "unsupported_os",
    "disabled_by_config",
    "budget_exceeded",
    "internal",
]
Status = Literal["ok", "partial", "unknown", "absent", "not_applicable", "disabled"]

_WITH_DATA: Mapping[str, bool] = {
    "ok": True,
    "partial": True,
    "unknown": False,
    "absent": False,
    "not_applicable": False,
    "disabled": False,
}
_EXPLAINED = frozenset({"partial", "unknown"})

_STATUS_RULES: list[JsonValue] = [
    {
        "if": {"properties": {"status": {"enum": ["ok", "partial"]}}},
        "then": {"properties": {"data": {"type": "object"}}},
        "else": {"properties": {"data": {"type": "null"}}},
    },
    {
        "if": {"properties": {"status": {"enum": ["partial", "unknown"]}}},
        "then": {"properties": {"errors": {"minItems": 1}}},
    },
]


class Part(BaseModel):
    """Base of every object in a heartbeat: immutable, no coercion, no field that the contract does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SectionError(Part):
    """Why a fact could not be read; codes and identifiers only, never a text of the system."""

    code: ErrorCode
    source: DottedSlug
    detail: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_.:-]{1,64}$")] | None = None
    retryable: bool | None = None


class Section(Part):
    """Envelope of one section; subclasses add ``data``.

    The table of docs/protocol.md §3 is enforced: `ok` and `partial` carry data, the other statuses carry null,
    `partial` and `unknown` say why. `absent`, `not_applicable` and `disabled` may explain themselves.
    """

    model_config = ConfigDict(json_schema_extra={"allOf": _STATUS_RULES})

    data: Any
    v: Annotated[int, Field(ge=1, le=1)]  # Literal[1] would take true
    status: Status
    collected_at: Timestamp
    source: DottedSlug
    ttl_s: Annotated[Count, Field(le=31 * 86400)]
    errors: Annotated[tuple[SectionError, ...], Field(max_length=8)]

    custom_errors: ClassVar[Mapping[str, str]] = {
        "data_missing": "this status needs data",
        "data_unexpected": "this status allows no data: null is expected",
        "errors_missing": "this status needs at least one error that explains it",
    }

    @model_validator(mode="after")
    def _status_agrees(self) -> Self:
        """Refuse a status that contradicts its data or says nothing about its cause."""
        if (self.data is not None) is not _WITH_DATA[self.status]:
            code = "data_unexpected" if self.data is not None else "data_missing"
            raise PydanticCustomError(code, "status and data disagree")
        if not self.errors and self.status in _EXPLAINED:
            raise PydanticCustomError("errors_missing", "status needs an error")
        return self
