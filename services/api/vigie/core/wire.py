"""How values look on the wire, and what a change may not empty."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, PlainSerializer, WithJsonSchema

from vigie.core.clock import wire_time
from vigie.core.sentences import BadValueError

Instant = Annotated[
    datetime,
    PlainSerializer(wire_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-21T08:17:43Z"]}),
]
"""An instant, written `YYYY-MM-DDTHH:MM:SSZ`."""


def refuse_emptied(body: BaseModel, *required: str) -> None:
    """Raise `BadValueError` where a change empties what cannot be empty: absent means unchanged, null is no value."""
    emptied = sorted(name for name in required if name in body.model_fields_set and getattr(body, name) is None)
    if emptied:
        names = ", ".join(emptied)
        raise BadValueError(f"{names} cannot be null", f"Ne peut pas être vide : {names}.")
