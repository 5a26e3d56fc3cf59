"""Wire shapes of practices."""

from functools import cache
from typing import Annotated, Self
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vigie.core.sentences import BadValueError
from vigie.core.wire import Instant, refuse_emptied
from vigie.practices.identifiers import is_finess, is_siret
from vigie.practices.models import Profession


@cache
def _zones() -> frozenset[str]:
    # The standard library walks the whole zone database at each call, and opens every file of it: 15 to 40 ms.
    return frozenset(available_timezones())


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise BadValueError("not a time zone of the IANA database", "Ce fuseau horaire n'existe pas.")
    return name


def _finess(text: str) -> str:
    if not is_finess(text):
        raise BadValueError(
            "not a FINESS number (nine characters with a valid key)",
            "Ce n'est pas un numéro FINESS : neuf caractères, dont une clé qui ne correspond pas.",
        )
    return text


def _siret(text: str) -> str:
    if not is_siret(text):
        raise BadValueError(
            "not a SIRET number (fourteen digits with a valid key)",
            "Ce n'est pas un numéro SIRET : quatorze chiffres, dont une clé qui ne correspond pas.",
        )
    return text


_Line = StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00-\x1f\x7f]+$")
Name = Annotated[str, _Line, Field(max_length=500)]
City = Annotated[str, _Line, Field(max_length=80)]
TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_known_zone)]
Finess = Annotated[str, Field(max_length=9), AfterValidator(_finess)]
Siret = Annotated[str, Field(max_length=14), AfterValidator(_siret)]
ExternalRef = Annotated[str, _Line, Field(max_length=64)]


class NewPractice(BaseModel):
    """A practice to create."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    profession: Profession
    time_zone: TimeZone = "Europe/Paris"
    city: City | None = None
    finess: Finess | None = None
    siret: Siret | None = None
    external_ref: ExternalRef | None = None


class PracticePatch(BaseModel):
    """What to change; a field that is absent stays, null empties it where the field may be empty."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    profession: Profession | None = None
    time_zone: TimeZone | None = None
    city: City | None = None
    finess: Finess | None = None
    siret: Siret | None = None
    external_ref: ExternalRef | None = None

    @model_validator(mode="after")
    def _required_stay(self) -> Self:
        refuse_emptied(self, "name", "profession", "time_zone")
        return self


class ResponsibleIn(BaseModel):
    """Who is to look after the practice; null: nobody of its own."""

    model_config = ConfigDict(extra="forbid")

    member_id: UUID | None


class ResponsibleOut(BaseModel):
    """A member of the provider, by whom a practice is looked after."""

    id: UUID
    name: str


class PracticeOut(BaseModel):
    """A practice."""

    id: UUID
    name: str
    profession: str
    time_zone: str
    city: str | None
    finess: str | None
    siret: str | None
    external_ref: str | None
    created_at: Instant
    updated_at: Instant
    archived_at: Instant | None


class ImportQuery(BaseModel):
    """How to import practices."""

    model_config = ConfigDict(extra="forbid")

    dry_run: bool = Field(default=False, description="Check every row, create nothing.")


class ImportedOut(BaseModel):
    """A row of a list of practices."""

    row: int = Field(description="As a spreadsheet counts: the first row of a CSV names the columns.")
    name: str
    city: str | None
    id: UUID | None = Field(description="Of the practice that was created; null in a dry run.")
    known: bool = Field(description="A practice of this name was there before.")


class ImportOut(BaseModel):
    """What came of a list of practices, row by row."""

    dry_run: bool
    practices: list[ImportedOut]
