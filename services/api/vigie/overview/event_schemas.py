"""Wire shapes of the change feed."""

from pydantic import BaseModel, ConfigDict, Field

from vigie.core.errors import AppError
from vigie.events.schemas import EventOut


class EventsExpiredError(AppError):
    """Events between the number asked from and the oldest that is kept are gone; `oldest` is that number."""

    status, code = 410, "events.expired"
    title, title_fr = (
        "Events from there on are no longer kept",
        "Les évènements depuis ce numéro ne sont plus conservés",
    )


class NotAStreamError(AppError):
    """The caller did not ask for a stream of events."""

    status, code = 406, "events.stream_only"
    title, title_fr = (
        "This is a stream of events: ask for text/event-stream",
        "Ceci est un flux : demandez text/event-stream",
    )


class EventQuery(BaseModel):
    """From where to read, and how much."""

    model_config = ConfigDict(extra="forbid")

    after: int = Field(0, ge=0, le=2**62, description="`next_after` of the page before; 0 begins at the oldest event.")
    limit: int = Field(100, ge=1, le=500, description="How many events at most.")


class EventPage(BaseModel):
    """Events in their order; `next_after` is where to go on, `more` whether there is something already."""

    items: list[EventOut]
    next_after: int
    more: bool
