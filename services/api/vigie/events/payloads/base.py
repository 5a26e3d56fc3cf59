"""What all payloads have in common."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field


class Payload(BaseModel):
    """What an event says beside its kind, its subject and its instants."""

    model_config = ConfigDict(extra="forbid")

    kind: ClassVar[str]
    version: ClassVar[int] = 1


class ByCaller(Payload):
    """What somebody did."""

    by: str = Field(description="The member id of a person, or the client id of a partner client.")
