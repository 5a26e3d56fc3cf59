"""A body that speaks of a patient is recognised by kind; a body that only looks like it is not."""

import json
from typing import Any

import pytest

from vigie.devices.hb1.examples import FULL, QUIET
from vigie.devices.personal_data import find_personal_data

NUMBER = "1850578006084"  # invented; its key follows from the rule: 97 - number mod 97
KEY = f"{97 - int(NUMBER) % 97:02}"
NIR = NUMBER + KEY
WRONG_KEY = f"{int(KEY) % 97 + 1:02}"


def with_key(number: str) -> str:
    digits = number.replace("2A", "19").replace("2B", "18")
    return number + f"{97 - int(digits) % 97:02}"


def body(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def spaced(nir: str, gap: str) -> str:
    return gap.join((nir[0], nir[1:3], nir[3:5], nir[5:7], nir[7:10], nir[10:13], nir[13:]))


def test_the_key_of_the_samples_is_the_known_one() -> None:
    """A published example of the rule (2 55 08 14 168 025, key 38), so that the helper above is itself checked."""
    assert with_key("2550814168025") == "255081416802538"


@pytest.mark.parametrize("document", [QUIET, FULL])
def test_an_honest_heartbeat_is_clean(document: dict[str, Any]) -> None:
    assert find_personal_data(body(document)) is None
    assert find_personal_data(json.dumps(document, separators=(",", ":")).encode()) is None


@pytest.mark.parametrize(
    "text",
    [
        NIR,
        f"{NUMBER} {KEY}",
        spaced(NIR, " "),
        spaced(NIR, "."),
        spaced(NIR, "-"),
        spaced(NIR, "\u00a0"),
        spaced(NIR, "\u202f"),
        f"dossier {NIR}, suite",
        f"nir:{NIR}",
        f"sauvegarde_{NIR}.zip",
        with_key("285052A006084"),
        with_key("285052B006084"),
        with_key("285052a006084".upper()).lower(),
        spaced(with_key("285052B006084"), " "),
        with_key("7850578006084"),
        with_key("8850578006084"),
        with_key("3850578006084"),
        with_key("1852078006084"),
        with_key("1853078006084"),
        with_key("1854278006084"),
        with_key("1855078006084"),
        with_key("1859978006084"),
    ],
)
def test_a_social_security_number_in_a_string_is_found(text: str) -> None:
    assert find_personal_data(body({"sections": {"x": [{"y": text}]}})) == "nir"


@pytest.mark.parametrize(
    "text",
    [
        NUMBER + WRONG_KEY,
        NUMBER,
        "9" + NIR,
        NIR + "9",
        "a" + NIR,
        NIR + "f",
        with_key("5850578006084"),
        with_key("1851378006084"),
        with_key("1854378006084"),
        with_key("1850078006084"),
        spaced(NIR, "  "),
        spaced(NIR, "/"),
        "285052C00608412",
        "10.0.26100.6899",
        "2026-11-21T08:17:42Z",
    ],
)
def test_what_only_resembles_a_social_security_number_is_not(text: str) -> None:
    assert find_personal_data(body({"sections": {"x": [{"y": text}]}})) is None


def test_a_number_of_the_same_digits_is_not_text() -> None:
    assert find_personal_data(body({"bytes": NIR})) == "nir"
    assert find_personal_data(body({"bytes": int(NIR)})) is None


def test_digits_of_neighbouring_strings_do_not_add_up() -> None:
    assert find_personal_data(body({"a": [NIR[:8], NIR[8:]]})) is None


def test_a_number_as_a_key_is_found_too() -> None:
    assert find_personal_data(body({NIR: 1})) == "nir"


@pytest.mark.parametrize(
    "key",
    [
        "patient", "Patient", "PATIENTS", "patient_file", "nom_patient", "nir", "NIR", "ssn", "birth_date", "birthDate",
        "Date of birth", "date_naissance", "lieu-de-naissance", "last_name", "lastName", "LASTNAME", "first_name", "prenom",
        "Prénom", "nom",
        "diagnosis", "diagnostic_principal",
    ],
)  # fmt: skip
def test_a_key_that_speaks_of_a_person_is_found_at_any_depth(key: str) -> None:
    assert find_personal_data(body(QUIET | {"sections": {"os": {"data": [{key: 1}]}}})) == "forbidden_key"


@pytest.mark.parametrize("key", ["name", "job", "patch", "nirvana", "ssn_like", "unir", "family", "renom", "deadbeef"])
def test_a_key_that_resembles_one_is_not(key: str) -> None:
    assert find_personal_data(body({key: 1})) is None


def test_a_backup_job_may_be_called_after_what_it_protects() -> None:
    """The word is forbidden as a key, not as a value: `base-patients` is a name technicians give."""
    assert find_personal_data(body({"job": "base-patients"})) is None
    assert find_personal_data(body({"base-patients": "job"})) == "forbidden_key"


@pytest.mark.parametrize(
    "document",
    [
        {"tag": "(0010,0010)"},
        {"tag": "(0010, 0030) DUPONT"},
        {"(0010,0020)": 1},
        {"00100010": {"vr": "PN"}},
        {"001021B0": 1},
        {"PatientName": "x"},
        {"PatientID": "x"},
        {"tag": "PatientName"},
        {"patientbirthdate": 1},
    ],
)
def test_a_dicom_tag_of_a_patient_is_found(document: dict[str, Any]) -> None:
    assert find_personal_data(body(document)) == "dicom"


@pytest.mark.parametrize("document", [{"kb": "00100010"}, {"tag": "(0008,0060)"}, {"00080060": 1}, {"0010001": 1}])
def test_other_tags_and_numbers_are_not(document: dict[str, Any]) -> None:
    assert find_personal_data(body(document)) is None


def test_an_escape_hides_nothing() -> None:
    assert find_personal_data(b'{"pa\\u0074ient": 1}') == "forbidden_key"
    assert find_personal_data(b'{"a": "\\u0031' + NIR[1:].encode() + b'"}') == "nir"
    assert find_personal_data(b'{"a": "\\u0031' + NUMBER[1:].encode() + WRONG_KEY.encode() + b'"}') is None


def test_a_body_that_is_not_json_or_very_deep_is_answered_without_harm() -> None:
    assert find_personal_data(b'{"patient": ') is None
    assert find_personal_data(b"\xff\xfe patient") is None
    assert find_personal_data(b"[" * 100_000 + b'"patient"' + b"]" * 100_000) is None
    assert find_personal_data(b"[" * 500 + b'{"patient":1}' + b"]" * 500) == "forbidden_key"
