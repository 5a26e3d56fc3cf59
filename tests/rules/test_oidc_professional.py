"""What Pro Santé Connect says about a person, and the traps in it."""

from typing import Any

import pytest

from tests.support.bad_idp import PAZ
from vigie.auth.oidc.professional import Coded, OtherId, has_luhn_key, parse_professional, text

OID, SOCIAL = "1.2.250.1.213.1.1.5.5", "1.2.250.1.213.1.6.1.4"


def exercise(profession: Any = "40", category: Any = "C", activities: Any = ()) -> dict[str, Any]:
    return {
        "codeProfession": profession,
        "codeCategorieProfessionnelle": category,
        "activities": list(activities) if isinstance(activities, tuple) else activities,
    }


def claims(*exercises: Any, **changed: Any) -> dict[str, Any]:
    return {**PAZ, "SubjectRefPro": {"exercices": list(exercises)}, **changed}


def test_everything_that_is_asserted_is_read() -> None:
    found = parse_professional(PAZ)
    assert (found.national_id, found.rpps, found.rpps_key_valid) == ("899700218896", "99700218896", True)
    assert found.other_ids == (OtherId("899700218896", "RPPS", "1"),)
    assert found.roles == (Coded("40", OID),)
    assert (found.auth_mode, found.assurance) == ("MOBILE", Coded("APPPRIP3", "1.2.250.1.213.1.5.1.1.1"))
    assert (found.sector, found.organisation) == (Coded("SA07", "1.2.250.1.71.4.2.4"), "CABINET CEDAR")
    assert found.organisation_id is None  # an empty string is absent
    (one,) = found.exercises
    assert (one.profession, one.category, one.know_how_kind) == ("40", "C", None)
    first, second = one.activities
    assert (first.mode, first.sector, first.siret, first.structure_name) == (
        *("L", "SA07", "00000000000018", "CABINET CEDAR"),
    )
    assert (second.mode, second.siret, second.finess_site, second.structure_name) == (
        *("S", None, "990000001", "CENTRE ELM"),
    )


def test_nothing_of_a_person_is_shown_by_accident() -> None:
    shown = repr(parse_professional(PAZ))
    for secret in ("99700218896", "CEDAR", "00000000000018", "990000001"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("national_id", "rpps", "key_valid"),
    [
        ("899700218896", "99700218896", True),
        ("899700366240", "99700366240", True),
        ("899700427885", "99700427885", True),
        ("810002000202", "10002000202", False),  # a test identity of MSSanté: asserted, so taken
        ("099700218", None, None),  # nothing that is documented
        ("0751234567", None, None),  # ADELI: 0 and nine digits
        ("ANS20231122132732", None, None),  # EDIT, the sandbox
        ("99700218896", None, None),  # no prefix: not how it is given
        ("8997002188961", None, None),
        ("89970021889", None, None),
        ("3997002188961/123", None, None),  # of an establishment
        ("8\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661", None, None),  # digits, but not these
        ("", None, None),
        (None, None, None),
        (["899700218896"], None, None),
    ],
)
def test_the_national_number_is_parsed_case_by_case(national_id: Any, rpps: str | None, key_valid: bool | None) -> None:  # noqa: FBT001
    found = parse_professional({**PAZ, "SubjectNameID": national_id})
    assert (found.rpps, found.rpps_key_valid) == (rpps, key_valid)
    assert found.national_id == (national_id if isinstance(national_id, str) and national_id else None)


def test_the_number_is_never_read_from_sub_or_other_ids() -> None:
    found = parse_professional({**PAZ, "SubjectNameID": "", "sub": "f:x:899700218896"})
    assert (found.national_id, found.rpps) == (None, None)
    assert found.other_ids[0].value == "899700218896"


@pytest.mark.parametrize(
    ("changed", "values"),
    [
        ({"otherIds": None, "otherIDs": [{"identifiant": "1", "origine": "ADELI"}]}, ["1"]),
        ({"otherIds": [{"identifiant": "1"}, {"identifiant": "2"}]}, ["1", "2"]),
        ({"otherIds": [{"identifiant": ""}, {"origine": "RPPS"}, "3", None]}, []),
        ({"otherIds": "899700218896"}, []),
        ({"otherIds": None}, []),
    ],
)
def test_other_numbers_come_in_either_spelling(changed: dict[str, Any], values: list[str]) -> None:
    assert [other.value for other in parse_professional({**PAZ, **changed}).other_ids] == values


@pytest.mark.parametrize(
    ("told", "professions"),
    [
        (claims(exercise("40")), {"40"}),
        (claims(exercise("40", "M")), {"40"}),
        (claims(exercise(40)), {"40"}),  # some mappers make numbers of digits
        (claims(exercise("40", "E")), set()),  # a student: same code, another table
        (claims(exercise("40", "")), set()),
        (claims(exercise("40", None)), set()),
        (claims(exercise("40", "E"), exercise("10", "C"), SubjectRole=[f"10^{OID}", f"40^{OID}"]), {"10"}),
        (claims(exercise("40"), exercise("10"), SubjectRole=[f"40^{OID}", f"10^{OID}"]), {"40", "10"}),
        (claims(exercise("40", "E"), exercise("40", "C")), {"40"}),
        (claims(exercise("40"), SubjectRole=[f"10^{OID}"]), set()),  # the two disagree
        (
            claims(exercise("41"), SubjectRole=[f"41^{SOCIAL}"]),
            {"41"},
        ),  # no health profession named: nothing to compare
        (claims(exercise("40"), SubjectRole=[f"41^{SOCIAL}", f"10^{OID}"]), set()),
        (claims(exercise("40"), SubjectRole=[f"40^{SOCIAL}", f"10^{OID}"]), set()),  # same number, another table
        (claims(exercise("40"), SubjectRole=["40"]), {"40"}),  # a role without a table says nothing
        (claims(exercise("40"), SubjectRole=[]), {"40"}),
        (claims(exercise("40"), SubjectRole=None), {"40"}),
        (claims(exercise("40"), SubjectRole=f"40^{OID}"), {"40"}),  # not a list
        (claims(SubjectRole=[f"40^{OID}"]), set()),  # a role alone has no category
        ({**PAZ, "SubjectRefPro": None}, set()),
        ({**PAZ, "SubjectRefPro": ""}, set()),
        ({**PAZ, "SubjectRefPro": {}}, set()),
        ({**PAZ, "SubjectRefPro": [{"exercices": [exercise()]}]}, set()),
        ({**PAZ, "SubjectRefPro": {"exercices": exercise()}}, set()),
        ({"sub": "a regular person"}, set()),
    ],
)
def test_who_has_full_rights_in_which_profession(told: dict[str, Any], professions: set[str]) -> None:
    assert parse_professional(told).professions == professions


def test_lists_are_read_whole_and_what_is_no_object_is_left_out() -> None:
    places: list[Any] = [{"codeModeExercice": "L"}, None, "S", {"codeModeExercice": "S"}, {}]
    found = parse_professional(claims(exercise(activities=places), "40", exercise("10")))
    assert [one.profession for one in found.exercises] == ["40", "10"]
    assert [place.mode for place in found.exercises[0].activities] == ["L", "S", None]


def test_a_list_without_end_is_cut() -> None:
    assert len(parse_professional(claims(*[exercise()] * 1000)).exercises) == 100


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("Paz", "Paz"),
        ("  Paz ", "Paz"),
        ("Zoé d'Août\u00a0II", "Zoé d'Août\u00a0II"),
        ("", None),
        ("  ", None),
        (None, None),
        (7, None),
        (["Paz"], None),
        ("a\0b", None),
        ("a\nb", None),
        ("\u202eztp", None),
        ("\ud800", None),
        ("x" * 255, "x" * 255),
        ("x" * 256, None),
    ],
)
def test_a_text_is_one_that_can_be_stored_and_shown(value: Any, read: str | None) -> None:
    assert text(value) == read


@pytest.mark.parametrize(("digits", "holds"), [("79927398713", True), ("79927398710", False), ("0", True)])
def test_the_luhn_key(digits: str, holds: bool) -> None:  # noqa: FBT001
    assert has_luhn_key(digits) is holds
