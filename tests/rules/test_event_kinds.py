"""Every kind of event is described, every description is used, and what does not fit is refused."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

import vigie
from vigie.events import kinds
from vigie.events.kinds import KINDS, PayloadMisfitError, UnknownKindError, check_payload, version_of
from vigie.events.payloads import base, practices
from vigie.events.published import events_document, meaning_of

SOURCE = Path(vigie.__path__[0])
PAGE = Path(__file__).parents[2] / "docs" / "events.md"
TURNED = {"headlines": [{"headline": "patch", "from": "ok", "to": "critical"}], "controls": []}


def constants() -> Iterator[tuple[str, str]]:
    """Yield the name of each call outside the descriptions, and each string that could be a kind among its arguments."""
    for file in SOURCE.rglob("*.py"):
        if "payloads" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield "", node.value
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for argument in node.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield node.func.id, argument.value


def test_what_is_written_is_described_and_what_is_described_is_written() -> None:
    said = set(constants())
    assert {text for _, text in said} >= KINDS.keys()
    written = {
        text for call, text in said if call.lower().endswith("event") and re.fullmatch(r"[a-z_]+\.[a-z_]+", text)
    }
    assert "device.revoked" in written
    assert written <= KINDS.keys()


def test_the_page_lists_every_kind_in_the_words_of_its_description() -> None:
    wanted = [f"| `{kind}` | {meaning_of(payload)} |" for kind, payload in sorted(KINDS.items())]
    assert [line for line in PAGE.read_text().splitlines() if line.startswith("| `")] == wanted


@pytest.mark.parametrize(
    ("kind", "payload", "fault"),
    [
        ("posture.changed", TURNED, None),
        ("posture.changed", {**TURNED, "more": 1}, "more: extra_forbidden"),
        ("posture.changed", {"headlines": []}, "controls: missing"),
        ("posture.changed", {**TURNED, "headlines": [{"headline": "patch", "from": "ok", "to": "red"}]}, "0.to"),
        ("practice.created", {"by": "somebody"}, None),
        ("practice.created", {"by": 7}, "by: string_type"),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_and_its_schema_agrees(
    kind: str, payload: dict[str, Any], fault: str | None
) -> None:
    document = events_document()
    schema = {"$ref": f"#/components/schemas/{KINDS[kind].__name__}", "components": document["components"]}
    validator = Draft202012Validator(schema)
    if fault is None:
        check_payload(kind, payload)
        assert validator.is_valid(payload)
        return
    with pytest.raises(PayloadMisfitError, match=re.escape(fault)):
        check_payload(kind, payload)
    # Readers live with fields that a later release adds; anything else that does not fit, does not fit for them either.
    assert validator.is_valid(payload) is ("extra" in fault)


def test_an_unknown_kind_is_refused_and_no_kind_is_described_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownKindError):
        version_of("practice.painted")
    with pytest.raises(UnknownKindError):
        check_payload("practice.painted", {})

    class Again(base.ByCaller):
        kind = "practice.created"

    monkeypatch.setattr(practices, "Again", Again, raising=False)
    with pytest.raises(RuntimeError, match=r"practice\.created"):
        kinds._registry()
