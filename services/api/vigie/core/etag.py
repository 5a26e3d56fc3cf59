"""Entity tags on what consoles poll: an unchanged answer is a 304 without a body (RFC 9110 §8.8.3)."""

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from vigie.core.crypto import b64url

_WIRE = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
"""Instants as `wire.Instant` writes them; they come from the database, in UTC."""


def tag_of(body: BaseModel) -> str:
    """Return the entity tag of a body, as `tagged` sends it."""
    return _tag(body.model_dump_json().encode())


def _tag(raw: bytes) -> str:
    return f'"{b64url(hashlib.sha256(raw).digest()[:12])}"'


def is_named_by(tag: str, header: str) -> bool:
    """Whether a header `If-Match` or `If-None-Match` names an entity tag; `*` names any."""
    known = {part.strip().removeprefix("W/") for part in header.split(",")}
    return tag in known or "*" in known


def tagged(request: Request, body: BaseModel, language: str | None = None) -> Response:
    """Return a body with its entity tag, or 304 when the caller has this very version.

    `language`: of a body that is written in the language the caller asked for.
    """
    return _answer(request, body.model_dump_json().encode(), language)


def tagged_values(request: Request, body: Mapping[str, Any], language: str | None = None) -> Response:
    """Return a large body of plain values as `tagged` returns a model, for a fraction of the time.

    `body`: what the model of the route would hold, in its order; the caller's tests hold the two against each other.
    """
    return _answer(request, orjson.dumps(body, default=_plain, option=_WIRE), language)


def tagged_raw(request: Request, raw: bytes, language: str | None = None) -> Response:
    """Return a body that is written already as `tagged` returns a model."""
    return _answer(request, raw, language)


def _plain(value: object) -> str:
    if isinstance(value, UUID):  # the database driver's own kind of UUID
        return str(value)
    raise TypeError(type(value).__name__)


def _answer(request: Request, raw: bytes, language: str | None) -> Response:
    tag = _tag(raw)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
    if language is not None:
        headers |= {"Content-Language": language, "Vary": f"{headers['Vary']}, Accept-Language"}
    if is_named_by(tag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(raw, headers=headers, media_type="application/json")
