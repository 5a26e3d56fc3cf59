"""Control points, rules and sentences, as the console, the reports and the API show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from vigie.posture.catalogue.documents import Document, Names
from vigie.posture.rules.score import ESSENTIAL_WEIGHT

Kind = Literal["automatic", "provider", "practice"]
Party = Literal["practice", "provider", "supplier"]
Aggregate = Literal["worst", "best", "practice"]
Every = Annotated[str, Field(pattern="^(continuous|per_event|[1-9][0-9]?m)$")]
ControlId = Annotated[str, Field(pattern=r"^ANS-([1-9]|10)\.[1-9][0-9]?$")]
Effort = Annotated[int, Field(ge=1, le=3)]
"""What it takes to put a control right: 1, hours; 2, days; 3, a project (money, suppliers, several weeks)."""

FRESHNESS = ("freshness.fresh_hours", "freshness.stale_days")
"""How long a report speaks for its device: these two apply to whatever devices report."""


class Text(Document):
    """A text in the two languages of the product."""

    fr: Annotated[str, Field(min_length=2)]
    en: Annotated[str, Field(min_length=2)]


Lines = Annotated[tuple[Annotated[str, Field(min_length=2)], ...], Field(strict=False, min_length=2, max_length=5)]


class Steps(Document):
    """What to do, one concrete step after the other; the same steps in both languages."""

    fr: Lines
    en: Lines

    @model_validator(mode="after")
    def _alike(self) -> Self:
        if len(self.fr) != len(self.en):
            raise ValueError("both languages have the same number of steps")
        return self


class Rule(Document):
    """One of the ten rules of the ANS mémento."""

    id: Annotated[int, Field(ge=1, le=10)]
    title: Text


class Control(Document):
    """A control point: what is asked, who answers, how often, and what to do when the answer is no.

    ``kind``: who decides (the agent's telemetry or dated records, the provider, the practice). ``every``: how long an
    answer holds (``12m``), or ``continuous``, or ``per_event``. ``aggregate``: how devices make the practice's state;
    ``practice`` when there is one answer for the whole practice. ``grade``: how well the source is known (see the document).
    ``telemetry``: the sections of a heartbeat that feed it; an automatic control without any is decided by dated records.
    ``thresholds``: the numbers of the policy that its rule reads, ``family.key``. ``bulk``: the provider may answer it for
    many of its practices at once, because the answer depends on how the provider works and not on the premises.
    ``meaning``: what it means for the practice, in plain words; ``steps``: the remediation, step by step.
    """

    id: ControlId
    rule: Annotated[int, Field(ge=1, le=10)]
    title: Text
    kind: Kind
    responsible: Annotated[tuple[Party, ...], Field(strict=False, min_length=1)]
    every: Every
    essential: bool
    aggregate: Aggregate
    remediation: Text
    source: Names
    grade: Literal["A", "B", "C", "A/B"]
    effort: Effort
    meaning: Text
    steps: Steps
    implemented: bool = False
    bulk: bool = False
    telemetry: Names = ()
    thresholds: Names = ()

    @model_validator(mode="after")
    def _answered_by_the_right_side(self) -> Self:
        if self.bulk and self.kind != "provider":
            raise ValueError(f"{self.id}: only what the provider answers can be answered for many practices at once")
        return self

    @property
    def every_months(self) -> int | None:
        """Months after which an answer must be given again; None when no answer expires by date."""
        return int(self.every[:-1]) if self.every.endswith("m") else None

    @property
    def weight(self) -> int:
        """What the control weighs in the score, in points."""
        return ESSENTIAL_WEIGHT if self.essential else 1

    @property
    def policy_keys(self) -> tuple[str, ...]:
        """Every number of the policy behind the verdict: those of its rule, and the age of reports where there are any."""
        return (*self.thresholds, *FRESHNESS) if self.telemetry and self.kind == "automatic" else self.thresholds


class ReasonText(Document):
    """What a reason code says to the practitioner, and the technician's next step.

    Both may hold ``{placeholders}`` that are keys of the finding's evidence or threshold. ``short``: in a few words, for lists.
    """

    says: Text
    next: Text
    short: Text | None = None


class ControlsDocument(Document):
    """The document ``controls.yaml`` of a version. ``replaces``: ids of the version before → ids that took their place."""

    version: str
    as_of: date
    replaces: dict[str, ControlId] = Field(default_factory=dict)
    sources: dict[str, str]
    controls: Annotated[tuple[Control, ...], Field(strict=False, min_length=1)]


class RulesDocument(Document):
    """The document ``rules.yaml`` of a version."""

    rules: Annotated[tuple[Rule, ...], Field(strict=False, min_length=1)]


class ReasonsDocument(Document):
    """The document ``reasons.yaml``: reasons are the rules' own, the same for every version of the catalogue."""

    reasons: dict[str, ReasonText]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All texts of the posture. ``version`` names the edition of our wording; it is not a version of the ANS document."""

    version: str
    as_of: date
    rules: Mapping[int, Rule]
    controls: Mapping[str, Control]
    sources: Mapping[str, str]
    reasons: Mapping[str, ReasonText]
    replaces: Mapping[str, str]

    @property
    def weights(self) -> dict[str, int]:
        """Return what each control weighs in the score."""
        return {control.id: control.weight for control in self.controls.values()}
