"""Secrets and signatures of webhooks, as the Standard Webhooks specification wants them (standardwebhooks.com, version 1).

Signed are the id of the message, the instant of the attempt and the body, joined by dots: HMAC-SHA256, base64, `v1,` before it.
While one secret replaces another both sign, and a receiver accepts whichever it knows.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32  # the specification asks for 24 to 64


def new_secret() -> bytes:
    """Return a fresh secret."""
    return secrets.token_bytes(_SECRET_BYTES)


def shown(secret: bytes) -> str:
    """Return a secret as receivers are given it."""
    return PREFIX + base64.b64encode(secret).decode()


def read(text: str) -> bytes:
    """Return the secret that `shown` wrote."""
    return base64.b64decode(text.removeprefix(PREFIX))


def purpose_of(endpoint_id: UUID) -> str:
    """Return what the sealed secrets of an endpoint are bound to."""
    return f"webhook endpoint {endpoint_id}"


def message_id(delivery_id: UUID) -> str:
    """Return the `webhook-id` of a delivery: the same at each attempt, so that a receiver can tell what it has had."""
    return f"msg_{delivery_id.hex}"


def signed_headers(delivery_id: UUID, at: datetime, body: bytes, keys: Sequence[bytes]) -> list[tuple[str, str]]:
    """Return the headers of one attempt, signed with every key that holds."""
    name, stamp = message_id(delivery_id), str(int(at.timestamp()))
    text = b"%s.%s.%s" % (name.encode(), stamp.encode(), body)
    signatures = (base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode() for key in keys)
    return [
        ("webhook-id", name),
        ("webhook-timestamp", stamp),
        ("webhook-signature", " ".join(f"v1,{signature}" for signature in signatures)),
    ]
