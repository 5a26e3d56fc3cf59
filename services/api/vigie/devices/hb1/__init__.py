"""Version 1 of the heartbeat document: its models, its parser, its JSON Schema.

Contract: docs/protocol.md §3. Use `parse_heartbeat` on every body received; use `json_schema` to publish.
"""

from vigie.devices.hb1.envelope import SECTION_NAMES, Agent, BackupEvent, Heartbeat, Sections, Vitals
from vigie.devices.hb1.parsing import (
    BodyUnreadable,
    FieldError,
    HeartbeatError,
    SchemaInvalid,
    TimeInvalid,
    parse_heartbeat,
)
from vigie.devices.hb1.schema import json_schema, render_schema
from vigie.devices.hb1.section import Part, Section, SectionError

__all__ = [
    "SECTION_NAMES",
    "Agent",
    "BackupEvent",
    "BodyUnreadable",
    "FieldError",
    "Heartbeat",
    "HeartbeatError",
    "Part",
    "SchemaInvalid",
    "Section",
    "SectionError",
    "Sections",
    "TimeInvalid",
    "Vitals",
    "json_schema",
    "parse_heartbeat",
    "render_schema",
]
