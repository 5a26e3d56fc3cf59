"""Wire shapes of answers, files and actions."""

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vigie.core.pagination import PageQuery
from vigie.core.wire import Instant, refuse_emptied

AnswerWord = Literal["yes", "no", "not_applicable"]
SideWord = Literal["provider", "practice"]
ActionStatus = Literal["open", "done", "dropped"]
_Lines = StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$")
_Line = StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")
Reason = Annotated[str, _Lines, Field(max_length=1000)]
Comment = Annotated[str, _Lines, Field(max_length=2000)]
Reference = Annotated[str, _Line, Field(max_length=200)]
Files = Annotated[list[UUID], Field(max_length=10)]
MOST_PRACTICES = 500
_NAMED_AT_MOST = 5000  # beyond what one request answers for, so that this is refused in words of its own


class _Answer(BaseModel):
    """What every answer says, for one practice or for many."""

    model_config = ConfigDict(extra="forbid")

    answer: AnswerWord
    reason: Reason | None = Field(
        None, description="Why it does not apply (required then, at least ten characters), or why not."
    )
    comment: Comment | None = None
    effective_on: date | None = Field(
        None, description="Since when it is true, as days are counted where the practice is; today when absent."
    )
    evidence_ref: Reference | None = Field(None, description="Where the proof is kept, when it is not uploaded.")


class ControlAnswerIn(_Answer):
    """An answer to a control of one practice. Never write about a patient."""

    evidence: Files = Field(default_factory=list, description="Files of this practice that back the answer.")


class BulkAnswerIn(_Answer):
    """The same answer for several practices, to a control that allows it."""

    control: str = Field(max_length=16)
    practices: Annotated[list[UUID], Field(min_length=1, max_length=_NAMED_AT_MOST)] | Literal["all"] = Field(
        description="Ids of practices, or `all` that the caller sees; at most 500 in one request."
    )


class AttestationOut(BaseModel):
    """An answer. `expires_on`: the last day on which it holds; null for a "no", which stands until the next answer."""

    id: UUID
    practice_id: UUID
    control: str
    catalogue_version: str
    answer: AnswerWord
    reason: str | None
    comment: str | None
    evidence_ref: str | None
    evidence: list[UUID]
    effective_on: date
    expires_on: date | None
    answered_at: Instant
    side: SideWord
    member_id: UUID
    author_name: str
    author_role: str
    superseded_at: Instant | None


class BulkAnswerOut(BaseModel):
    """What a bulk answer did: how many practices it answered for, and the answer of each."""

    control: str
    answer: AnswerWord
    answered: int
    attestations: list[UUID]


class EvidenceOut(BaseModel):
    """A file that backs answers of a practice. `sha256` in hexadecimal, of the bytes as they came."""

    id: UUID
    practice_id: UUID
    name: str
    media_type: str
    size: int
    sha256: str
    uploaded_at: Instant
    side: SideWord
    member_id: UUID
    author_name: str


class ActionQuery(PageQuery):
    """Filters of the list of actions."""

    practice_id: UUID | None = None
    status: ActionStatus | None = None
    party: SideWord | None = None
    due_before: date | None = Field(None, description="Only what is due before this day.")


class ActionOut(BaseModel):
    """Something to do because a control was answered "no"."""

    id: UUID
    practice_id: UUID
    control: str
    title: str
    attestation_id: UUID
    party: SideWord
    member_id: UUID | None
    due_on: date
    status: ActionStatus
    comment: str | None
    opened_at: Instant
    changed_at: Instant
    closed_at: Instant | None
    closed_by: str | None


class ActionPatch(BaseModel):
    """What to change; a field that is absent stays, null empties owner or comment."""

    model_config = ConfigDict(extra="forbid")

    member_id: UUID | None = Field(None, description="Who does it: a member of the party the action belongs to.")
    due_on: date | None = None
    status: ActionStatus | None = None
    comment: Comment | None = None

    @model_validator(mode="after")
    def _required_stay(self) -> Self:
        refuse_emptied(self, "due_on", "status")
        return self
