"""Reading a list of practices to create: CSV as a spreadsheet saves it, or JSON lines. Pure: no database, no clock, no framework.

A table in French is as good as one in English: columns and professions are known by both their names. Every row is looked at,
and every fault told with its row and its column, so that a list is put right in one go.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

import orjson
from pydantic import ValidationError

from vigie.core.sentences import Sentence
from vigie.practices.models import Profession
from vigie.practices.schemas import NewPractice

Format = Literal["text/csv", "application/x-ndjson"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
MOST_ROWS: Final = 1000
_HEAD: Final = 1
"""The row that names the columns, as a spreadsheet counts."""

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("name", "nom", "cabinet", "practice"),
    "profession": ("profession", "metier"),
    "city": ("city", "ville", "commune"),
    "external_ref": ("external_ref", "reference", "ref", "votre reference", "code client"),
    "finess": ("finess",),
    "siret": ("siret",),
    "time_zone": ("time_zone", "time zone", "fuseau", "fuseau horaire"),
}
_PROFESSIONS: Final[Mapping[Profession, tuple[str, ...]]] = {
    "dentist": ("dentiste", "chirurgien-dentiste", "cabinet dentaire"),
    "orthodontist": ("orthodontiste",),
    "physician": ("medecin", "medecin generaliste", "doctor", "cabinet medical"),
    "midwife": ("sage-femme",),
    "nurse": ("infirmier", "infirmiere"),
    "physiotherapist": ("kinesitherapeute", "masseur-kinesitherapeute", "kine"),
    "podiatrist": ("podologue", "pedicure-podologue"),
    "speech_therapist": ("orthophoniste", "speech therapist"),
    "orthoptist": ("orthoptiste",),
    "veterinarian": ("veterinaire", "vet"),
    "pharmacist": ("pharmacien", "pharmacienne", "pharmacie", "pharmacy"),
    "laboratory": ("laboratoire",),
    "other": ("autre", "autre profession"),
}
_WANTED: Final[Mapping[str, Sentence]] = {
    "name": Sentence("a name of one line, 500 characters at most", "un nom d'une ligne, 500 caractères au plus"),
    "profession": Sentence("a profession that is known here", "une profession connue ici"),
    "city": Sentence("a city of one line, 80 characters at most", "une ville d'une ligne, 80 caractères au plus"),
    "external_ref": Sentence(
        "a reference of one line, 64 characters at most",
        "une référence d'une ligne, 64 caractères au plus",
    ),
    "finess": Sentence(
        "a FINESS number: nine characters, the key right", "un numéro FINESS : neuf caractères, clé juste"
    ),
    "siret": Sentence(
        "a SIRET number: fourteen digits, the key right", "un numéro SIRET : quatorze chiffres, clé juste"
    ),
    "time_zone": Sentence("a time zone such as Europe/Paris", "un fuseau horaire, comme Europe/Paris"),
}
_NOT_TEXT: Final = Sentence("not readable as UTF-8 text", "illisible : ce n'est pas du texte en UTF-8")
_NOT_CSV: Final = Sentence("not readable as CSV", "illisible : ce n'est pas du CSV")
_NOT_JSON: Final = Sentence("not a JSON object", "ce n'est pas un objet JSON")
_EMPTY: Final = Sentence("there is no row", "aucune ligne")
_TOO_MANY: Final = Sentence(f"more than {MOST_ROWS} rows", f"plus de {MOST_ROWS} lignes")
_NO_COLUMN: Final = Sentence("the column is missing", "la colonne manque")
_UNKNOWN_COLUMN: Final = Sentence("no such column", "colonne inconnue")
_COLUMN_TWICE: Final = Sentence("the column is there twice", "la colonne est en double")
_TOO_LONG: Final = Sentence("more fields than columns", "plus de champs que de colonnes")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a row, as a spreadsheet counts rows, in both languages; `column` is None where it is the row as a whole."""

    row: int
    column: str | None
    reason: Sentence


@dataclass(frozen=True, slots=True)
class Listed:
    """A practice to create, and the row it stands in."""

    row: int
    new: NewPractice


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was read: the practices of the rows that are right, and every fault of the others."""

    practices: list[Listed]
    faults: list[Fault]


def read_sheet(content: bytes, kind: Format) -> Sheet:
    """Return the practices that a list names, and what is wrong in it; empty fields are left to their defaults."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Sheet([], [Fault(_HEAD, None, _NOT_TEXT)])
    faults: list[Fault] = []
    practices: list[Listed] = []
    references: dict[str, int] = {}
    rows = 0
    for row, given in (_of_csv if kind == "text/csv" else _of_json_lines)(text, faults):
        rows += 1
        if rows > MOST_ROWS:
            faults.append(Fault(row, None, _TOO_MANY))
            break
        made = _practice(row, given, faults)
        if made is None:
            continue
        reference = made.external_ref
        if reference is not None and (first := references.setdefault(reference, row)) != row:
            faults.append(Fault(row, "external_ref", _twice(first)))
            continue
        practices.append(Listed(row, made))
    if not rows and not faults:
        faults.append(Fault(_HEAD, None, _EMPTY))
    return Sheet(practices, sorted(faults, key=lambda each: each.row))


def _twice(first: int) -> Sentence:
    return Sentence(f"the reference stands in row {first} already", f"la référence figure déjà à la ligne {first}")


def _of_csv(text: str, faults: list[Fault]) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Yield the rows of a table below its head; whichever of comma, semicolon and tab its head uses parts its fields."""
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        columns = list(_columns(next(reader, []), faults))
        if faults:
            return
        for fields in reader:
            row = reader.line_num
            if len(fields) > len(columns) and any(fields[len(columns) :]):
                faults.append(Fault(row, None, _TOO_LONG))
            elif any(field.strip() for field in fields):
                yield row, dict(zip(columns, fields, strict=False))
    except csv.Error:
        faults.append(Fault(max(reader.line_num, _HEAD), None, _NOT_CSV))


def _columns(head: Iterable[str], faults: list[Fault]) -> Iterator[str]:
    seen: set[str] = set()
    for named in head:
        known = next((column for column, names in _COLUMNS.items() if _bare(named) in names), None)
        if known is None:
            faults.append(Fault(_HEAD, named.strip()[:64], _UNKNOWN_COLUMN))
        elif known in seen:
            faults.append(Fault(_HEAD, known, _COLUMN_TWICE))
        else:
            seen.add(known)
            yield known
    if not faults:
        faults.extend(Fault(_HEAD, column, _NO_COLUMN) for column in ("name", "profession") if column not in seen)


def _of_json_lines(text: str, faults: list[Fault]) -> Iterator[tuple[int, Mapping[str, object]]]:
    for row, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            faults.append(Fault(row, None, _NOT_JSON))
        elif unknown := sorted(set(found) - set(_COLUMNS)):
            faults.append(Fault(row, unknown[0][:64], _UNKNOWN_COLUMN))
        else:
            yield row, found


def _practice(row: int, given: Mapping[str, object], faults: list[Fault]) -> NewPractice | None:
    told = {name: _tidy(name, value) if isinstance(value, str) else value for name, value in given.items()}
    told = {name: value for name, value in told.items() if value is not None and value != ""}
    if isinstance(said := told.get("profession"), str):
        told["profession"] = _profession(said)
    try:
        return NewPractice.model_validate(told)
    except ValidationError as error:
        columns = dict.fromkeys(str(fault["loc"][0]) for fault in error.errors())
        faults.extend(Fault(row, column, _WANTED[column]) for column in columns)
        return None


def _tidy(column: str, text: str) -> str:
    """Return a field without the spaces around it; numbers of establishments are often written in groups."""
    return "".join(text.split()) if column in {"finess", "siret"} else text.strip()


def _profession(said: str) -> str:
    wanted = _bare(said)
    return next((known for known, names in _PROFESSIONS.items() if wanted == known or wanted in names), said)


def _bare(text: str) -> str:
    """Return a text as it is compared: in small letters, without accents, its spaces single."""
    parted = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(each for each in parted if not unicodedata.combining(each)).split())
