"""The heartbeat as JSON Schema 2020-12, for agents that share no code with this package."""

import json
from typing import Any

from vigie.devices.hb1.envelope import Heartbeat
from vigie.devices.hb1.examples import FULL, QUIET

SCHEMA_ID = "https://vigie.example/schemas/hb-1.schema.json"
_SHARED_KEYS = ("pattern", "type")


def json_schema() -> dict[str, Any]:
    """Return the schema that stands in ``openapi/hb-1.schema.json``; a test keeps the two equal.

    It gives the verdict of `parse_heartbeat` with one exception that JSON Schema cannot express: to it ``1.0`` is an
    integer, to the models a refused float.
    """
    raw = Heartbeat.model_json_schema(by_alias=True)
    shared: dict[str, Any] = {}
    tidy = _tidy(raw, shared)
    tidy["$defs"].update(shared)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **tidy,
        "title": "Vigie heartbeat, version 1",
        "examples": [QUIET, FULL],
    }


def render_schema() -> str:
    """Return the text of ``openapi/hb-1.schema.json``; sorted, so that a change of the contract is a small diff."""
    return json.dumps(json_schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _tidy(node: Any, shared: dict[str, Any]) -> Any:
    """Drop generated titles and null defaults, and gather the long patterns of times in ``$defs``."""
    if isinstance(node, list):
        return [_tidy(item, shared) for item in node]
    if not isinstance(node, dict):
        return node
    name = node.get("x-def")
    if isinstance(name, str):
        shared[name] = {key: node[key] for key in _SHARED_KEYS}
        return {"$ref": f"#/$defs/{name}"}
    return {
        key: _tidy_properties(value, shared) if key in {"properties", "$defs"} else _tidy(value, shared)
        for key, value in node.items()
        if key != "title" and not (key == "default" and value is None)
    }


def _tidy_properties(named: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """Tidy a map of named schemas, whose keys are names and never keywords."""
    return {name: _tidy(schema, shared) for name, schema in named.items()}
