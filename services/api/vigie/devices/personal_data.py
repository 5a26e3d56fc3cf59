"""Recognise a report that speaks of a patient, before it is validated, stored or logged.

A heartbeat has no place for a person (docs/protocol.md §4). Should an agent of tomorrow, a faulty one or a curious partner
put one in, the body is refused whole: `find_personal_data` says only of which kind the find is, never what it was.

Three kinds are looked for: French social security numbers (NIR) with a valid key, DICOM tags of the patient module, and
keys that name a person or an illness. It runs on every request, so a coarse pass over the bytes comes first and only
what that pass cannot clear is parsed.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import orjson

_KEY_STEMS = ("patient", "birth", "naissance", "stname", "diagnos")  # `stname` ends first name and last name
_WHOLE_KEYS = frozenset({"nir", "ssn", "nom", "prenom"})
_DICOM_KEYWORDS = frozenset(
    {
        "patientname",
        "patientid",
        "patientbirthdate",
        "patientsex",
        "patientaddress",
        "otherpatientids",
        "patientcomments",
    }
)
_DICOM_TAG = re.compile(r"\(0010, ?[0-9A-Fa-f]{4}\)")
_DICOM_KEY = re.compile(r"0010[0-9A-Fa-f]{4}")

_SEPARATORS = " .\u00a0\u202f-"
_GAP = f"[{_SEPARATORS}]?"
_NIR = re.compile(
    r"(?<![0-9A-Fa-f])"
    + _GAP.join(
        (
            "([1-478])",  # sex, provisional numbers included
            "([0-9]{2})",  # year
            "(0[1-9]|1[0-2]|20|3[0-9]|4[0-2]|[5-9][0-9])",  # month, or what stands for an unknown one
            "([0-9]{2}|2[ABab])",  # department
            "([0-9]{3})",
            "([0-9]{3})",
            "([0-9]{2})",  # key
        )
    )
    + r"(?![0-9A-Fa-f])"
)
_CORSICA = {"2A": "19", "2B": "18"}
_NIR_MODULUS = 97

# The coarse pass. Hexadecimal digits become 0, other letters small, and every byte that no mark needs disappears: what
# may stand between the groups of a number or the words of a key, and half of the volume. Searching the remainder for fixed
# marks clears a normal body in a few tens of microseconds; one regular expression over the same bytes takes twice that.
_HEX = b"0123456789abcdefABCDEF"
_FLATTEN = bytes(ord("0") if code in _HEX else code for code in bytes(range(128)).lower()) + bytes(range(128, 256))
_MARKS = (
    b"0" * 15,  # a NIR, Corsica's letters included
    b'"00000000":',  # a DICOM tag as a key
    b'"nir":',
    b'"ssn":',
    b'nom":',  # ends the key `prenom`, whatever its accent became
    *(stem.encode().translate(_FLATTEN) for stem in _KEY_STEMS),
)
_KEPT = frozenset(b"".join(_MARKS)) | {ord(",")}  # without commas, a list of ports would read as one long number
_DROPPED = bytes(code for code in range(256) if _FLATTEN[code] not in _KEPT)
_ESCAPE_OR_TAG = (b"\\", b"(")  # an escape could hide anything from the coarse pass


def find_personal_data(body: bytes) -> str | None:
    """Return ``"nir"``, ``"dicom"`` or ``"forbidden_key"`` if the body holds such a thing, else None.

    The kind is stable and safe to count and to answer; the find itself is not returned. Numbers are not text: a count of
    15 digits is no NIR. A body that is not JSON gives None, its refusal is another's task.
    """
    flat = body.translate(_FLATTEN, _DROPPED)
    for mark in _MARKS:
        if mark in flat:
            return _inspect(body)
    for mark in _ESCAPE_OR_TAG:
        if mark in body:
            return _inspect(body)
    return None


def _inspect(body: bytes) -> str | None:
    """Parse a suspect body and look at each of its strings."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    for text, is_key in _strings(document):
        kind = _kind(text, is_key=is_key)
        if kind is not None:
            return kind
    return None


def _strings(document: Any) -> Iterator[tuple[str, bool]]:
    """Yield each string of a document and whether it is a key; without recursion, for the depth is the sender's choice."""
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            yield node, False
        elif isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            for key, value in node.items():
                yield key, True
                waiting.append(value)


def _kind(text: str, *, is_key: bool) -> str | None:
    """Say what a string gives away, if anything."""
    if any(_key_holds(found) for found in _NIR.finditer(text)):
        return "nir"
    if _DICOM_TAG.search(text) or text.lower() in _DICOM_KEYWORDS:
        return "dicom"
    if not is_key:
        return None
    if _DICOM_KEY.fullmatch(text):
        return "dicom"
    name = "".join(mark for mark in unicodedata.normalize("NFKD", text.lower()) if mark.isalnum())
    return "forbidden_key" if name in _WHOLE_KEYS or any(stem in name for stem in _KEY_STEMS) else None


def _key_holds(found: re.Match[str]) -> bool:
    """Check the two-digit key of a NIR: 97 minus the rest of the number divided by 97."""
    sex, year, month, department, commune, order, key = found.groups()
    department = _CORSICA.get(department.upper(), department)
    number = int(sex + year + month + department + commune + order)
    return _NIR_MODULUS - number % _NIR_MODULUS == int(key)
