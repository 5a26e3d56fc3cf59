"""How values look on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import PlainSerializer, WithJsonSchema

from vigie.core.clock import wire_time

Instant = Annotated[
    datetime,
    PlainSerializer(wire_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-21T08:17:43Z"]}),
]
"""An instant, written `YYYY-MM-DDTHH:MM:SSZ`."""
