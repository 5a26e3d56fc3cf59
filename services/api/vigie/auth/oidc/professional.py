"""A health professional as Pro Santé Connect's user info describes them.

Shapes and traps: the claims of ANS's own code. Lists are lists (a person has several ways of exercising and several places),
an empty string is absent, what is of another type is absent, and nothing is ever taken from the first entry silently.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

PROFESSION_OID: Final = "1.2.250.1.213.1.1.5.5"
"""The value set under which `SubjectRole` names health professions; the same number elsewhere is another profession."""

FULL_CATEGORIES: Final = frozenset({"C", "M"})
"""Civil and military professionals. Students carry the same profession codes in another category."""


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
        """The profession codes in which the person has full rights."""
        raise NotImplementedError


def text(value: Any, longest: int = 255) -> str | None:
    """Return a claim as text: None when it is absent, empty, no text at all or longer than any of its kind."""
    found = value.strip() if isinstance(value, str) else ""
    return found if 0 < len(found) <= longest else None


def parse_professional(claims: Mapping[str, Any]) -> Professional:
    """Return what the user info of Pro Santé Connect says about a person. Never fails: what is not understood is absent."""
    raise NotImplementedError
