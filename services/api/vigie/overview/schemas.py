"""Wire shapes of the answers that cross subjects."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from vigie.core.pagination import PageQuery
from vigie.core.wire import Instant
from vigie.practices.schemas import PracticeOut, ResponsibleOut

Light = Literal["ok", "warning", "critical", "unknown"]
State = Literal["pass", "warn", "fail", "unknown", "not_applicable"]


class PracticeFilters(BaseModel):
    """Filters of the list of practices."""

    model_config = ConfigDict(extra="forbid")

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
    responsible: UUID | Literal["me", "none"] | None = Field(
        None, description="Practices looked after by a member, by the caller (`me`), by nobody (`none`)."
    )


class PracticeQuery(PageQuery, PracticeFilters):
    """A page of the list of practices."""


class ExportQuery(PracticeFilters):
    """The list as a file: its filters, and its language."""

    language: Literal["fr", "en"] | None = None


class ListQuery(PracticeQuery):
    """The list itself: its filters, and how much each row tells."""

    include: Literal["reasons"] | None = Field(None, description="`reasons`: why each light is what it is.")


class LightReason(BaseModel):
    """Why a light is what it is: the control that decides, and what is found of it in the state that decides.

    `short`: in a few words, `says`: as a sentence, both in the language asked for. `code`: of the reason. Devices are null where
    the practice itself is judged; `device_alias` names the one device, where it is one.
    """

    control: str
    title: str
    code: str | None
    short: str
    says: str
    since: Instant | None
    devices_in_state: int | None
    devices_concerned: int | None
    device_id: UUID | None
    device_alias: str | None


class PracticeReasons(BaseModel):
    """Why the lights of a practice are what they are. A light is null while nothing is known of it.

    `points_passed` of `points_concerned`: control points of the checklist. `last_copy_at`: of the backup that decides.
    """

    patch: LightReason | None
    backup: LightReason | None
    points_passed: int
    points_concerned: int
    last_report_at: Instant | None
    last_copy_at: Instant | None


class PracticeRow(BaseModel):
    """A practice in the list: who it is, who looks after it, its lights; with `include=reasons` why they are so."""

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
    responsible: ResponsibleOut | None
    reasons: PracticeReasons | None


class PracticeDetail(PracticeOut):
    """One practice with its lights (null once it is archived), its line, and who looks after it."""

    posture: "PracticeLights | None"
    responsible: ResponsibleOut | None
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
    """The fleet of a provider in numbers. `unheard_since`: since then nobody can be heard because of us, and no silence is told.

    `mine`, `unassigned`: practices that the caller looks after, and that nobody does.
    """

    as_of: Instant
    unheard_since: Instant | None
    practices: int
    mine: int
    unassigned: int
    overall: Counters
    patch: Counters
    backup: Counters
    checklist: Counters
    liveness: Counters
    devices: dict[str, int]


class CauseAlert(BaseModel):
    """One alert of a cause. `why`: in a few words, where updates or backups are the cause; `devices`: what those are called."""

    id: UUID
    practice_id: UUID
    practice_name: str
    severity: str
    since: Instant
    assignee_id: UUID | None
    assignee_name: str | None
    devices: list[str]
    why: str | None


class CauseOut(BaseModel):
    """A cause that asks for somebody: how many alerts there are of it, how many without an assignee, the first three.

    There is one alert per practice and cause at a time.
    """

    cause: str
    title: str
    severity: str
    alerts: int
    unassigned: int
    since: Instant
    first: list[CauseAlert]


class CausesOut(BaseModel):
    """What asks for somebody now, by cause, the worst first; in how many practices."""

    practices: int
    items: list[CauseOut]
