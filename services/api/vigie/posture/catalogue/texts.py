"""Control points, rules and sentences, as the console, the reports and the API show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Annotated, Literal

from pydantic import Field

from vigie.posture.catalogue.documents import Document, Names, read_document
from vigie.posture.rules.score import ESSENTIAL_WEIGHT

Kind = Literal["automatic", "provider", "practice"]
Party = Literal["practice", "provider", "supplier"]
Aggregate = Literal["worst", "best", "practice"]
Every = Annotated[str, Field(pattern="^(continuous|per_event|[1-9][0-9]?m)$")]


class Text(Document):
    """A text in the two languages of the product."""

    fr: Annotated[str, Field(min_length=2)]
    en: Annotated[str, Field(min_length=2)]


class Rule(Document):
    """One of the ten rules of the ANS mémento."""

    id: Annotated[int, Field(ge=1, le=10)]
    title: Text


class Control(Document):
    """A control point: what is asked, who answers, how often, and what to do when the answer is no.

    ``kind``: who decides (the agent's telemetry or dated records, the provider, the practice). ``every``: how long an
    answer holds (``12m``), or ``continuous``, or ``per_event``. ``aggregate``: how devices make the practice's state;
    ``practice`` when there is one answer for the whole practice. ``grade``: how well the source is known (see the document).
    """

    id: Annotated[str, Field(pattern=r"^ANS-([1-9]|10)\.[1-9][0-9]?$")]
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
    implemented: bool = False

    @property
    def every_months(self) -> int | None:
        """Months after which an answer must be given again; None when no answer expires by date."""
        return int(self.every[:-1]) if self.every.endswith("m") else None


class ReasonText(Document):
    """What a reason code says to the practitioner, and the technician's next step.

    Both may hold ``{placeholders}`` that are keys of the finding's evidence or threshold.
    """

    says: Text
    next: Text


class _Controls(Document):
    version: str
    as_of: date
    sources: dict[str, str]
    controls: Annotated[tuple[Control, ...], Field(strict=False)]


class _Rules(Document):
    rules: Annotated[tuple[Rule, ...], Field(strict=False)]


class _Reasons(Document):
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

    @property
    def weights(self) -> dict[str, int]:
        """Return what each control weighs in the score."""
        return {control.id: ESSENTIAL_WEIGHT if control.essential else 1 for control in self.controls.values()}


@cache
def load_catalogue() -> Catalogue:
    """Return the catalogue, in the order of the documents; read and checked once per process."""
    controls = _Controls.model_validate(read_document("controls.yaml"))
    rules = _Rules.model_validate(read_document("rules.yaml"))
    reasons = _Reasons.model_validate(read_document("reasons.yaml"))
    return Catalogue(
        version=controls.version,
        as_of=controls.as_of,
        rules={rule.id: rule for rule in rules.rules},
        controls={control.id: control for control in controls.controls},
        sources=controls.sources,
        reasons=reasons.reasons,
    )
