"""Wire shapes of the catalogue and of the checklist of a practice."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from vigie.core.wire import Instant

Kind = Literal["automatic", "provider", "practice"]
Party = Literal["practice", "provider", "supplier"]
State = Literal["pass", "warn", "fail", "unknown", "not_applicable"]
Light = Literal["ok", "warning", "critical", "unknown"]
Language = Literal["fr", "en"]
Threshold = int | list[str] | None
NOTICE = {
    "fr": "Les textes sont les nôtres, d'après des résumés publics du mémento ; ce ne sont pas ceux de l'ANS.",
    "en": "The wording is ours, after public summaries of the mémento; it is not the text of the ANS.",
}
"""Said wherever the catalogue is shown: nobody must take our sentences for official ones."""


class ControlQuery(BaseModel):
    """What to read of the catalogue."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind | None = Field(None, description="Only controls decided this way.")
    rule: Annotated[int, Field(ge=1, le=10)] | None = Field(None, description="Only controls of this rule.")
    version: str | None = Field(None, max_length=20, description="Another version of the catalogue than the newest.")


class VersionQuery(BaseModel):
    """Which version of the catalogue to read."""

    model_config = ConfigDict(extra="forbid")

    version: str | None = Field(None, max_length=20, description="Another version of the catalogue than the newest.")


class RuleOut(BaseModel):
    """One of the ten rules."""

    id: int
    title: str


class DefaultOut(BaseModel):
    """A number of the policy that a control is judged by, and its default."""

    key: str
    default: Threshold


class CatalogueControl(BaseModel):
    """A control point: what is asked, what it means for a practice, who answers, what to do; `weight` in points of the score.

    `every`: months an answer holds (`12m`), `continuous` or `per_event`. `effort`: 1, hours; 2, days; 3, a project. `grade`:
    A, said about the mémento; B, said by another official source; C, our own inference. `bulk`: the provider may answer for
    many practices at once.
    """

    id: str
    rule: int
    title: str
    meaning: str
    kind: Kind
    responsible: list[Party]
    every: str
    essential: bool
    weight: int
    effort: int
    bulk: bool
    remediation: str
    steps: list[str]
    telemetry: list[str]
    thresholds: list[DefaultOut]
    grade: str
    sources: list[str]


class ControlsOut(BaseModel):
    """The control points of a version of the catalogue, in one language."""

    version: str
    versions: list[str]
    as_of: date
    language: Language
    notice: str
    automatic: int
    sources: dict[str, str]
    rules: list[RuleOut]
    items: list[CatalogueControl]


class ControlDetailOut(CatalogueControl):
    """One control point with the title of its rule, and the version and language of the texts."""

    rule_title: str
    version: str
    language: Language
    notice: str
    source_titles: dict[str, str]


class PointsOut(BaseModel):
    """Points earned of those possible; a warning earns half of a control's points."""

    earned: float
    possible: float


class HeartbeatOut(BaseModel):
    """A heartbeat of a device by its sequence, and when it arrived; the sequence is null once its history was purged."""

    sequence: int | None
    received_at: Instant


class SectionProofOut(HeartbeatOut):
    """The heartbeat that carried a section as it stands."""

    section: str


class SentenceOut(BaseModel):
    """A state with its reason as a code and as sentences: what it says to the practice, what to do next."""

    state: State
    reason: str
    says: str
    next: str
    valid_until: Instant | None
    evidence: dict[str, Any]
    threshold: dict[str, Any]


class DeviceProofOut(SentenceOut):
    """What was found on one device, and the heartbeats that vouch for it.

    `told_by`: those that carried the sections it was read from. `last_heartbeat`: the latest one, which confirmed that nothing
    had changed since.
    """

    device_id: UUID
    alias: str
    since: Instant
    assessed_at: Instant
    told_by: list[SectionProofOut]
    last_heartbeat: HeartbeatOut | None


class AttestationOut(BaseModel):
    """The answer that stands: what was said, by whom and in which role, since when, and what backs it."""

    id: UUID
    answer: Literal["yes", "no", "not_applicable"]
    reason: str | None
    comment: str | None
    effective_on: date
    answered_at: Instant
    side: Literal["provider", "practice"]
    member_id: UUID
    author_name: str
    author_role: str
    evidence_ref: str | None
    evidence_ids: list[UUID]


class PracticeProofOut(SentenceOut):
    """What is known of the practice itself: by somebody's answer, by dated records, or by counting its devices.

    `attestation`: the answer behind it; the evidence names records, and until when the answer holds.
    """

    source: Literal["attestation", "records", "inventory"]
    attestation: AttestationOut | None
    since: Instant
    assessed_at: Instant


class ThresholdOut(DefaultOut):
    """A number of the policy: its default, and what applies to this practice."""

    applied: Threshold


class AcceptedOut(BaseModel):
    """A deviation that somebody accepted until a date: on one device, or for the whole practice (`device_id` null)."""

    id: UUID
    device_id: UUID | None
    reason: str
    document_ref: str | None
    compensating_measure: str | None
    author_name: str
    starts_at: Instant
    ends_at: Instant


class ChecklistControl(BaseModel):
    """A control of a practice: its state, why, until when, what it earns, and everything that stands behind it.

    `devices_in_state` of `devices_concerned`: null where the practice has one answer. `accepted`: the exceptions in force.
    """

    id: str
    title: str
    kind: Kind
    responsible: list[Party]
    essential: bool
    state: State
    reason: str
    says: str
    next: str
    since: Instant | None
    valid_until: Instant | None
    points: PointsOut
    devices_in_state: int | None
    devices_concerned: int | None
    thresholds: list[ThresholdOut]
    accepted: list[AcceptedOut]
    answer: PracticeProofOut | None
    devices: list[DeviceProofOut]


class ChecklistRule(BaseModel):
    """A rule of a practice: the sum of the points of its controls."""

    id: int
    title: str
    points: PointsOut
    controls: list[ChecklistControl]


class ImprovementOut(BaseModel):
    """What putting one control right would bring: points, and the score then, with nothing else changed."""

    control: str
    title: str
    responsible: list[Party]
    effort: int
    gain: float
    score_then: int
    first_step: str


class ScoreDayOut(BaseModel):
    """The score at the end of a day (UTC)."""

    day: date
    score: int | None


class ComparedOut(BaseModel):
    """The practice among those of its provider: the median of the scores, and its place (1: nobody scores more)."""

    median: int
    place: int
    practices: int


class HeadlineOut(BaseModel):
    """A light in one sentence, and what decided it.

    `control`, `title`: the control that speaks for it, who is `responsible` there, and on how many devices; all of them empty
    where the light is ok or, as with `checklist`, speaks of every control. `devices`: names of those concerned, the first five.
    """

    name: Literal["patch", "backup", "checklist"]
    state: Light
    since: Instant
    says: str
    control: str | None
    title: str | None
    responsible: list[Party]
    valid_until: Instant | None
    devices_in_state: int | None
    devices_concerned: int | None
    devices: list[str]


class CountsOut(BaseModel):
    """How many controls are `in_order` or `failing` of those `judged`, and how many wait for whose answer."""

    judged: int
    in_order: int
    failing: int
    asked_of_practice: int
    asked_of_provider: int


class ChecklistOut(BaseModel):
    """The checklist of a practice: one score that adds up, point by point, down to what each point rests on.

    `score` is the percentage that `earned` is of `possible` in `points`, rounded down; null while nothing at all is known.
    `headlines`: the three lights in a sentence each. `compared` and `not_compared` are both null where no comparison was asked for.
    """

    practice_id: UUID
    as_of: Instant
    catalogue_version: str
    language: Language
    notice: str
    light: Light
    light_since: Instant
    score: int | None
    points: PointsOut
    counts: CountsOut
    headlines: list[HeadlineOut]
    rules: list[ChecklistRule]
    improvements: list[ImprovementOut]
    trend: list[ScoreDayOut]
    compared: ComparedOut | None
    not_compared: Literal["too_few_practices", "nothing_known"] | None


class ChecklistQuery(BaseModel):
    """How much of the checklist to read, and how far back its trend goes."""

    model_config = ConfigDict(extra="forbid")

    trend_days: int = Field(90, ge=1, le=365, description="Days of the trend, today included.")
    control: list[str] = Field(
        [],
        max_length=100,
        description="Only these control points under `rules`, and only the rules they belong to; said again for each. All the "
        "rest speaks of every control point.",
    )
    brief: bool = Field(
        default=False,
        description="Without proofs: of `devices` only those that are not in order, with empty `evidence`, `threshold` and "
        "`told_by` and no `last_heartbeat`; empty `thresholds`, `improvements` and `trend`; no comparison.",
    )


class ControlSummary(BaseModel):
    """One control across the practices the caller sees: how many of them are in which state."""

    control: str
    rule: int
    title: str
    kind: Kind
    essential: bool
    practices: dict[State, int]


class ChecklistSummary(BaseModel):
    """Every control across the practices the caller sees, the one most of them fail first."""

    as_of: Instant
    catalogue_version: str
    language: Language
    practices: int
    items: list[ControlSummary]
