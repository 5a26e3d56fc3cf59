"""The published API documents: one for consoles and partners, one for agents. Generated, committed, compared in CI."""

from functools import lru_cache
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import JSONResponse, Response

from vigie.auth.dependencies import public
from vigie.core.errors import AppError
from vigie.devices import errors as device_errors
from vigie.devices.enrolment import EnrolmentRequest
from vigie.devices.hb1 import json_schema
from vigie.devices.intake import BusyError
from vigie.people.pages import render

_COMPONENTS = "#/components/schemas/"
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; depend on this, never on a sentence."},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}
_RATE_LIMITED = {
    "description": "`rate_limit.exceeded`",
    "headers": {
        "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."},
        "RateLimit": {"schema": {"type": "string"}, "description": "What is left of each quota, and until when."},
        "RateLimit-Policy": {"schema": {"type": "string"}, "description": "The quotas this request was counted under."},
    },
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_INTRO = """\
REST API of Vigie for consoles and partners. Access tokens come from `POST /oauth/token` (client credentials). Lists are
cursors: pass `next_cursor` back as `cursor`. Errors are `application/problem+json` with a stable `code`. Times are UTC.
Requests are counted; `RateLimit` tells what is left, 429 when to come back.
"""
_AGENT_INTRO = (
    "What agents and the API say to each other; docs/protocol.md explains it. Requests are signed (RFC 9421)."
)


def console_document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the REST API."""
    document = get_openapi(title="Vigie", version="1", description=_INTRO, routes=app.routes)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for operations in document["paths"].values():
        for operation in operations.values():
            _refer_to_problems(operation)
    return document


def _refer_to_problems(operation: dict[str, Any]) -> None:
    """Replace the framework's default description of a 422 by ours."""
    default = operation["responses"].get("422")
    if default is not None and "application/json" in default.get("content", {}):
        operation["responses"]["422"] = {
            "description": "`request.invalid`",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    if "security" in operation:  # whoever is known is counted
        operation["responses"]["429"] = _RATE_LIMITED
    if "requestBody" in operation and "400" not in operation["responses"]:
        operation["responses"]["400"] = {
            "description": "`request.malformed`",
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }


def _refusals(*found: type[AppError]) -> dict[str, Any]:
    by_status: dict[str, list[str]] = {}
    for error in found:
        by_status.setdefault(str(error.status), []).append(f"`{error.code}`")
    schema = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": ", ".join(codes), "content": schema} for status, codes in sorted(by_status.items())}


_SIGNED = (
    device_errors.BodyUnreadableError,
    device_errors.SignatureAbsentError,
    device_errors.SignatureError,
    device_errors.DigestError,
    device_errors.ClockSkewError,
    device_errors.AgentBodyTooLargeError,
    device_errors.PersonalDataRefusedError,
)
_HEARTBEAT = (
    *_SIGNED,
    device_errors.UnknownDeviceError,
    device_errors.DeviceRevokedError,
    device_errors.SequenceBehindError,
    device_errors.SchemaInvalidError,
    device_errors.TimeInvalidError,
    BusyError,
)
_ENROLMENT = (
    *_SIGNED,
    device_errors.TokenUnknownError,
    device_errors.TokenExpiredError,
    device_errors.TokenExhaustedError,
    device_errors.TokenRevokedError,
    device_errors.KeyInUseError,
)
_SIGNATURE_HEADERS = [
    {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
    for name in ("Content-Digest", "Signature-Input", "Signature")
]


def _object(**kinds: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(kinds),
        "properties": {name: {"type": kind} for name, kind in kinds.items()},
    }


def _operation(summary: str, body: str, answers: dict[str, Any]) -> dict[str, Any]:
    return {
        "post": {
            "summary": summary,
            "parameters": _SIGNATURE_HEADERS,
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}},
            },
            "responses": answers,
        }
    }


def _heartbeat_components() -> dict[str, Any]:
    """Return the heartbeat and the shapes it is made of as components: `$defs` inside one are lost to most tools."""
    schema = json_schema()
    for foreign in ("$schema", "$id"):
        del schema[foreign]
    shapes = schema.pop("$defs")
    return {name: _pointing_at_components(shape) for name, shape in {**shapes, "Heartbeat": schema}.items()}


def _pointing_at_components(node: Any) -> Any:
    if isinstance(node, list):
        return [_pointing_at_components(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value.replace("#/$defs/", _COMPONENTS) if key == "$ref" else _pointing_at_components(value)
        for key, value in node.items()
    }


def agent_document() -> dict[str, Any]:
    """Return the OpenAPI document of the agent routes, written by hand because they are plain handlers."""

    def answer(name: str, description: str) -> dict[str, Any]:
        return {
            "description": description,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
        }

    enrolment = EnrolmentRequest.model_json_schema(ref_template=f"{_COMPONENTS}{{model}}")
    shapes = {**enrolment.pop("$defs"), **_heartbeat_components()}
    cadence = {"interval_s": "integer", "slot_s": "integer", "next_in_s": "integer", "config_rev": "integer"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vigie agent protocol", "version": "1", "description": _AGENT_INTRO},
        "paths": {
            "/v1/agent/enrolments": _operation(
                "Enrol a device",
                "EnrolmentRequest",
                {
                    "200": answer("Enrolled", "the same machine again: same device, new key"),
                    "201": answer("Enrolled", "a new device"),
                    **_refusals(*_ENROLMENT),
                },
            ),
            "/v1/agent/heartbeats": _operation(
                "Report",
                "Heartbeat",
                {"200": answer("Acknowledged", "committed"), **_refusals(*_HEARTBEAT)},
            ),
        },
        "components": {
            "schemas": {
                "Problem": _PROBLEM,
                "EnrolmentRequest": enrolment,
                **shapes,
                "Enrolled": _object(
                    provider_id="string", device_id="string", status="string", server_time="string", **cadence
                ),
                "Acknowledged": _object(
                    accepted_sequence="integer", duplicate="boolean", resync="boolean", server_time="string", **cadence
                ),
            }
        },
    }


def _by_tag(document: dict[str, Any]) -> list[tuple[str, list[tuple[str, str, dict[str, Any]]]]]:
    """Return the operations of a document in groups, each in the order of the document."""
    groups: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append((method.upper(), path, operation))
    return sorted(groups.items())


def describe(app: FastAPI) -> None:
    """Serve the documents and a page to read them (`/docs`).

    Each is made once, when it is first asked for: making one takes half a second of processor time, and anybody may ask.
    """
    documents = {"console": lru_cache(lambda: console_document(app)), "agent": lru_cache(agent_document)}

    @public("the description of the API is no secret")
    async def console(_request: Request) -> Response:
        return JSONResponse(documents["console"]())

    @public("the description of the API is no secret")
    async def agent(_request: Request) -> Response:
        return JSONResponse(documents["agent"]())

    @public("the description of the API is no secret")
    async def page(request: Request) -> Response:
        document = documents["console"]()
        return render(request, "api.html", document=document, groups=_by_tag(document))

    app.add_route("/openapi/console.json", console, include_in_schema=False)
    app.add_route("/openapi/agent.json", agent, include_in_schema=False)
    app.add_route("/docs", page, include_in_schema=False)
