"""Doors, texts and words of the sign-in: tables, no database."""

from uuid import UUID

import pytest

from tests.support.bad_idp import psc
from tests.support.front_door import generic_at
from vigie.auth.principal import ROLES
from vigie.core.errors import all_errors
from vigie.core.french import french
from vigie.people import errors, texts
from vigie.people.doors import opens

ATLAS, BOREA = UUID(int=1), UUID(int=2)
EVERY_DOOR = {
    "Pro Santé Connect": (psc(), {"practitioner", "practice_staff"}, {"practitioner", "practice_staff"}),
    "the operator's": (
        generic_at("https://id.test"),
        {"owner", "technician", "auditor", "practice_staff"},
        {"owner", "technician", "auditor", "practice_staff"},
    ),
    "Atlas's own": (
        generic_at("https://id.test", id="vip_AAAAAAAAAAAAAAAAAAAAAQ_000000", provider_id=ATLAS),
        {"owner", "technician", "auditor", "practice_staff"},
        set(),
    ),
}


@pytest.mark.parametrize("name", EVERY_DOOR)
def test_each_door_opens_what_the_page_says_and_nothing_else(name: str) -> None:
    idp, at_atlas, at_borea = EVERY_DOOR[name]
    assert {role for role in ROLES if opens(idp, role, ATLAS)} == at_atlas
    assert {role for role in ROLES if opens(idp, role, BOREA)} == at_borea


@pytest.mark.parametrize(
    ("typed", "set_in_french"),
    [
        ("Où aller ?", "Où aller\u202f?"),
        ("Code : x", "Code\u00a0: x"),
        ("l'invitation", "l\u2019invitation"),
        ("« cabinet »", "«\u00a0cabinet\u00a0»"),
        ("donnée ; puis", "donnée\u202f; puis"),
        ("rien à faire", "rien à faire"),
    ],
)
def test_french_is_set_as_french_is(typed: str, set_in_french: str) -> None:
    assert french(typed) == set_in_french


@pytest.mark.parametrize(
    ("user_agent", "in_french", "in_english"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge sur Windows",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64) Gecko Firefox/140.0", "Firefox sur Linux", "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; like Mac OS X) Version/18 Safari/605", "Safari sur iPhone", "Safari on iPhone"),
        ("curl/8.0", "Navigateur", "Browser"),
        (None, "Navigateur inconnu", "Unknown browser"),
    ],
)
def test_a_browser_is_called_as_one_would_call_it(user_agent: str | None, in_french: str, in_english: str) -> None:
    assert texts.browser_name(user_agent, "fr") == in_french
    assert texts.browser_name(user_agent, "en") == in_english


def test_every_refusal_of_a_sign_in_says_what_one_can_do() -> None:
    codes = {error.code for error in all_errors() if error.__module__ == errors.__name__}
    shown = {code for code in codes if code.startswith(("sign_in.", "invitation."))} - {"invitation.open"}
    general = texts.advice("no such code", "fr")
    assert len(shown) > 8
    assert [code for code in shown if texts.advice(code, "fr") == general] == []
    assert [code for code in shown if texts.advice(code, "en") == texts.advice(code, "fr")] == []
