"""The reflex steps, several editions side by side, none ever changed once incidents were declared under it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from vigie.incidents.rules import Clock
from vigie.posture.catalogue.documents import CatalogueError, Document, Names, read_as
from vigie.posture.catalogue.texts import Text

Who = Literal["anyone", "practitioner", "practice", "provider", "both"]


class Step(Document):
    """One step. The fields are explained at the head of the document."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z_]{2,39}$")]
    who: Who
    clock: Clock | None = None
    title: Text
    detail: Text
    when: Text
    sources: Annotated[Names, Field(min_length=1)]
    grade: Literal["B", "C"]


class Edition(Document):
    """The steps of an edition, in the order in which they are done."""

    version: Annotated[str, Field(pattern=r"^[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,3}$")]
    as_of: date
    sources: dict[str, str]
    steps: Annotated[tuple[Step, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [step.id for step in self.steps]
        if len(set(ids)) != len(ids):
            raise ValueError("a step stands twice")
        if sorted(filter(None, (step.clock for step in self.steps))) != ["cnil", "complaint"]:
            raise ValueError("each clock has one step")
        named = {source for step in self.steps for source in step.sources}
        if named != set(self.sources):
            raise ValueError("sources and those that are named differ")
        return self

    @property
    def by_id(self) -> dict[str, Step]:
        """Return the steps by their ids, in their order."""
        return {step.id: step for step in self.steps}


@dataclass(frozen=True, slots=True)
class Editions:
    """Every edition. `current` is what an incident is declared under; the others live as long as their incidents."""

    current: str
    editions: Mapping[str, Edition]

    def get(self, version: str | None = None) -> Edition:
        """Return an edition, the current one unless said otherwise. Raises `KeyError`."""
        return self.editions[version or self.current]


def read_editions(folder: Traversable) -> Editions:
    """Return every edition of a folder; raises `CatalogueError`, also when there is none."""
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    if not names:
        raise CatalogueError("there is no edition of the reflex steps")
    found = {}
    for name in names:
        edition = read_as(Edition, name, folder)
        if name != f"{edition.version}.yaml":
            raise CatalogueError(f"{name} says that it is version {edition.version}")
        found[edition.version] = edition
    return Editions(max(found, key=lambda version: [int(part) for part in version.split(".")]), found)


@cache
def load_steps() -> Editions:
    """Return every edition that comes with the program, read and checked once per process; raises `CatalogueError`."""
    return read_editions(resources.files("vigie.incidents").joinpath("editions"))
