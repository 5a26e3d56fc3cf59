"""The bytes of a webhook, and the ids of its deliveries. Pure."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from vigie.core.clock import wire_time
from vigie.events.schemas import EventOut

TEST_KIND: Final = "webhook.test"
_FIELDS: Final = tuple(EventOut.model_fields)


def body_of(event: Mapping[str, Any]) -> bytes:
    """Return what an event says to webhooks. Made once and kept: every attempt at every endpoint sends these bytes."""
    told = EventOut(**{name: event[name] for name in _FIELDS}).model_dump(mode="json")
    return orjson.dumps({"type": told["kind"], "timestamp": told["happened_at"], "data": told})


def trial_body(endpoint_id: UUID, now: datetime) -> bytes:
    """Return what a test says: nothing happened."""
    return orjson.dumps({"type": TEST_KIND, "timestamp": wire_time(now), "data": {"endpoint": str(endpoint_id)}})


def delivery_id(endpoint_id: UUID, number: int, recorded_at: datetime) -> UUID:
    """Return the id of an event's delivery to an endpoint: it can be made again, and rises with the events (RFC 9562, version 8).

    48 bits of milliseconds, 32 of the event's number, 42 of a digest that tells endpoints apart.
    """
    digest = hashlib.sha256(endpoint_id.bytes + number.to_bytes(8)).digest()
    milliseconds = int(recorded_at.timestamp() * 1000)
    place = number & 0xFFFF_FFFF
    value = milliseconds << 80 | 0x8 << 76 | (place >> 20) << 64
    value |= 0x2 << 62 | (place & 0xF_FFFF) << 42 | int.from_bytes(digest[:6]) >> 6
    return UUID(int=value)
