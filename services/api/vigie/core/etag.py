"""Entity tags on what consoles poll: an unchanged answer is a 304 without a body (RFC 9110 §8.8.3)."""

import hashlib

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from vigie.core.crypto import b64url


def tagged(request: Request, body: BaseModel, language: str | None = None) -> Response:
    """Return a body with its entity tag, or 304 when the caller has this very version.

    `language`: of a body that is written in the language the caller asked for.
    """
    raw = body.model_dump_json().encode()
    tag = f'"{b64url(hashlib.sha256(raw).digest()[:12])}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
    if language is not None:
        headers |= {"Content-Language": language, "Vary": f"{headers['Vary']}, Accept-Language"}
    known = {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(raw, headers=headers, media_type="application/json")
