"""The supplier questionnaires: four per edition, several editions side by side, none ever changed once it is out."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources.abc import Traversable
from typing import Annotated, Literal, Self

import orjson
from pydantic import Field, model_validator

from vigie.posture.catalogue.documents import CatalogueError, Document, Names, own_folder, read_content, validated
from vigie.posture.catalogue.library import known_versions, load_catalogue
from vigie.posture.catalogue.texts import Text

FOLDER = "questionnaire_editions"
Part = Literal["yes_no", "text", "date", "document"]
Choice = Literal["yes", "no", "not_applicable"]
QuestionnaireGrade = Literal["A", "B", "C", "A/B", "B/C"]


class Question(Document):
    """One question. The fields are explained at the head of the document."""

    id: Annotated[str, Field(pattern=r"^Q[1-4]\.[1-9][0-9]?$")]
    text: Text
    parts: Annotated[tuple[Part, ...], Field(strict=False, min_length=1)]
    detail: Text | None = None
    evidence: Text
    answered_by: Names = ()
    denied_by: Names = ()
    grade: QuestionnaireGrade

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.parts)) != len(self.parts):
            raise ValueError(f"{self.id}: a part stands twice")
        if (self.detail is not None) != ("yes_no" in self.parts and len(self.parts) > 1):
            raise ValueError(f"{self.id}: a detail goes with parts beside yes_no, and only with them")
        named = (*self.answered_by, *self.denied_by)
        if named and "yes_no" not in self.parts:
            raise ValueError(f"{self.id}: controls answer yes or no, which is not asked")
        if len(set(named)) != len(named):
            raise ValueError(f"{self.id}: a control stands twice")
        return self


class Questionnaire(Document):
    """One of the four: whom it concerns is decided by the services of a supplier; ``control`` is what signing it feeds."""

    kind: Annotated[int, Field(ge=1, le=4)]
    control: Literal["ANS-9.2", "ANS-9.3", "ANS-9.4", "ANS-9.5"]
    title: Text
    questions: Annotated[tuple[Question, ...], Field(strict=False, min_length=1)]

    @property
    def by_id(self) -> dict[str, Question]:
        """Return the questions by their ids, in their order."""
        return {question.id: question for question in self.questions}

    @property
    def controls(self) -> frozenset[str]:
        """Return every control that may answer one of its questions."""
        return frozenset(name for each in self.questions for name in (*each.answered_by, *each.denied_by))


class _Edition(Document):
    version: Annotated[str, Field(pattern=r"^[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,3}$")]
    as_of: date
    comment_on: Annotated[frozenset[Choice], Field(strict=False)]
    questionnaires: Annotated[tuple[Questionnaire, ...], Field(strict=False)]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if [each.kind for each in self.questionnaires] != [1, 2, 3, 4]:
            raise ValueError("an edition holds the questionnaires 1 to 4, in this order")
        for each in self.questionnaires:
            ids = [question.id for question in each.questions]
            if each.control != f"ANS-9.{each.kind + 1}":
                raise ValueError(f"questionnaire {each.kind} feeds {each.control}")
            if ids != [f"Q{each.kind}.{number}" for number in range(1, len(ids) + 1)]:
                raise ValueError(f"questionnaire {each.kind}: its questions are not numbered in order")
        return self


@dataclass(frozen=True, slots=True)
class Template:
    """One questionnaire of one edition, as it is filled in.

    ``comment_on``: the answers that need a comment. ``digest``: SHA-256 over all of it, lower-case hexadecimal; what is
    signed names it, so that a text that was changed after all would be noticed.
    """

    version: str
    questionnaire: Questionnaire
    comment_on: frozenset[Choice]
    digest: str

    @property
    def kind(self) -> int:
        """Which of the four it is."""
        return self.questionnaire.kind


@dataclass(frozen=True, slots=True)
class Templates:
    """Every edition. ``current`` is what new questionnaires are made from; the others live as long as somebody uses them."""

    current: str
    editions: Mapping[str, Mapping[int, Template]]

    def get(self, kind: int, version: str | None = None) -> Template:
        """Return a questionnaire of an edition, the current one unless said otherwise. Raises `KeyError`."""
        return self.editions[version or self.current][kind]


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def read_edition(name: str, folder: Traversable) -> dict[int, Template]:
    """Return the four questionnaires of a document of a folder; raises `CatalogueError` saying what is wrong with it."""
    raw = read_content(name, folder)
    edition = validated(_Edition, raw, name)
    if name != f"{edition.version}.yaml":
        raise CatalogueError(f"{name} says that it is version {edition.version}")
    # Of any version of the catalogue: an edition lives as long as what was signed in it, and may name a point that is no more.
    known = {control for version in known_versions() for control in load_catalogue(version).controls}
    found = {}
    for each, written in zip(edition.questionnaires, raw["questionnaires"], strict=True):
        unknown = each.controls - known
        if unknown:
            raise CatalogueError(f"{name}: no such control: {', '.join(sorted(unknown))}")
        # Over what stands in the document, not over what today's models make of it: a field they gain changes no digest.
        whole = {"version": edition.version, "comment_on": sorted(edition.comment_on), **written}
        digest = hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()
        found[each.kind] = Template(edition.version, each, edition.comment_on, digest)
    return found


def read_editions(folder: Traversable) -> Templates:
    """Return every edition of a folder; raises `CatalogueError`, also when there is none."""
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    if not names:
        raise CatalogueError("there is no edition of the questionnaires")
    editions = {name.removesuffix(".yaml"): read_edition(name, folder) for name in names}
    return Templates(max(editions, key=_order), editions)


@cache
def load_questionnaires() -> Templates:
    """Return every edition that comes with the program, read and checked once per process; raises `CatalogueError`."""
    return read_editions(own_folder().joinpath(FOLDER))
