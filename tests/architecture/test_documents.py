"""The published documents: fresh, the same everywhere, valid, and honest about what is always sent."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.schemas import schema_v31
from referencing.jsonschema import DRAFT202012

from tests.support.published import PUBLISHED
from vigie.core.errors import all_errors
from vigie.documents import documents, main, stale, write_documents

pytestmark = pytest.mark.xdist_group("documents")  # made once, not once per process


class Validator(OpenAPIV31SpecValidator):
    """The validator of OpenAPI 3.1, with the anchors of its schemas looked up once instead of at each of 60,000 references."""

    _shape = DRAFT202012.create_resource(dict(schema_v31))
    _named = str(_shape.id())
    schema_validator = Draft202012Validator({"$ref": _named}, registry=REGISTRY.with_resource(_named, _shape).crawl())


@pytest.fixture(scope="module")
def fresh() -> dict[str, Any]:
    """The documents as this code would write them now."""
    return {name: json.loads(text) for name, text in documents().items()}


def test_the_published_documents_are_those_of_this_code() -> None:
    assert stale(PUBLISHED) == []


def test_a_stale_or_missing_document_is_named_and_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write_documents(tmp_path) == ["console.json", "agent.json", "hb-1.schema.json", "events.json"]
    assert main(["--check", str(tmp_path)]) == 0
    (tmp_path / "agent.json").unlink()
    console = tmp_path / "console.json"
    console.write_text(console.read_text().replace("practices", "customers", 1))
    assert main(["--check", str(tmp_path)]) == 1
    assert "console.json" in (said := capsys.readouterr().out)
    assert "agent.json" in said
    assert "hb-1" not in said
    assert write_documents(tmp_path) == ["console.json", "agent.json"]
    assert main(["--check", str(tmp_path)]) == 0


@pytest.mark.slow(reason="an interpreter of its own")
def test_the_documents_do_not_depend_on_the_process() -> None:
    """The other process orders its sets by other hashes, and has another address."""
    program = "import hashlib, vigie.documents as d; print(hashlib.sha256(repr(d.documents()).encode()).hexdigest())"
    other = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "1", "VIGIE_PUBLIC_URL": "http://elsewhere"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == hashlib.sha256(repr(documents()).encode()).hexdigest()


@pytest.mark.parametrize("name", ["console.json", "agent.json", "events.json"])
def test_a_document_is_valid_openapi(fresh: dict[str, Any], name: str) -> None:
    assert [error.message for error in Validator(fresh[name]).iter_errors()] == []


@pytest.mark.parametrize("name", ["agent.json", "events.json"])
def test_the_validator_would_notice(fresh: dict[str, Any], name: str) -> None:
    untitled, unplaced = (json.loads(json.dumps(fresh[name])) for _ in range(2))
    untitled["info"].pop("title")
    assert next(Validator(untitled).iter_errors()).message == "'title' is a required property"
    operations = unplaced["paths"] if "paths" in unplaced else unplaced["webhooks"]
    next(iter(next(iter(operations.values())).values()))["parameters"] = [{"name": "x"}]
    assert next(Validator(unplaced).iter_errors()).message == "'in' is a required property"


def referenced(node: Any) -> set[str]:
    """Names of the components a part of a document points at."""
    if isinstance(node, list):
        return {name for item in node for name in referenced(item)}
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"].rpartition("/")[2]} if "$ref" in node else set()
    return own | {name for value in node.values() for name in referenced(value)}


def answered(document: dict[str, Any]) -> set[str]:
    """Names of the components that successful answers are made of."""
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    answers = [body for operation in operations for status, body in operation["responses"].items() if status[0] == "2"]
    found, waiting = set[str](), referenced(answers)
    while waiting:
        found |= waiting
        waiting = {name for used in waiting for name in referenced(document["components"]["schemas"][used])} - found
    return found


def optional_answers(document: dict[str, Any]) -> list[str]:
    """Properties of answers that the document does not promise."""
    schemas = document["components"]["schemas"]
    return [
        f"{name}.{field}"
        for name in sorted(answered(document))
        for field in schemas[name].get("properties", {})
        if field not in schemas[name].get("required", [])
    ]


@pytest.mark.parametrize("name", ["console.json", "agent.json"])
def test_what_is_always_sent_is_promised(fresh: dict[str, Any], name: str) -> None:
    document = fresh[name]
    assert optional_answers(document) == []
    chosen = next(
        item for item in sorted(answered(document)) if document["components"]["schemas"][item].get("required")
    )
    spoilt = json.loads(json.dumps(document))
    dropped = spoilt["components"]["schemas"][chosen]["required"].pop()
    assert optional_answers(spoilt) == [f"{chosen}.{dropped}"]


def test_every_refusal_in_a_document_is_a_known_problem(fresh: dict[str, Any]) -> None:
    known = {error.code: error.status for error in all_errors()}
    for name in ("console.json", "agent.json"):
        for path, operations in fresh[name]["paths"].items():
            for operation in operations.values():
                for status, answer in operation["responses"].items():
                    if "application/problem+json" not in answer.get("content", {}):
                        continue
                    codes = [code.strip("` ") for code in answer["description"].split(",")]
                    assert {known.get(code) for code in codes} == {int(status)}, (path, status, codes)


def test_every_operation_that_needs_a_token_says_so(fresh: dict[str, Any]) -> None:
    for path, operations in fresh["console.json"]["paths"].items():
        for operation in operations.values():
            assert ("security" in operation) is path.startswith("/v1/"), path
