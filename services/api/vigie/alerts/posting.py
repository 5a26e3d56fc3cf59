"""The webhook of a channel: one signed POST per notification, by the Standard Webhooks specification (version 1).

Signed are the id of the message, the instant of the attempt and the body, joined by dots: HMAC-SHA256 with the channel's secret.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from vigie.alerts.layout import as_brief
from vigie.alerts.letters import Letter
from vigie.core.clock import wire_time

PREFIX: Final = "whsec_"


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
    name, stamp = f"msg_{message_id.hex}", str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signature = hmac.digest(key, b".".join((name.encode(), stamp.encode(), body)), hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "User-Agent": "Vigie",
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
