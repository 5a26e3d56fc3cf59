"""The heartbeat contract: what is taken, what is refused, and that the published schema says the same."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from vigie.devices.hb1 import (
    SECTION_NAMES,
    BodyUnreadable,
    HeartbeatError,
    SchemaInvalid,
    TimeInvalid,
    json_schema,
    parse_heartbeat,
    render_schema,
)
from vigie.devices.hb1.examples import FULL, QUIET

ABSENT = object()
AT = QUIET["sent_at"]
EVENT = FULL["backup_events"][0]


def section(data: dict[str, Any] | None, status: str = "ok", *, errors: list[Any] | None = None) -> dict[str, Any]:
    envelope: dict[str, Any] = FULL["sections"]["patch"]
    return envelope | {"status": status, "errors": errors or [], "data": data}


def body(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def changed(document: dict[str, Any], pointer: str, value: Any) -> dict[str, Any]:
    """Copy a document with the one place at a JSON Pointer replaced, added, or (`ABSENT`) removed."""
    copied = copy.deepcopy(document)
    *path, last = [int(part) if part.isdigit() else part for part in pointer.strip("/").split("/")]
    node: Any = copied
    for part in path:
        node = node[part]
    if value is ABSENT:
        del node[last]
    else:
        node[last] = value
    return copied


VALIDATOR = Draft202012Validator(json_schema())


def faults(document: Any, kind: type[HeartbeatError] = SchemaInvalid) -> list[tuple[str, str]]:
    with pytest.raises(HeartbeatError) as caught:
        parse_heartbeat(body(document))
    assert type(caught.value) is kind
    return [(error["pointer"], error["reason"]) for error in caught.value.errors]


def test_the_published_schema_is_the_one_of_the_models() -> None:
    published = Path(__file__).parents[2] / "openapi" / "hb-1.schema.json"
    assert published.read_text(encoding="utf-8") == render_schema()


def test_the_schema_is_valid_and_names_the_thirteen_sections() -> None:
    Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$id"] == "https://vigie.example/schemas/hb-1.schema.json"
    assert set(json_schema()["$defs"]["Sections"]["properties"]) == SECTION_NAMES == set(FULL["sections"])
    assert len(SECTION_NAMES) == 13


def test_the_schema_lists_known_values_without_closing_the_list() -> None:
    arch = json_schema()["$defs"]["OsData"]["properties"]["arch"]["anyOf"][0]
    assert arch["x-known-values"] == ["x64", "arm64", "x86"]
    assert "enum" not in arch


def test_the_full_sample_uses_every_field_of_the_contract() -> None:
    """So that the table below really is about the whole schema."""
    fields = {name for definition in json_schema()["$defs"].values() for name in definition.get("properties", {})}
    used = set(re.findall(r'"([a-z0-9_]+)":', body(FULL).decode())) | {"detail", "retryable", "code"}
    assert fields - used == set()


def test_values_survive_parsing() -> None:
    heartbeat = parse_heartbeat(body(FULL))
    assert heartbeat.sequence == 1842
    assert heartbeat.vitals["clock_offset_ms"] == -180
    assert set(heartbeat.sections) == SECTION_NAMES
    assert heartbeat.sections == FULL["sections"]
    assert heartbeat.backup_events == FULL["backup_events"]


def test_a_heartbeat_cannot_be_changed() -> None:
    field = "sequence"
    with pytest.raises(ValueError, match="frozen"):
        setattr(parse_heartbeat(body(QUIET)), field, 2)


PATCH = "/sections/patch"
JOB = "/sections/backup/data/jobs/0"
ERROR = {"code": "timeout", "source": "wua.search", "detail": "0x8024402C", "retryable": True}

TAKEN: list[tuple[str, Any]] = [
    ("/sections", {}),
    ("/ran_at", [AT] * 72),
    ("/backup_events", [EVENT] * 50),
    ("/backup_events/0", {"job": "a", "status": "ok", "ended_at": AT}),
    ("/vitals/clock_offset_ms", None),
    ("/vitals/clock_offset_ms", ABSENT),
    ("/sequence", 2**53 - 1),
    ("/agent/version", "1.20.3-rc.1"),
    ("/agent/build", "a-build-of-next-year"),
    ("/sent_at", "2024-02-29T23:59:59Z"),
    ("/sent_at", "2015-01-01T00:00:00Z"),
    ("/sent_at", "2100-12-31T00:00:00Z"),
    (f"{PATCH}/data", {}),
    (f"{PATCH}/data/pending/security", None),
    (f"{PATCH}/data/pending/items", []),
    (f"{PATCH}/data/pending/items", None),
    (f"{PATCH}/data/manager", "a_manager_of_next_year"),
    (f"{PATCH}/data/paused_until", ABSENT),
    (f"{PATCH}/errors", [ERROR] * 8),
    (PATCH, section({}, "partial", errors=[ERROR])),
    (PATCH, section(None, "unknown", errors=[{"code": "internal", "source": "apt"}])),
    (PATCH, section(None, "absent")),
    (PATCH, section(None, "not_applicable")),
    (PATCH, section(None, "disabled", errors=[{"code": "disabled_by_config", "source": "config"}])),
    (f"{JOB}/exit_code", -2147024891),
    (f"{JOB}/restore_months", ["2026-01"] * 24),
    (f"{JOB}/restore_months", None),
]

REFUSED: list[tuple[str, Any, str, str]] = [
    ("/schema", "hb/2", "/schema", "not one of the allowed values"),
    ("/sequence", 0, "/sequence", "too small"),
    ("/sequence", 2**53, "/sequence", "too large"),
    ("/sequence", "7", "/sequence", "must be an integer"),
    ("/sequence", True, "/sequence", "must be an integer"),
    ("/sequence", 1.5, "/sequence", "must be an integer"),
    ("/sequence", ABSENT, "/sequence", "missing field"),
    ("/sections", None, "/sections", "must be an object"),
    ("/state_digest", "short", "/state_digest", "does not have the form of this field"),
    ("/boot_ref", "B1F4C09D", "/boot_ref", "does not have the form of this field"),
    ("/agent/version", "1.2", "/agent/version", "does not have the form of this field"),
    ("/agent/build", "Win X64", "/agent/build", "does not have the form of this field"),
    ("/agent/host", "x", "/agent/host", "unknown field"),
    ("/hostname", "x", "/hostname", "unknown field"),
    ("/ran_at", [AT] * 73, "/ran_at", "too many elements"),
    ("/ran_at", AT, "/ran_at", "must be a list"),
    ("/ran_at/0", "2026-11-21T08:17:42+01:00", "/ran_at/0", "must have the form YYYY-MM-DDTHH:MM:SSZ"),
    ("/sent_at", "2026-11-21T08:17:42.5Z", "/sent_at", "must have the form YYYY-MM-DDTHH:MM:SSZ"),
    ("/sent_at", None, "/sent_at", "must be a string"),
    ("/backup_events", [EVENT] * 51, "/backup_events", "too many elements"),
    ("/backup_events/0/status", "maybe", "/backup_events/0/status", "not one of the allowed values"),
    ("/backup_events/0/job", "C:\\Users\\x", "/backup_events/0/job", "does not have the form of this field"),
    ("/vitals/uptime_s", -1, "/vitals/uptime_s", "too small"),
    ("/vitals/user", 1, "/vitals/user", "unknown field"),
    ("/sections/webcam", section({}), "/sections/webcam", "unknown section"),
    ("/sections/patch", None, PATCH, "must be an object"),
    (f"{PATCH}/v", 2, f"{PATCH}/v", "too large"),
    (f"{PATCH}/v", True, f"{PATCH}/v", "must be an integer"),
    (f"{PATCH}/status", "fine", f"{PATCH}/status", "not one of the allowed values"),
    (f"{PATCH}/source", "C:\\apt", f"{PATCH}/source", "does not have the form of this field"),
    (f"{PATCH}/ttl_s", 32 * 86400, f"{PATCH}/ttl_s", "too large"),
    (f"{PATCH}/errors", [ERROR] * 9, f"{PATCH}/errors", "too many elements"),
    (f"{PATCH}/errors", [ERROR | {"code": "boom"}], f"{PATCH}/errors/0/code", "not one of the allowed values"),
    (
        f"{PATCH}/errors",
        [ERROR | {"detail": "a b"}],
        f"{PATCH}/errors/0/detail",
        "does not have the form of this field",
    ),
    (f"{PATCH}/errors", [ERROR | {"retryable": "yes"}], f"{PATCH}/errors/0/retryable", "must be true or false"),
    (f"{PATCH}/data/pending/titles", [], f"{PATCH}/data/pending/titles", "unknown field"),
    (f"{PATCH}/data/manager", "Windows Update", f"{PATCH}/data/manager", "does not have the form of this field"),
    (f"{PATCH}/data/pending/security", -1, f"{PATCH}/data/pending/security", "too small"),
    (f"{PATCH}/data/pending/items", [{}] * 31, f"{PATCH}/data/pending/items", "too many elements"),
    (
        f"{PATCH}/data/pending/items/0/kb",
        "KB50999",
        f"{PATCH}/data/pending/items/0/kb",
        "does not have the form of this field",
    ),
    (f"{PATCH}/data/apps/0/slug", ABSENT, f"{PATCH}/data/apps/0/slug", "missing field"),
    ("/sections/antivirus/data/realtime", True, "/sections/antivirus/data/realtime", "not one of the allowed values"),
    (f"{JOB}/job", "Sauvegarde du cabinet", f"{JOB}/job", "does not have the form of this field"),
    (f"{JOB}/restore_months", ["2026-01"] * 25, f"{JOB}/restore_months", "too many elements"),
    (PATCH, section({}, "partial"), PATCH, "this status needs at least one error that explains it"),
    (PATCH, section(None, "unknown"), PATCH, "this status needs at least one error that explains it"),
    (PATCH, section(None), PATCH, "this status needs data"),
    (PATCH, section(None, "partial", errors=[ERROR]), PATCH, "this status needs data"),
    (PATCH, section({}, "unknown", errors=[ERROR]), PATCH, "this status allows no data: null is expected"),
    (PATCH, section({}, "absent"), PATCH, "this status allows no data: null is expected"),
    (PATCH, section({}, "disabled"), PATCH, "this status allows no data: null is expected"),
]

IMPOSSIBLE: list[tuple[str, str]] = [
    ("/sent_at", "2026-02-30T08:00:00Z"),
    ("/sent_at", "2025-02-29T08:00:00Z"),
    ("/sent_at", "2100-02-29T08:00:00Z"),
    ("/sent_at", "2026-13-01T08:00:00Z"),
    ("/sent_at", "2026-11-21T24:00:00Z"),
    ("/sent_at", "2026-11-21T08:00:60Z"),
    ("/sent_at", "2014-12-31T23:59:59Z"),
    ("/sent_at", "2101-01-01T00:00:00Z"),
    ("/sent_at", "0001-01-01T00:00:00Z"),
    ("/ran_at/0", "1970-01-01T00:00:00Z"),
    ("/sections/os/collected_at", "2026-04-31T00:00:00Z"),
    (f"{PATCH}/data/pending/items/0/released_on", "2026-11-31"),
    (f"{JOB}/last_ok_at", "1601-01-01T00:00:00Z"),
    (f"{JOB}/restore_months/0", "2026-00"),
]


@pytest.mark.parametrize("document", [QUIET, FULL])
def test_the_samples_are_taken_by_models_and_schema(document: dict[str, Any]) -> None:
    parse_heartbeat(body(document))
    assert VALIDATOR.is_valid(document)


@pytest.mark.parametrize(("pointer", "value"), TAKEN)
def test_one_change_that_is_taken_by_models_and_schema(pointer: str, value: Any) -> None:
    document = changed(FULL, pointer, value)
    parse_heartbeat(body(document))
    assert VALIDATOR.is_valid(document)


@pytest.mark.parametrize(("pointer", "value", "where", "why"), REFUSED)
def test_one_change_that_is_refused_by_models_and_schema(pointer: str, value: Any, where: str, why: str) -> None:
    document = changed(FULL, pointer, value)
    assert faults(document) == [(where, why)]
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize(("pointer", "value"), IMPOSSIBLE)
def test_a_date_that_does_not_exist_is_a_fault_of_time(pointer: str, value: str) -> None:
    document = changed(FULL, pointer, value)
    assert faults(document, TimeInvalid) == [(pointer, "no such time between 2015 and 2100")]
    assert not VALIDATOR.is_valid(document)


def test_an_impossible_date_beside_another_fault_is_a_fault_of_the_schema() -> None:
    document = changed(changed(FULL, "/sent_at", "2026-02-30T08:00:00Z"), "/sequence", 0)
    assert faults(document) == [
        ("/sequence", "too small"),
        ("/sent_at", "no such time between 2015 and 2100"),
    ]


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b'{"a": "\xe9"}', body(QUIET)[:-1], body(QUIET) + b"x"])
def test_what_is_not_json_is_unreadable(raw: bytes) -> None:
    with pytest.raises(BodyUnreadable) as caught:
        parse_heartbeat(raw)
    assert caught.value.errors == [{"pointer": "", "reason": "not JSON in UTF-8"}]


@pytest.mark.parametrize("raw", [b"[]", b"null", b"7", b'"hb/1"'])
def test_json_that_is_no_object_is_a_fault_of_the_schema(raw: bytes) -> None:
    with pytest.raises(SchemaInvalid):
        parse_heartbeat(raw)


def test_a_float_is_refused_even_when_it_is_whole() -> None:
    """The one verdict that JSON Schema cannot give: to it 1842.0 is an integer."""
    document = QUIET | {"sequence": 1842.0}
    assert VALIDATOR.is_valid(document)
    assert faults(document) == [("/sequence", "must be an integer")]


def test_no_more_than_twenty_faults_are_told() -> None:
    document = QUIET | {"ran_at": ["x"] * 72}
    assert len(faults(document)) == 20


def test_a_refusal_repeats_nothing_of_what_was_received() -> None:
    secret = "Dupont Jeanne, 2 85 05 78 006 084 91"
    document = changed(changed(FULL, f"{JOB}/job", secret), f"/sections/{secret}", {})
    document |= {"sent_at": secret, secret: 1}
    with pytest.raises(SchemaInvalid) as caught:
        parse_heartbeat(body(document))
    assert {error["pointer"] for error in caught.value.errors} == {"/*", "/sections/*", "/sent_at", f"{JOB}/job"}
    shown = f"{caught.value!r} {caught.value.errors} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert "Dupont" not in shown
    assert "006" not in shown
