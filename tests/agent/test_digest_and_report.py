"""Digests, and the serializer that lets nothing out that the contract does not know."""

import base64
import hashlib
import json
from typing import Any

import pytest

from vigie_agent import digest, report
from vigie_agent.collectors.base import Problem, Section

AT = "2026-11-21T08:00:00Z"
WIRE = {"v": 1, "status": "ok", "collected_at": AT, "source": "apt", "ttl_s": 3600, "errors": [], "data": {"é": 1}}


def test_section_digest_is_that_of_the_canonical_text() -> None:
    text = '{"data":{"é":1},"errors":[],"source":"apt","status":"ok","v":1}'
    assert digest.section_digest(WIRE) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"collected_at": "2027-01-01T00:00:00Z"}, True),
        ({"ttl_s": 1}, True),
        ({"source": "dnf"}, False),
        ({"status": "partial"}, False),
        ({"errors": [{"code": "timeout", "source": "x"}]}, False),
        ({"data": {"é": 2}}, False),
    ],
)
def test_what_moves_a_section_digest(change: dict[str, Any], *, same: bool) -> None:
    assert (digest.section_digest({**WIRE, **change}) == digest.section_digest(WIRE)) is same


def test_state_digest_is_over_sorted_lines() -> None:
    lines = "os:aa\npatch:bb\n"
    raw = hashlib.sha256(lines.encode()).digest()[:16]
    assert digest.state_digest({"patch": "bb", "os": "aa"}) == "".join(_base64url(raw))
    assert digest.state_digest({}) == _base64url(hashlib.sha256(b"").digest()[:16])


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize("value", [{"a": 1.5}, {"a": [{"b": 2.0}]}])
def test_floats_are_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        digest.canonical(value)


def wire(status: str, data: Any = None, problems: list[Problem] | None = None, name: str = "os") -> dict[str, Any]:
    return report.section_as_wire(name, Section("test", status, data, problems or []), AT)


@pytest.mark.parametrize(
    ("data", "kept", "detail"),
    [
        ({"family": "linux", "version": "12"}, {"family": "linux", "version": "12"}, None),
        ({"family": "linux", "host_name": "PC-DR-DUPONT"}, {"family": "linux"}, "os.unknown_field"),
        ({"family": "linux", "version": "C:\\Users\\Dupont"}, {"family": "linux", "version": None}, "os.version"),
        ({"family": "linux", "join": "dupont"}, {"family": "linux", "join": None}, "os.join"),
        ({"family": "linux", "ubr": True}, {"family": "linux", "ubr": None}, "os.ubr"),
        ({"family": "linux", "ubr": 2**53}, {"family": "linux", "ubr": None}, "os.ubr"),
        ({"family": "linux", "boot_at": "1970-01-01T00:00:00Z"}, {"family": "linux", "boot_at": None}, "os.boot_at"),
    ],
)
def test_a_value_the_contract_does_not_know_becomes_null_and_is_explained(
    data: dict[str, Any], kept: dict[str, Any], detail: str | None
) -> None:
    section = wire("ok", data)
    assert section["data"] == kept
    assert section["status"] == ("partial" if detail else "ok")
    assert [error.get("detail") for error in section["errors"]] == ([detail] if detail else [])


def test_a_section_that_loses_its_required_field_is_unknown() -> None:
    section = wire("ok", {"family": "dupont"})
    assert (section["status"], section["data"]) == ("unknown", None)
    assert section["errors"]


@pytest.mark.parametrize("status", ["absent", "not_applicable", "disabled"])
def test_statuses_without_data_carry_none_even_if_a_collector_gives_some(status: str) -> None:
    assert wire(status, {"family": "linux"})["data"] is None


@pytest.mark.parametrize("status", ["unknown", "ok", "nonsense"])
def test_no_data_and_no_reason_is_unknown_with_a_reason(status: str) -> None:
    section = wire(status)
    assert section["status"] == "unknown"
    assert section["errors"] == [{"code": "internal", "source": "contract", "detail": "no_data"}]


def test_errors_are_cut_to_eight_codes_without_texts() -> None:
    problems = [Problem("oops", "Mon Dossier", "/home/dupont")] + [Problem("timeout", f"s{n}") for n in range(20)]
    errors = wire("partial", {"family": "linux"}, problems)["errors"]
    assert errors[0] == {"code": "internal", "source": "agent"}
    assert len(errors) == 8


def test_unknown_section_cannot_be_sent() -> None:
    with pytest.raises(KeyError):
        wire("ok", {}, name="patients")


def test_lists_are_bounded() -> None:
    items = [{"name": f"p{number}", "class": "other"} for number in range(50)]
    section = wire("ok", {"manager": "apt", "pending": {"items": items}}, name="patch")
    assert len(section["data"]["pending"]["items"]) == 30
    assert json.dumps(section)
