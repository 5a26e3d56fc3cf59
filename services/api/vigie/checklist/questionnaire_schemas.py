"""Wire shapes of supplier questionnaires."""

from datetime import date
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vigie.checklist.completeness import Lack, Part
from vigie.checklist.prefill import Choice
from vigie.core.pagination import PageQuery
from vigie.core.sentences import BadValueError
from vigie.core.wire import Instant

Status = Literal["draft", "ready", "signed_by_supplier", "signed", "reopened", "expired"]
Party = Literal["supplier", "practitioner"]
Kind = Annotated[int, Field(ge=1, le=4)]
_Line = StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")
_Lines = StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]+$")
Words = Annotated[str, _Lines, Field(max_length=1000)]
Reference = Annotated[str, _Line, Field(max_length=200)]
Named = Annotated[str, _Line, Field(max_length=120)]
_MOST_PRACTICES = 500


class NewQuestionnaire(BaseModel):
    """A questionnaire to begin, for a supplier of the practice."""

    model_config = ConfigDict(extra="forbid")

    supplier_id: UUID
    kind: Kind = Field(
        description="1 every supplier, 2 installation and maintenance, 3 remote maintenance, 4 remote storage."
    )


class QuestionnaireQuery(PageQuery):
    """Which questionnaires of a practice to list."""

    kind: Kind | None = None
    supplier_id: UUID | None = None


class PlanIn(BaseModel):
    """How a "no" will be mended: a name or function, and the last day for it."""

    model_config = ConfigDict(extra="forbid")

    owner: Named
    due_on: date


class AnswerIn(BaseModel):
    """What is said to one question, all of it: a field left out or null is empty afterwards.

    `answer` null leaves the answer to the evidence. Nothing about patients belongs in any of these texts.
    """

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, Field(max_length=8)]
    answer: Choice | None = None
    comment: Words | None = None
    text: Words | None = None
    date_: date | None = Field(None, alias="date")
    document: Reference | None = Field(
        None, description="Where the document is: its name, its number, or the id of a file."
    )
    plan: PlanIn | None = None


class AnswersIn(BaseModel):
    """Answers to write; questions that are not named stay as they are."""

    model_config = ConfigDict(extra="forbid")

    answers: Annotated[list[AnswerIn], Field(min_length=1, max_length=60)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        named = [each.question for each in self.answers]
        if len(set(named)) != len(named):
            raise BadValueError("a question stands twice", "Une question s'y trouve deux fois.")
        return self


class RefreshIn(BaseModel):
    """Whether to begin the renewal of a signed questionnaire: a new revision, with the current edition of the questions."""

    model_config = ConfigDict(extra="forbid")

    renew: bool = False


class OutsideSignature(BaseModel):
    """How a supplier that has no access here signed: who, as what, when, and where that can be seen."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, _Line, Field(max_length=160)]
    function: Named
    signed_on: date
    evidence_ref: Reference


class SignIn(BaseModel):
    """A signature. `content_hash` is the one the signer read: nobody signs what changed meanwhile."""

    model_config = ConfigDict(extra="forbid")

    party: Party
    content_hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    outside: OutsideSignature | None = Field(
        None, description="For a supplier other than the provider itself: it signed elsewhere, and this records it."
    )


class CopyIn(BaseModel):
    """To which practices to send the answers; `all`: every one that lists the supplier, as far as the caller sees them."""

    model_config = ConfigDict(extra="forbid")

    practices: Annotated[list[UUID], Field(min_length=1, max_length=_MOST_PRACTICES)] | Literal["all"]


class ContentQuery(BaseModel):
    """Which revision; the current one unless named."""

    model_config = ConfigDict(extra="forbid")

    revision: Annotated[int, Field(ge=1, le=32767)] | None = None


class SupplierRef(BaseModel):
    """A supplier by id and name. `own`: it is the provider itself."""

    id: UUID
    name: str
    own: bool


class SignatureOut(BaseModel):
    """A signature. `acr`: the level of assurance that the identity provider asserted for the session; null where none."""

    party: Party
    revision: int
    content_hash: str
    way: Literal["session", "recorded"]
    name: str
    role: str
    member_id: UUID
    issuer: str
    identity_provider: str
    acr: str | None
    signed_on: date
    signed_at: Instant
    evidence_ref: str | None


class PlanOut(BaseModel):
    """How a "no" will be mended."""

    owner: str
    due_on: date


class SaidOut(BaseModel):
    """What people said. `origin`: a person here, or copied from the questionnaire of another practice."""

    answer: Choice | None
    comment: str | None
    text: str | None
    date: "date | None"
    document: str | None
    plan: PlanOut | None
    origin: Literal["person", "copied"]
    by: str = Field(description="Id of the member, or of the partner client.")
    by_name: str | None = Field(description="How the member is called; null for a partner client.")
    at: Instant


class FoundOut(BaseModel):
    """What the evidence says. `says` tells why, in a sentence; `items` name the controls looked at, their state and dates."""

    answer: Choice | None
    why: str
    says: str
    origin: Literal["telemetry", "attestation"] | None
    items: list[dict[str, Any]]


class QuestionOut(BaseModel):
    """A question with its answer. `lacks`: what is missing before it can be signed; `contradicts`: a person says otherwise."""

    id: str
    text: str
    parts: list[Part]
    detail: str | None
    evidence_expected: str
    grade: str
    answered_by: list[str]
    denied_by: list[str]
    answer: Choice | None
    origin: Literal["person", "copied", "telemetry", "attestation"] | None
    said: SaidOut | None
    found: FoundOut
    contradicts: bool
    lacks: list[Lack]


class QuestionnaireOut(BaseModel):
    """A questionnaire. `as_of`: of its evidence; `open`: how many questions lack something before it can be signed."""

    id: UUID
    practice_id: UUID
    supplier: SupplierRef
    kind: int
    control: str
    title: str
    template_version: str
    revision: int
    status: Status
    open: int
    as_of: Instant
    signed_at: Instant | None
    expires_at: Instant | None
    created_at: Instant
    updated_at: Instant


class QuestionnaireDetail(QuestionnaireOut):
    """A questionnaire with its questions, and every signature it ever had, the latest first."""

    content_hash: str
    wording: str
    questions: list[QuestionOut]
    signatures: list[SignatureOut]


class RefreshOut(QuestionnaireDetail):
    """A questionnaire after its evidence was looked at again; `turned`: the questions whose answer is another one now."""

    turned: list[str]


class CopiedOut(BaseModel):
    """What became of one practice: `copied` (so many answers), `unchanged`, `signed` (left alone), `not_concerned`."""

    practice_id: UUID
    questionnaire_id: UUID | None
    outcome: Literal["copied", "unchanged", "signed", "not_concerned"]
    answers: int


class CopyOut(BaseModel):
    """What became of each practice."""

    items: list[CopiedOut]
