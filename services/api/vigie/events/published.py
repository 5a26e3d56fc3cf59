"""The published description of events: an OpenAPI 3.1 document with one webhook per kind, generated from the models."""

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from vigie.events.kinds import KINDS
from vigie.events.payloads.base import Payload
from vigie.events.schemas import EventOut

_COMPONENTS: Final = "#/components/schemas/"
_INTRO: Final = """\
What Vigie tells about changes. The object under `data` is what `GET /v1/events` and its stream give too; a webhook carries it with
the headers of the Standard Webhooks specification (docs/webhooks.md). A kind may get further fields at any time: pass over those
that you do not know. Anything else that changes makes another `version` of the kind.
"""


def events_document() -> dict[str, Any]:
    """Return the OpenAPI document of every kind of event."""
    schemas = _schemas()
    webhooks = {}
    for kind, payload in sorted(KINDS.items()):
        name = f"{payload.__name__}Event"
        schemas[name] = _told(kind, payload)
        webhooks[kind] = {"post": _operation(payload, name)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vigie events", "version": "1", "description": _INTRO},
        "webhooks": webhooks,
        "components": {"schemas": schemas},
    }


def meaning_of(payload: type[Payload]) -> str:
    """Return what a kind of event says, in one sentence or two."""
    return " ".join((payload.__doc__ or "").split())


def _schemas() -> dict[str, Any]:
    models: list[type[BaseModel]] = [EventOut, *KINDS.values()]
    _, bundle = models_json_schema(
        [(model, "serialization" if model is EventOut else "validation") for model in models],
        ref_template=f"{_COMPONENTS}{{model}}",
    )
    return {name: _open(schema) for name, schema in bundle["$defs"].items()}


def _open(schema: Any) -> Any:
    """Let a schema pass over fields it does not know: we refuse to write them, readers must live with those of a later release."""
    if isinstance(schema, list):
        return [_open(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _open(value) for key, value in schema.items() if (key, value) != ("additionalProperties", False)}


def _told(kind: str, payload: type[Payload]) -> dict[str, Any]:
    own = {
        "kind": {"const": kind},
        "version": {"const": payload.version},
        "payload": {"$ref": f"{_COMPONENTS}{payload.__name__}"},
    }
    return {
        "type": "object",
        "description": meaning_of(payload),
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": kind},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it became true."},
            "data": {"allOf": [{"$ref": f"{_COMPONENTS}EventOut"}, {"type": "object", "properties": own}]},
        },
    }


def _operation(payload: type[Payload], name: str) -> dict[str, Any]:
    headers = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return {
        "summary": meaning_of(payload),
        "parameters": [
            {"name": header, "in": "header", "required": True, "schema": {"type": "string"}} for header in headers
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"{_COMPONENTS}{name}"}}},
        },
        "responses": {
            "2XX": {"description": "received; anything else is sent again"},
            "410": {"description": "the endpoint wants nothing more and is disabled"},
        },
    }
