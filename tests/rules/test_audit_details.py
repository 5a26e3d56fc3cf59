"""What may stand in the audit: tables of what is kept and of what is dropped."""

import re
from pathlib import Path
from typing import Any

import pytest

from vigie.audit.actions import Action
from vigie.audit.details import MAX_ITEMS, MAX_TEXT, harmless, looks_secret, plain_text
from vigie.auth.identifiers import new_client_id, new_client_secret, new_enrolment_token, new_session_secret
from vigie.core.crypto import new_secret
from vigie.core.ids import uuid7

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
UUID = "01a1f000-0000-7000-8000-00000000a71a"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Cabinet du Cèdre", False),
        (UUID, False),
        ("vpc_AaHwAAAAcACAAAAAAAqnGg_0123456789ab", False),
        ("of vpc_AaHwAAAAcACAAAAAAAqnGg_0123456789ab and " + UUID, False),
        ("06 12 34 56 78", False),  # a telephone number, 10
        ("SIRET 123 456 789 00012", False),  # 14
        ("FINESS 750012345", False),  # 9
        ("2026-11-22T08:17:42.000005Z", False),
        ("https://login.example/authorize?x=y", False),
        ("81000123456", True),  # RPPS, 11
        ("810001234567", True),  # with its prefix, 12
        ("8 1000 1234 56", True),
        ("de Dr X (10001234567)", True),
        ("1840175123456", True),  # NIR without its key, 13
        ("184017512345612", True),  # with it, 15
        ("1 84 01 75 123 456 12", True),
        ("1.84.01.75.123.456.12", True),
        ("1 84 01 2A 123 456 12", True),  # Corsica
        ("1840175123456123", False),  # 16 digits are no number of a person
        (JWT, True),
        ("Bearer abc", True),
        ("-----BEGIN PRIVATE KEY-----", True),
        ("A" * 40, True),
        ("A" * 39, False),
    ],
)
def test_what_looks_secret(text: str, *, secret: bool) -> None:
    assert looks_secret(text) is secret


def test_every_secret_of_ours_looks_secret_and_no_id_does() -> None:
    for _ in range(200):
        provider = uuid7()
        for made in (new_client_secret(), new_enrolment_token(provider), new_session_secret(provider), new_secret()):
            assert looks_secret(made), made
            assert looks_secret(f"text {made} text"), made
        assert not looks_secret(new_client_id(provider))
        assert not looks_secret(str(provider))


NESTED: dict[str, Any] = {"a": {"b": {"c": 1}}}


@pytest.mark.parametrize(
    ("details", "kept", "dropped"),
    [
        ({}, {}, 0),
        ({"n": 3, "yes": True, "none": None, "text": "é"}, {"n": 3, "yes": True, "none": None, "text": "é"}, 0),
        ({"fields": ["city", "name"]}, {"fields": ["city", "name"]}, 0),
        ({"scopes": frozenset({"b", "a"})}, {"scopes": ["a", "b"]}, 0),
        ({"enrolment_token_id": UUID}, {"enrolment_token_id": UUID}, 0),
        ({"client_secret": "x"}, {}, 1),
        ({"token": "x"}, {}, 1),
        ({"password": "x"}, {}, 1),
        ({"rpps": "x"}, {}, 1),
        ({"patient": "x"}, {}, 1),
        ({"subject": "x"}, {}, 1),
        ({"Key With Spaces": 1}, {}, 1),
        ({1: 1}, {}, 1),
        ({"label": "81000123456"}, {}, 1),
        ({"labels": ["ok", JWT]}, {"labels": ["ok"]}, 1),
        ({"n": 81000123456}, {}, 1),
        ({"n": 2**53}, {"n": 2**53}, 0),
        ({"n": 2**53 + 1}, {}, 1),
        ({"share": 0.5}, {}, 1),
        ({"raw": b"x"}, {}, 1),
        (NESTED, NESTED, 0),
        ({"a": {"b": {"c": {"d": 1}}}}, {"a": {"b": {}}}, 1),
        ({"a": {"secret": 1, "b": 2}}, {"a": {"b": 2}}, 1),
        ({"long": "é, " * 200}, {"long": ("é, " * 200)[:MAX_TEXT]}, 0),
        ({"many": list(range(MAX_ITEMS + 2))}, {"many": list(range(MAX_ITEMS))}, 2),
        ({f"k{n}": n for n in range(MAX_ITEMS + 3)}, {f"k{n}": n for n in range(MAX_ITEMS)}, 3),
        ({"text": "a\x00b\ud800c\n"}, {"text": "a\ufffdb\ufffdc\ufffd"}, 0),
    ],
)
def test_details_keep_what_is_plain_and_count_what_is_not(
    details: dict[Any, Any], kept: dict[str, Any], dropped: int
) -> None:
    assert harmless(details) == (kept, dropped)


def test_text_is_one_line_of_bounded_length() -> None:
    assert plain_text(None) is None
    assert plain_text("a\r\nb\x7f") == "a\ufffd\ufffdb\ufffd"
    assert plain_text("x" * 300) == "x" * MAX_TEXT


def documented(page: str) -> set[str]:
    """Words of every row that also says what was done."""
    found = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| .+ \|$", page, re.MULTILINE)
    assert len(found) == len(set(found)), "a word stands twice"
    return set(found)


def test_every_word_is_on_the_page() -> None:
    page = PAGE.read_text()
    assert documented(page) == {action.value for action in Action}
    assert documented(page.replace("| `device.enrol` |", "| `device.enroll` |")) != documented(page)


def test_a_word_says_the_kind_of_its_object() -> None:
    assert Action.ENROLMENT_TOKEN_CREATE.object_kind == "enrolment_token"
    assert {action.value.count(".") for action in Action} == {1}
