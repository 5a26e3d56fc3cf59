"""What happens to channels, the places where alerts go."""

from typing import ClassVar

from pydantic import Field

from vigie.events.payloads.base import Payload


class _OfChannel(Payload):
    channel: str
    channel_kind: str = Field(description="mail, webhook or service.")
    name: str
    minimum_severity: str
    causes: list[str] | None = Field(description="The causes it wants to hear of; null: all.")
    practices: list[str] | None = Field(description="The practices it wants to hear of; null: all.")
    enabled: bool
    by: str | None = Field(description="The member who did it; null: Vigie did.")
    why: str | None = Field(
        description="Why it is off: `member`, or the code of the failure that will not pass by itself."
    )


class ChannelCreated(_OfChannel):
    """A channel was made."""

    kind: ClassVar[str] = "channel.created"


class ChannelChanged(_OfChannel):
    """A channel was changed, or switched on again."""

    kind: ClassVar[str] = "channel.changed"


class ChannelDisabled(_OfChannel):
    """A channel was switched off: by somebody, or because what it leads to refuses for good."""

    kind: ClassVar[str] = "channel.disabled"


class ChannelRemoved(_OfChannel):
    """A channel was removed."""

    kind: ClassVar[str] = "channel.removed"
