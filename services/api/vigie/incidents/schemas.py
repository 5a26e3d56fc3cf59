"""Wire shapes of incidents."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vigie.checklist.record_schemas import ContactsOut
from vigie.core.pagination import PageQuery
from vigie.core.sentences import BadValueError
from vigie.core.wire import Instant
from vigie.incidents.catalogue import Who
from vigie.incidents.models import EntryKind, Kind
from vigie.incidents.rules import Clock, ClockState, Outcome

_Lines = StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$")
_Line = StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")
_Reasoned = StringConstraints(strip_whitespace=True, min_length=10, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$")
Paragraphs = Annotated[str, _Lines, Field(max_length=2000)]
Reference = Annotated[str, _Line, Field(max_length=120)]
Reason = Annotated[str, _Reasoned, Field(max_length=1000)]
Lessons = Annotated[str, _Reasoned, Field(max_length=4000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewIncident(_Body):
    """An incident as it is declared. Never write about a patient.

    `known_at`: when it became known, to the minute; both clocks count from it. Now, when absent.
    """

    practice_id: UUID
    kind: Kind
    known_at: AwareDatetime | None = None
    description: Paragraphs | None = Field(None, description="What is seen, on which machines.")


class StepMark(_Body):
    """Whether a step is done."""

    done: bool


class NewNote(_Body):
    """A note for the log: what you see, do, decide. Never write about a patient. `at`: when it happened; now, when absent."""

    text: Paragraphs
    at: AwareDatetime | None = None


class NewNotice(_Body):
    """What was done about a clock. `at`: when; now, when absent. What was noted of it before is replaced and stays in the log.

    `not_required`: nothing is due, and `reason` says why (no cyber-insurance, no risk to anybody's personal data).
    """

    clock: Clock
    outcome: Outcome = "done"
    at: AwareDatetime | None = None
    reference: Reference | None = Field(None, description="Number of the complaint or of the notification.")
    reason: Reason | None = Field(None, description="Why nothing is due, or why it was late; at least ten characters.")

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        if self.outcome == "not_required" and self.reason is None:
            raise BadValueError("say why nothing is due", "Dites pourquoi rien n'est dû.")
        if self.outcome == "not_required" and self.reference is not None:
            raise BadValueError("a reference goes with what was done", "Un numéro va avec ce qui a été fait.")
        return self


class Closing(_Body):
    """What an incident is closed with: causes, what helped, what was missing; at least ten characters."""

    lessons: Lessons


class IncidentQuery(PageQuery):
    """Filters of the list of incidents."""

    practice_id: UUID | None = None
    status: Literal["open", "closed"] | None = None


class ClockOut(BaseModel):
    """One of the two clocks of 72 hours.

    `remaining_s`: seconds until the deadline at `as_of` of the answer, negative after it; null once nothing is left to do.
    `urgent`: the last 24 hours run. `done_at`: when it was done or decided; `done_late`: after the deadline.
    """

    clock: Clock
    state: ClockState
    deadline: Instant
    remaining_s: int | None
    source: str
    outcome: Outcome | None
    done_at: Instant | None
    reference: str | None
    reason: str | None
    by_name: str | None


class StepOut(BaseModel):
    """A reflex step, in the language asked for; the wording is ours. One with a `clock` is ticked by `POST …/notified`."""

    id: str
    number: int
    title: str
    detail: str
    when: str
    who: Who
    clock: Clock | None
    sources: list[str]
    done: bool
    at: Instant | None
    by: str | None
    by_name: str | None


class EntryOut(BaseModel):
    """A line of the log. `says`: the note itself, or a sentence of ours about what was done."""

    id: UUID
    kind: EntryKind
    at: Instant
    recorded_at: Instant
    says: str
    detail: dict[str, Any]
    by: str
    by_name: str


class EvidenceOut(BaseModel):
    """The sealed archive. `lines`: how many each of its files has; `complete`: false when the oldest were left out for size."""

    frozen_at: Instant
    from_at: Instant
    until_at: Instant
    lines: dict[str, int]
    complete: bool
    size: int
    sha256: str
    by_name: str


class IncidentOut(BaseModel):
    """An incident in the list."""

    id: UUID
    practice_id: UUID
    practice_name: str
    kind: Kind
    kind_title: str
    status: Literal["open", "closed"]
    known_at: Instant
    declared_at: Instant
    declared_by: str
    declared_by_name: str
    declared_by_role: str | None
    clocks: list[ClockOut]
    steps_done: int
    steps_total: int
    frozen_at: Instant | None
    closed_at: Instant | None
    as_of: Instant


class IncidentDetail(IncidentOut):
    """One incident with all there is. `contacts`: of the practice's incident card; null without `records:read`."""

    time_zone: str
    description: str | None
    edition: str
    steps: list[StepOut]
    log: list[EntryOut]
    contacts: ContactsOut | None
    evidence: EvidenceOut | None
    lessons: str | None
    closed_by_name: str | None


class DraftOut(BaseModel):
    """A declaration to copy. `blanks`: how many places are left to fill in, each marked with square brackets."""

    kind: Literal["complaint", "insurer", "cnil"]
    title: str
    address: str
    text: str
    blanks: int


class DraftsOut(BaseModel):
    """The drafts of an incident, in French: they go to French authorities and insurers. `notice` says what they are not."""

    incident_id: UUID
    as_of: Instant
    language: Literal["fr"]
    notice: str
    items: list[DraftOut]
