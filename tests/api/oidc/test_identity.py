"""Who signed in: what is read from where, and what is kept out of every log."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.bad_idp import PAZ, STAFF, SUBJECT, staff
from tests.support.sign_in import NOW, Scene
from vigie.auth.oidc.identity import Identity


async def identity(scene: Scene) -> Identity:
    """Sign in and return who it is."""
    return (await scene.sign_in()).identity


async def test_a_practitioner_is_who_pro_sante_connect_says() -> None:
    found = await identity(Scene(id_claims={"amr": ["otp", "hwk", 7, ""], "auth_time": NOW.timestamp() - 60.5}))
    assert (found.idp, found.issuer, found.subject) == ("psc", Scene().idp.issuer, SUBJECT)
    assert (found.acr, found.amr, found.sid) == ("eidas1", ("otp", "hwk"), "session-1")
    assert found.auth_time == datetime(2026, 11, 17, 9, 28, 59, 500_000, tzinfo=UTC)
    assert (found.given_name, found.family_name, found.name) == ("CAMILLE", "PAZ", "CAMILLE PAZ")
    assert found.professional is not None
    assert found.id_token.count(".") == 2


async def test_a_member_of_staff_is_who_their_issuer_says() -> None:
    found = await identity(Scene(staff(), person=STAFF, subject="7"))
    assert (found.idp, found.issuer, found.subject) == ("staff", "https://login.staff.test", "7")
    assert (found.name, found.email, found.professional) == ("Ana Atlas", "ana@atlas.test", None)


async def test_nothing_of_a_person_is_shown_by_accident() -> None:
    for found in (await identity(Scene()), await identity(Scene(staff(), person=STAFF))):
        shown = repr(found)
        for secret in (found.subject, found.id_token, "99700218896", "PAZ", "Ana", "ana@", "session-1"):
            assert secret not in shown


@pytest.mark.parametrize(
    ("person", "name"),
    [
        (STAFF, "Ana Atlas"),
        ({**STAFF, "name": ""}, "Ana Atlas"),
        ({**STAFF, "name": "", "given_name": None}, "Atlas"),
        ({"preferred_username": "ana"}, "ana"),
        ({}, "ana"),  # the token's own preferred_username
    ],
)
async def test_a_name_is_found_for_staff(person: dict[str, Any], name: str) -> None:
    assert (await identity(Scene(staff(), person=person))).name == name


async def test_the_national_number_is_never_a_name() -> None:
    person = {key: value for key, value in PAZ.items() if key not in {"given_name", "family_name"}}
    found = await identity(Scene(person=person))
    assert (found.name, found.given_name) == ("", None)


@pytest.mark.parametrize(
    ("idp", "claims", "sid"),
    [
        (None, {"sid": "a", "session_state": "b"}, "a"),
        (None, {"sid": None, "session_state": "b"}, "b"),  # Keycloak's other name for it
        (staff(), {"sid": None, "session_state": "b"}, None),  # elsewhere it means something else
        (None, {"sid": None}, None),
    ],
)
async def test_the_session_at_the_provider_is_known_by_its_id(
    idp: Any, claims: dict[str, Any], sid: str | None
) -> None:
    assert (await identity(Scene(idp, id_claims=claims))).sid == sid


async def test_the_user_info_speaks_of_the_person_and_the_token_of_the_sign_in() -> None:
    bent = {"acr": "eidas3", "amr": ["pwd"], "sid": "other", "given_name": "DOMINIQUE"}
    found = await identity(Scene(user_info=bent, id_claims={"given_name": "CLAUDE", "SubjectNameID": "8" + "1" * 11}))
    assert (found.acr, found.amr, found.sid) == ("eidas1", ("otp",), "session-1")
    assert found.given_name == "DOMINIQUE"
    assert found.professional is not None
    assert found.professional.rpps == "99700218896"


async def test_somebody_without_a_reference_entry_is_identified_and_has_no_profession() -> None:
    person = {"SubjectNameID": "899700218896", "given_name": "CAMILLE", "family_name": "PAZ"}
    professional = (await identity(Scene(person=person))).professional
    assert professional is not None
    assert (professional.rpps, professional.professions, professional.exercises) == ("99700218896", frozenset(), ())
