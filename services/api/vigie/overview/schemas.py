"""Wire shapes of the answers that cross subjects."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from vigie.core.pagination import PageQuery
from vigie.core.wire import Instant
from vigie.practices.schemas import PracticeOut

Light = Literal["ok", "warning", "critical", "unknown"]
State = Literal["pass", "warn", "fail", "unknown", "not_applicable"]


class PracticeQuery(PageQuery):
    """Filters of the list of practices."""

    overall: Light | None = Field(None, description="Practices whose worst light this is.")
    patch: Light | None = Field(None, description="Practices whose patch light this is.")
    backup: Light | None = Field(None, description="Practices whose backup light this is.")
    checklist: Light | None = Field(None, description="Practices whose checklist light this is.")
    liveness: Light | None = Field(None, description="Practices whose liveness light this is.")
    control: str | None = Field(
        None, max_length=10, description="Practices by their state of this control: see `state`."
    )
    state: State = Field("fail", description="With `control`: the state the practices are in.")
    q: str | None = Field(None, max_length=100, description="Words that begin words of name, city or reference.")


class PracticeRow(BaseModel):
    """A practice in the list: who it is, and its lights."""

    id: UUID
    name: str
    city: str | None
    profession: str
    external_ref: str | None
    overall: str
    patch: str
    backup: str
    checklist: str
    score: int | None
    liveness: str
    since: Instant
    devices: dict[str, int]
    as_of: Instant


class PracticeDetail(PracticeOut):
    """One practice with its lights (null once it is archived) and its line."""

    posture: "PracticeLights | None"
    line: "LineOut"


class LineOut(BaseModel):
    """Whether anything of the practice can be heard.

    `down`: its machines fell silent together, `since` then. `up`: with `since`, it came back then, and `confirmed` tells whether
    machines proved that they had run meanwhile, so that it was the line and not the power. `unknown`: nothing is heard of it, for
    each machine by itself, or nothing ever was.
    """

    state: Literal["up", "down", "unknown"]
    since: Instant | None
    confirmed: bool | None
    evidence: dict[str, Any]


class PracticeLights(BaseModel):
    """The lights of a practice, since when each shows what it shows, and when they were last decided."""

    overall: str
    patch: str
    backup: str
    checklist: str
    score: int | None
    liveness: str
    since: dict[str, Instant]
    devices: dict[str, int]
    as_of: Instant


class ChangeOut(BaseModel):
    """Something that changed: when it became true, when we learnt of it.

    `device_alias`: what the device is called now. `by_name`: who did it, where somebody did and still has an account.
    """

    number: int
    kind: str
    device_id: UUID | None
    device_alias: str | None
    by_name: str | None
    happened_at: Instant
    recorded_at: Instant
    payload: dict[str, Any]


class Counters(BaseModel):
    """How many practices show which light."""

    ok: int
    warning: int
    critical: int
    unknown: int


class Summary(BaseModel):
    """The fleet of a provider in numbers. `unheard_since`: since then nobody can be heard because of us, and no silence is told."""

    as_of: Instant
    unheard_since: Instant | None
    practices: int
    overall: Counters
    patch: Counters
    backup: Counters
    checklist: Counters
    liveness: Counters
    devices: dict[str, int]
