"""Wire shapes of alerts, of the ledger of what was not sent, and of maintenance windows."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vigie.alerts.policy_schemas import TimeOfDay, Weekday, Zone, minutes_of
from vigie.alerts.rules.policy import Cause
from vigie.core.pagination import PageQuery
from vigie.core.sentences import BadValueError
from vigie.core.wire import Instant

Severity = Literal["critical", "warning", "info"]
Status = Literal["open", "acknowledged", "snoozed", "resolved", "closed"]
Standing = Literal["current", "over", "all"]
_Control = Annotated[str, StringConstraints(pattern=r"^ANS-[0-9]{1,2}\.[0-9]{1,2}$")]


def _whole_second(at: datetime) -> datetime:
    """Instants are kept in UTC to the second, as they are shown."""
    return at.astimezone(UTC).replace(microsecond=0)


At = Annotated[AwareDatetime, AfterValidator(_whole_second)]
_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class AlertQuery(PageQuery):
    """Filters of the list of alerts."""

    status: Status | Literal["asking", "living", "all"] = Field(
        "living",
        description="`living`: all but those that are closed. `asking`: those that are neither silent nor dealt with.",
    )
    severity: Severity | None = None
    cause: Cause | None = None
    practice_id: UUID | None = None
    assignee_id: UUID | None = None
    unassigned: bool = Field(False, description="True: only those that nobody was given.")
    q: str | None = Field(
        None, max_length=100, description="Words that begin words of the practice's name, city or reference."
    )


class AlertMember(BaseModel):
    """What an alert is about: the id of a device or a control, since when, and the event that says so.

    `title`, `says` and `next` are words of the catalogue, in the language asked for; a sentence that needs numbers is null here and
    stands, filled in, in the checklist of the practice.
    """

    id: str
    since: Instant
    number: int = Field(description="Number of the event behind it: `GET /v1/events?after=` one less.")
    reason: str | None
    alias: str | None
    control: str | None
    device_id: UUID | None
    title: str | None
    says: str | None
    next: str | None


class AlertOut(BaseModel):
    """An alert. `condition_since`: when what it is about became true; `clears_at`: when it closes, if nothing comes back.

    `title`, `means` and `advice` say it to people, in the language asked for: what it is about, what that means, what to do.
    """

    id: UUID
    practice_id: UUID
    practice_name: str
    cause: Cause
    title: str
    means: str
    advice: list[str]
    severity: Severity
    status: Status
    opened_at: Instant
    condition_since: Instant
    clears_at: Instant | None
    closed_at: Instant | None
    acknowledged_at: Instant | None
    acknowledged_by: str | None
    assignee_id: UUID | None
    assignee_name: str | None
    snoozed_until: Instant | None
    next_step_at: Instant | None = Field(description="When the next ones on the ladder are told, unless somebody acts.")
    waits_for: str | None = Field(description="What holds the next message back: window, closed_hours, quiet_hours…")
    flapping: bool
    reopenings: int
    members: list[AlertMember]


class AlertSummary(BaseModel):
    """How many alerts ask for somebody: by severity, without an assignee, the caller's own; then how many are in which status."""

    critical: int
    warning: int
    info: int
    unassigned: int
    mine: int
    snoozed: int
    open: int
    acknowledged: int
    resolved: int


class AssigneeOut(BaseModel):
    """Somebody to whom an alert may be given."""

    member_id: UUID
    name: str
    role: str


class AlertEntryOut(BaseModel):
    """One line of the course of an alert. `number`: the event behind it, where there is one."""

    id: UUID
    at: Instant
    kind: str
    number: int | None
    by: str | None
    by_name: str | None
    comment: str | None
    detail: dict[str, Any]


class AlertDetail(AlertOut):
    """An alert with its course, oldest first. `time_zone`: of its practice."""

    time_zone: str
    timeline: list[AlertEntryOut]


class AcknowledgeIn(_Strict):
    """Somebody looks after it. `take`: the member who says so is also the one it is given to."""

    comment: _Words | None = None
    take: bool = False


class AssignIn(_Strict):
    """Who is to look after it; null: nobody in particular."""

    member_id: UUID | None
    comment: _Words | None = None


class SnoozeIn(_Strict):
    """Until when it is silent."""

    until: At
    comment: _Words | None = None


class ResolveIn(_Strict):
    """Why nothing is left to do."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2000)]


class CommentIn(_Strict):
    """What somebody says about it."""

    comment: _Words


class SuppressionQuery(PageQuery):
    """Filters of the ledger."""

    practice_id: UUID | None = None
    alert_id: UUID | None = None
    why: Annotated[str, Field(max_length=32, pattern=r"^[a-z_]+$")] | None = None
    since: AwareDatetime | None = None


class SuppressionOut(BaseModel):
    """A notification that was not sent, and why. `until`: when it is tried again. `title`: what it would have been about."""

    id: UUID
    practice_id: UUID | None
    practice_name: str | None
    title: str | None
    alert_id: UUID | None
    channel_id: UUID | None
    member_id: UUID | None
    kind: str
    why: str
    wanted_at: Instant
    until: str | None
    cause: str | None
    severity: str | None


class WeeklyIn(_Strict):
    """A window that comes back every week, in local times; it ends on the next day where `to` is not after `from`."""

    time_zone: Zone = "Europe/Paris"
    weekdays: Annotated[list[Weekday], Field(min_length=1, max_length=7)]
    start: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")
    first: date
    last: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise BadValueError(
                "the last day does not come before the first", "Le dernier jour ne précède pas le premier."
            )
        if minutes_of(self.start) == minutes_of(self.end):
            raise BadValueError("a window has a length", "Une fenêtre a une durée.")
        return self


class NewWindow(_Strict):
    """Work to announce: of a device, a practice, or (both null) of the whole provider; once, or every week."""

    practice_id: UUID | None
    device_id: UUID | None = None
    starts_at: At | None = None
    ends_at: At | None = None
    weekly: WeeklyIn | None = None
    causes: Annotated[list[Cause], Field(max_length=10)] = Field([], description="None named: every cause.")
    controls: Annotated[list[_Control], Field(max_length=40)] = Field([], description="None named: every control.")
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=1000)]

    @model_validator(mode="after")
    def _once_or_weekly(self) -> Self:
        if self.device_id is not None and self.practice_id is None:
            raise BadValueError("a device is named with its practice", "Un poste se nomme avec son cabinet.")
        once = self.starts_at is not None and self.ends_at is not None
        none = self.starts_at is None and self.ends_at is None
        if not (once and self.weekly is None) and not (none and self.weekly is not None):
            raise BadValueError(
                "either starts_at and ends_at, or weekly", "Soit un début et une fin, soit des heures par semaine."
            )
        return self


class WindowQuery(PageQuery):
    """Filters of the list of maintenance windows."""

    practice_id: UUID | None = None
    standing: Standing = "current"


class WindowAuthor(BaseModel):
    """Who announced it."""

    kind: Literal["member", "client"]
    id: str
    name: str


class WindowOut(BaseModel):
    """Announced work. `holds_until`: when it ends, where it holds now."""

    id: UUID
    practice_id: UUID | None
    device_id: UUID | None
    starts_at: Instant | None
    ends_at: Instant | None
    weekly: dict[str, Any] | None
    causes: list[str]
    controls: list[str]
    reason: str
    author: WindowAuthor
    created_at: Instant
    cancelled_at: Instant | None
    cancelled_by: str | None
    holds_until: Instant | None
