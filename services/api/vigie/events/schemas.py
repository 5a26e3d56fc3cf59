"""How an event looks on the wire: the same object in the feed, in the stream and in webhooks."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel

from vigie.core.wire import Instant


class EventOut(BaseModel):
    """Something that changed: when it became true, when we learnt of it. Never rewritten.

    `version` is that of the payload of this kind (`openapi/events.json`).
    """

    number: int
    kind: str
    version: int
    practice_id: UUID | None
    device_id: UUID | None
    happened_at: Instant
    recorded_at: Instant
    payload: dict[str, Any]
