"""What every section of a heartbeat has in common: its envelope, its status, its errors."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, JsonValue, StringConstraints, with_config
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

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


_PART = ConfigDict(extra="forbid", strict=True)


@with_config(_PART)
class Part(TypedDict):
    """Base of every object inside a heartbeat: no coercion, no field that the contract does not know.

    A `dict`, not an object of its own: what was validated is what is judged, digested and stored, and a full report has fifty
    of them.
    """


class SectionError(Part):
    """Why a fact could not be read; codes and identifiers only, never a text of the system."""

    code: ErrorCode
    source: DottedSlug
    detail: NotRequired[Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_.:-]{1,64}$")] | None]
    retryable: NotRequired[bool | None]


@with_config(ConfigDict(**_PART, json_schema_extra={"allOf": _STATUS_RULES}))
class Section(Part):
    """Envelope of one section; subclasses add ``data``.

    The table of docs/protocol.md §3 is enforced by `refuse_contradiction`: `ok` and `partial` carry data, the other statuses
    carry null, `partial` and `unknown` say why. `absent`, `not_applicable` and `disabled` may explain themselves.
    """

    v: Annotated[int, Field(ge=1, le=1)]  # Literal[1] would take true
    status: Status
    collected_at: Timestamp
    source: DottedSlug
    ttl_s: Annotated[Count, Field(le=31 * 86400)]
    errors: Annotated[list[SectionError], Field(max_length=8)]


STATUS_ERRORS: Mapping[str, str] = {
    "data_missing": "this status needs data",
    "data_unexpected": "this status allows no data: null is expected",
    "errors_missing": "this status needs at least one error that explains it",
}
"""Code and wording of what `refuse_contradiction` refuses."""


def refuse_contradiction(section: dict[str, Any]) -> dict[str, Any]:
    """Refuse a status that contradicts its data or says nothing about its cause."""
    status, data = section["status"], section["data"]
    if (data is not None) is not _WITH_DATA[status]:
        code = "data_unexpected" if data is not None else "data_missing"
        raise PydanticCustomError(code, "status and data disagree")
    if status in _EXPLAINED and not section["errors"]:
        raise PydanticCustomError("errors_missing", "status needs an error")
    return section
