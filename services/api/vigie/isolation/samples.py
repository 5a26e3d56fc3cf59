"""Request bodies that a service should accept, made from the shapes of its document.

Every free text carries the marker of the provider it is written for, so that the text is recognised wherever it turns up.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from vigie.isolation.contract import Contract, Operation, Shape

_TEXTS: Final = ("Essai {0}", "essai-{0}", "{0}", "https://{0}.invalid/", "https://{0}.invalid", "{0}@example.invalid")
_NO_SAMPLE: Final = object()
_MOST_BODIES: Final = 12
Body = dict[str, Any]


def bodies(contract: Contract, operation: Operation, marker: str, ids: Mapping[str, str]) -> Iterator[Body]:
    """Yield bodies to try, the likeliest first: what is required, then with each choice and each optional field by itself.

    `ids` are those of one's own things, for fields that must name one.
    """
    shape = contract.resolved(operation.body or {})
    required = set(shape.get("required", ()))
    made = {
        name: ids[name] if name in ids else sample(contract, field, marker)
        for name, field in shape.get("properties", {}).items()
    }
    possible = {name: value for name, value in made.items() if value is not _NO_SAMPLE}
    if not required <= possible.keys():
        return
    least = {name: possible[name] for name in shape.get("properties", {}) if name in required}
    further: list[Body] = []
    for name, field in shape.get("properties", {}).items():
        further += [{**least, name: value} for value in _choices(contract, field) if least.get(name) != value]
        if name in possible and name not in required:
            further.append({**least, name: possible[name]})
    if least or operation.method != "PATCH":
        further.insert(0, least)
    yield from further[:_MOST_BODIES]


def naming(contract: Contract, operation: Operation) -> Mapping[str, bool]:
    """Return the fields of a body that name objects by their ids, and whether each takes several."""
    shape = contract.resolved(operation.body or {})
    return {
        name: contract.is_list(field)
        for name, field in shape.get("properties", {}).items()
        if contract.holds_ids(name, field)
    }


def _choices(contract: Contract, shape: Shape) -> list[Any]:
    whole = _first(contract, shape)
    return list(whole.get("enum", ()))


def _first(contract: Contract, shape: Shape) -> Shape:
    """Return the first alternative of a shape that is not null."""
    whole = contract.resolved(shape)
    for each in (*whole.get("anyOf", ()), *whole.get("oneOf", ())):
        part = contract.resolved(each)
        if part.get("type") != "null":
            return part
    return whole


def sample(contract: Contract, shape: Shape, marker: str) -> Any:
    """Return a value of a shape, or `_NO_SAMPLE` where we know none."""
    whole = _first(contract, shape)
    if "const" in whole:
        return whole["const"]
    if "enum" in whole:
        return whole["enum"][0]
    kind = whole.get("type")
    if kind == "array":
        one = sample(contract, whole.get("items", {}), marker) if whole.get("minItems") else None
        return [] if one is None else one if one is _NO_SAMPLE else [one]
    if kind == "object":
        return _object(contract, whole, marker)
    number = whole.get("minimum", whole.get("exclusiveMinimum", 0) + 1)
    plain = {"string": _text(whole, marker), "integer": number, "number": number, "boolean": False}
    return plain.get(str(kind), _NO_SAMPLE)


def _object(contract: Contract, whole: Shape, marker: str) -> Any:
    fields = whole.get("properties", {})
    made = {name: sample(contract, fields[name], marker) for name in whole.get("required", ()) if name in fields}
    return _NO_SAMPLE if any(value is _NO_SAMPLE for value in made.values()) else made


def _text(whole: Shape, marker: str) -> Any:
    """Return a text with the marker that the pattern and the lengths allow."""
    if whole.get("format") == "date-time":
        return "2030-01-01T00:00:00Z"
    if whole.get("format") == "date":
        return "2030-01-01"
    if whole.get("format") == "uuid":
        return _NO_SAMPLE
    for form in _TEXTS:
        text = form.format(marker)
        if not whole.get("minLength", 0) <= len(text) <= whole.get("maxLength", 10_000):
            continue
        if "pattern" not in whole or re.search(whole["pattern"], text):
            return text
    return _NO_SAMPLE
