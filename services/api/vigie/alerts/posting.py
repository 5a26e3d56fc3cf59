"""The webhook of a channel: one POST per notification, signed as every other webhook is (vigie.webhooks.signing)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from vigie.alerts.layout import as_brief
from vigie.alerts.letters import Letter
from vigie.core.clock import wire_time
from vigie.webhooks import signing


def body_of(kind: str, at: datetime, letter: Letter, about: Mapping[str, Any], data: Mapping[str, Any]) -> bytes:
    """Return what a notification says to a program: its kind, its subjects and facts, and the words a person would read."""
    told = {
        **about,
        "title": letter.title,
        "text": as_brief(letter),
        "link": letter.link[1] if letter.link is not None else None,
        "details": data,
    }
    return orjson.dumps({"type": kind, "timestamp": wire_time(at), "data": told})


def headers_of(message_id: UUID, at: datetime, body: bytes, secret: str) -> dict[str, str]:
    """Return the headers of one attempt at `at`; the id is the same at every attempt, so that a receiver can tell."""
    signed = signing.signed_headers(message_id, at, body, [signing.read(secret)])
    return {"Content-Type": "application/json", "User-Agent": "Vigie", **dict(signed)}
