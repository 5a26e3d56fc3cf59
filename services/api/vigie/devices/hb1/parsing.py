"""From the bytes of a request to a `Heartbeat`, or to a refusal that never repeats what was received."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

from pydantic import ValidationError

from vigie.devices.hb1.envelope import Heartbeat
from vigie.devices.hb1.section import STATUS_ERRORS
from vigie.devices.hb1.values import DATE_PATTERN, MONTH_PATTERN, TIMESTAMP_PATTERN

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAX_ERRORS = 20

_SHAPES = {
    TIMESTAMP_PATTERN: (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"), "YYYY-MM-DDTHH:MM:SSZ"),
    DATE_PATTERN: (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "YYYY-MM-DD"),
    MONTH_PATTERN: (re.compile(r"[0-9]{4}-[0-9]{2}"), "YYYY-MM"),
}
_SAFE_KEY = re.compile(r"[a-z][a-z0-9_]{0,31}")
_REASONS = {
    "extra_forbidden": "unknown field",
    "missing": "missing field",
    "string_type": "must be a string",
    "string_pattern_mismatch": "does not have the form of this field",
    "string_too_long": "too long",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "literal_error": "not one of the allowed values",
    "greater_than_equal": "too small",
    "less_than_equal": "too large",
    "too_long": "too many elements",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    **STATUS_ERRORS,
}


class FieldError(TypedDict):
    """One fault: where (JSON Pointer, RFC 6901) and why."""

    pointer: str
    reason: str


class HeartbeatError(ValueError):
    """Base of the refusals below; ``errors`` holds at most 20 faults and no received value."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        """Keep the faults; the text names only how many."""
        super().__init__(f"{type(self).__name__}: {len(errors)} fault(s)")
        self.errors = list(errors)


class BodyUnreadable(HeartbeatError):  # noqa: N818 - named after the code that the agent receives
    """The body is not JSON in UTF-8 (400 `agent.body_unreadable`)."""


class SchemaInvalid(HeartbeatError):  # noqa: N818 - named after the code that the agent receives
    """The body is JSON but no heartbeat of version 1 (422 `agent.schema_invalid`)."""


class TimeInvalid(HeartbeatError):  # noqa: N818 - named after the code that the agent receives
    """Nothing is wrong but dates that no calendar of 2015 to 2100 has (422 `agent.time_invalid`)."""


def parse_heartbeat(body: bytes) -> Heartbeat:
    """Validate the decompressed body of a heartbeat request.

    Raises `BodyUnreadable`, `SchemaInvalid` or `TimeInvalid` (all `HeartbeatError`). An impossible date beside another
    fault makes a `SchemaInvalid`. Dates are checked against the calendar, not against the clock.
    """
    try:
        return Heartbeat.model_validate_json(body)
    except ValidationError as error:
        refusal = _refusal(error.errors(include_url=False))
    raise refusal  # outside the handler: the original error, which quotes the body, must not travel as its context


def _refusal(faults: "list[ErrorDetails]") -> HeartbeatError:
    """Sort pydantic's faults into one of our refusals."""
    if any(fault["type"] == "json_invalid" for fault in faults):
        return BodyUnreadable([FieldError(pointer="", reason="not JSON in UTF-8")])
    times = [fault for fault in faults if _is_impossible_time(fault)]
    kind = TimeInvalid if len(times) == len(faults) else SchemaInvalid
    return kind([FieldError(pointer=_pointer(fault), reason=_reason(fault)) for fault in faults[:MAX_ERRORS]])


def _is_impossible_time(fault: "ErrorDetails") -> bool:
    """Tell a well-written time that does not exist from something that is no time at all."""
    shape = _SHAPES.get(fault.get("ctx", {}).get("pattern", ""))
    return shape is not None and shape[0].fullmatch(fault["input"]) is not None


def _reason(fault: "ErrorDetails") -> str:
    """Word one fault without its value."""
    if fault["type"] == "extra_forbidden" and fault["loc"][:1] == ("sections",) and len(fault["loc"]) == 2:  # noqa: PLR2004 - /sections/<name>
        return "unknown section"
    if _is_impossible_time(fault):
        return "no such time between 2015 and 2100"
    shape = _SHAPES.get(fault.get("ctx", {}).get("pattern", ""))
    if shape is not None:
        return f"must have the form {shape[1]}"
    return _REASONS.get(fault["type"], "invalid value")


def _pointer(fault: "ErrorDetails") -> str:
    """Write the place as a JSON Pointer; a key that could be anything is shown as ``*``."""
    return "".join(f"/{part}" if isinstance(part, int) or _SAFE_KEY.fullmatch(part) else "/*" for part in fault["loc"])
