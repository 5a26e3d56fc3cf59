"""A health professional as Pro Santé Connect's user info describes them.

Shapes and traps: the claims of ANS's own code. Lists are lists (a person has several ways of exercising and several places),
an empty string is absent, what is of another type is absent, and nothing is ever taken from the first entry silently.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

PROFESSION_OID: Final = "1.2.250.1.213.1.1.5.5"
"""The value set under which `SubjectRole` names health professions; the same number elsewhere is another profession."""

FULL_CATEGORIES: Final = frozenset({"C", "M"})
"""Civil and military professionals. Students carry the same profession codes in another category."""

_RPPS: Final = re.compile(r"8(?P<number>[0-9]{11})")
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Coded:
    """A code and the table it belongs to: `40^1.2.250.1.213.1.1.5.5`; `oid` is None when none was given."""

    code: str
    oid: str | None


@dataclass(frozen=True, slots=True)
class OtherId:
    """Another number of the same person, and who gave it (`RPPS`, `ADELI`, `EDIT`…)."""

    value: str
    origin: str | None
    quality: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One place and way of working. `mode`: `L` self-employed, `S` employed."""

    mode: str | None = None
    sector: str | None = None
    role: str | None = None
    kind: str | None = None
    structure_name: str | None = None
    structure_id: str | None = None
    siret: str | None = None
    siren: str | None = None
    finess_site: str | None = None
    finess_legal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercise:
    """One profession as it is exercised (`exercices` of `SubjectRefPro`), with its category and its places."""

    profession: str | None = None
    category: str | None = None
    know_how_kind: str | None = None
    know_how: str | None = None
    activities: tuple[Activity, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Professional:
    """What Pro Santé Connect says about a person; numbers are kept out of `repr`.

    `national_id` is `SubjectNameID` as it came; `rpps` its eleven digits when it is an RPPS number, else None.
    `professions` are the profession codes (TRE_G15) in which the person has full rights: a student has none, and somebody
    without any reference entry is identified and has none.
    """

    national_id: str | None = field(default=None, repr=False)
    rpps: str | None = field(default=None, repr=False)
    rpps_key_valid: bool | None = None
    other_ids: tuple[OtherId, ...] = field(default=(), repr=False)
    roles: tuple[Coded, ...] = ()
    exercises: tuple[Exercise, ...] = field(default=(), repr=False)
    auth_mode: str | None = None
    assurance: Coded | None = None
    sector: Coded | None = None
    organisation: str | None = field(default=None, repr=False)
    organisation_id: str | None = field(default=None, repr=False)

    @property
    def professions(self) -> frozenset[str]:
        """The profession codes in which the person has full rights.

        The exercises decide. Where `SubjectRole` names health professions at all, it must agree.
        """
        named = {role.code for role in self.roles if role.oid == PROFESSION_OID}
        exercised = {
            exercise.profession
            for exercise in self.exercises
            if exercise.profession is not None and exercise.category in FULL_CATEGORIES
        }
        return frozenset(exercised & named if named else exercised)


def text(value: Any, longest: int = 255) -> str | None:
    """Return a claim as text: None when it is absent, empty, no text, longer than any of its kind, or has invisible characters."""
    found = value.strip() if isinstance(value, str) else ""
    if not 0 < len(found) <= longest or any(unicodedata.category(character).startswith("C") for character in found):
        return None
    return found


def parse_professional(claims: Mapping[str, Any]) -> Professional:
    """Return what the user info of Pro Santé Connect says about a person. Never fails: what is not understood is absent."""
    national_id = text(claims.get("SubjectNameID"))
    rpps = _rpps(national_id)
    reference = claims.get("SubjectRefPro")
    return Professional(
        national_id=national_id,
        rpps=rpps,
        rpps_key_valid=None if rpps is None else has_luhn_key(rpps),
        # one ANS model spells it the other way
        other_ids=tuple(filter(None, map(_other_id, _objects(claims.get("otherIds") or claims.get("otherIDs"))))),
        roles=tuple(filter(None, map(_coded, _items(claims.get("SubjectRole"))))),
        exercises=tuple(map(_exercise, _objects(_member(reference, "exercices")))),
        auth_mode=text(claims.get("authMode")),
        assurance=_coded(claims.get("Palier_Authentification")),
        sector=_coded(claims.get("Secteur_Activite")),
        organisation=text(claims.get("SubjectOrganization")),
        organisation_id=text(claims.get("SubjectOrganizationID")),
    )


def has_luhn_key(digits: str) -> bool:
    """Whether the last digit is the Luhn key of the others. For reports only: test identities that are asserted lack it."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        digit = int(character) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit  # noqa: PLR2004 - the sum of two digits
    return total % 10 == 0


def _rpps(national_id: str | None) -> str | None:
    """Return the RPPS number in a national identifier: `8` and eleven digits. `0` is ADELI, `ANS…` a test identity."""
    found = _RPPS.fullmatch(national_id or "")
    return found["number"] if found else None


def _items(value: Any) -> list[Any]:
    """Return a list as it is, a lone text as a list of one, anything else as none."""
    if isinstance(value, str):
        return [value]
    return value[:_MOST] if isinstance(value, list) else []


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in _items(value) if isinstance(item, dict)]


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _code(value: Any) -> str | None:
    """Return a code; some mappers turn those made of digits into numbers."""
    return text(str(value) if isinstance(value, int) and not isinstance(value, bool) else value)


def _coded(value: Any) -> Coded | None:
    """Read `code^OID`."""
    code, _, oid = (text(value) or "").partition("^")
    return Coded(code, oid or None) if code else None


def _other_id(document: Mapping[str, Any]) -> OtherId | None:
    value = _code(document.get("identifiant"))
    return OtherId(value, text(document.get("origine")), text(_code(document.get("qualite")))) if value else None


def _exercise(document: Mapping[str, Any]) -> Exercise:
    return Exercise(
        profession=_code(document.get("codeProfession")),
        category=_code(document.get("codeCategorieProfessionnelle")),
        know_how_kind=_code(document.get("codeTypeSavoirFaire")),
        know_how=_code(document.get("codeSavoirFaire")),
        activities=tuple(map(_activity, _objects(document.get("activities")))),
    )


def _activity(document: Mapping[str, Any]) -> Activity:
    return Activity(
        mode=_code(document.get("codeModeExercice")),
        sector=_code(document.get("codeSecteurDactivite")),
        role=_code(document.get("codeRole")),
        kind=_code(document.get("codeGenreActivite")),
        structure_name=text(document.get("raisonSocialeSite")) or text(document.get("enseigneCommercialeSite")),
        structure_id=_code(document.get("identifiantTechniqueDeLaStructure")),
        siret=_code(document.get("numeroSiretSite")),
        siren=_code(document.get("numeroSirenSite")),
        finess_site=_code(document.get("numeroFinessSite")),
        finess_legal=_code(document.get("numeroFinessetablissementJuridique")),
    )
