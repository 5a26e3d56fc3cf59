"""What happens to webhook endpoints by itself."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime

from vigie.events.payloads.base import Payload


class WebhookEndpointDisabled(Payload):
    """Nothing is sent to a webhook endpoint any more: it failed for days, or answered that it is `gone`."""

    kind: ClassVar[str] = "webhook_endpoint.disabled"

    endpoint: UUID
    reason: Literal["failing", "gone"]
    failing_since: AwareDatetime
