"""Wire shapes of what is missing across the fleet: updates and backups, practice by practice and gathered."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from vigie.core.pagination import PageQuery
from vigie.core.wire import Instant
from vigie.practices.schemas import ResponsibleOut

GapState = Literal["fail", "warn", "unknown"]


class GapQuery(PageQuery):
    """Filters of what is missing."""

    state: GapState | None = Field(None, description="Only what is in this state; without: all that is not well.")
    control: Annotated[str, StringConstraints(pattern=r"^ANS-[0-9]{1,2}\.[0-9]{1,2}$")] | None = Field(
        None, description="Only this control point of the light."
    )
    q: str | None = Field(None, max_length=100, description="Words that begin words of name, city or reference.")
    responsible: UUID | Literal["me", "none"] | None = Field(
        None, description="Practices looked after by a member, by the caller (`me`), by nobody (`none`)."
    )


class GapDevice(BaseModel):
    """A device on which it is missing: why in a few words and as a sentence, what to do, since when.

    `last_copy_at`: its last good copy, where a backup is missing. `ends_on`: when its system is out of support. `updates`: the
    missing updates by name, those of security first published in front; at most five.
    """

    id: UUID | None
    alias: str | None
    code: str
    short: str
    says: str
    next: str
    since: Instant
    last_copy_at: Instant | None
    ends_on: date | None
    updates: list[str]


class GapOut(BaseModel):
    """What one practice lacks: the control point, its state, on how many of its devices, the first of these.

    `short`, `says`, `next`: for the practice as a whole, in the language asked for.
    """

    practice_id: UUID
    practice_name: str
    city: str | None
    responsible: ResponsibleOut | None
    control: str
    title: str
    state: GapState
    code: str | None
    short: str
    says: str
    next: str
    since: Instant | None
    devices_in_state: int | None
    devices_concerned: int | None
    devices: list[GapDevice]


class MissingUpdate(BaseModel):
    """An update that devices lack: by how many, of how many practices, published when."""

    name: str
    released_on: date | None
    devices: int
    practices: int


class EndingSystem(BaseModel):
    """A system out of support, or soon so, and on how many devices of how many practices it runs."""

    system: str
    code: str
    says: str
    ends_on: date | None
    devices: int
    practices: int


class PatchesSummary(BaseModel):
    """What is missing most across the practices whose updates are not in order; at most twenty of each."""

    updates: list[MissingUpdate]
    systems: list[EndingSystem]
