"""The OpenAPI documents of a deployment as a list of operations. The running version counts, not the one installed here."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_PARAMETER: Final = re.compile(r"{(\w+)}")
Shape = Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """One method on one path, as its document describes it."""

    method: str
    path: str
    queries: Mapping[str, Shape]
    headers: frozenset[str]
    body: Shape | None
    guarded: bool
    answers_json: bool
    creates: bool

    @property
    def name(self) -> str:
        """The operation as people write it."""
        return f"{self.method} {self.path}"

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names in the path, in their order."""
        return tuple(_PARAMETER.findall(self.path))

    @property
    def reads(self) -> bool:
        """Whether it is meant to change nothing."""
        return self.method == "GET"

    @property
    def subject(self) -> str:
        """The first word of the path after the version."""
        return next((part for part in self.path.split("/")[2:] if not part.startswith("{")), "")

    @property
    def depth(self) -> int:
        """How far down its object is."""
        return self.path.count("/")

    def at(self, ids: Mapping[str, str]) -> str:
        """Return the path to these objects."""
        return self.path.format(**ids)


class Contract:
    """A document: its operations, and the shapes they refer to."""

    def __init__(self, document: Shape) -> None:
        self._schemas: Mapping[str, Shape] = document.get("components", {}).get("schemas", {})
        self.version = str(document.get("info", {}).get("version", ""))
        self.operations = [
            self._operation(method.upper(), path, item[method])
            for path, item in sorted(document.get("paths", {}).items())
            for method in _METHODS
            if method in item
        ]

    def _operation(self, method: str, path: str, said: Shape) -> Operation:
        parameters = [self.resolved(each) for each in said.get("parameters", ())]
        content = said.get("requestBody", {}).get("content", {})
        answers = said.get("responses", {})
        return Operation(
            method=method,
            path=path,
            queries={each["name"]: each.get("schema", {}) for each in parameters if each["in"] == "query"},
            headers=frozenset(each["name"].lower() for each in parameters if each["in"] == "header"),
            body=content.get("application/json", {}).get("schema"),
            guarded=bool(said.get("security")),
            answers_json="application/json" in answers.get("200", {}).get("content", {}),
            creates=method == "POST" and "201" in answers and not path.endswith("}"),
        )

    def resolved(self, shape: Shape) -> Shape:
        """Return what a shape refers to, or itself."""
        while "$ref" in shape:
            shape = self._schemas[shape["$ref"].rpartition("/")[2]]
        return shape

    def holds_ids(self, name: str, shape: Shape) -> bool:
        """Whether a parameter or a field names objects by their ids: by its form, or by what it is called."""
        return any(each.get("format") == "uuid" for each in self._walk(shape)) or name.endswith(("_id", "_ids"))

    def _walk(self, shape: Shape) -> Iterator[Shape]:
        """Yield a shape and those of its alternatives and items (not of its properties)."""
        whole = self.resolved(shape)
        yield whole
        for part in (*whole.get("anyOf", ()), *whole.get("oneOf", ()), *whole.get("allOf", ())):
            yield from self._walk(part)
        if "items" in whole:
            yield from self._walk(whole["items"])

    def is_free_text(self, shape: Shape) -> bool:
        """Whether a parameter takes any text."""
        return any(
            each.get("type") == "string" and "enum" not in each and "format" not in each for each in self._walk(shape)
        )

    def is_list(self, shape: Shape) -> bool:
        """Whether a field takes several values."""
        return any(each.get("type") == "array" for each in self._walk(shape))

    def parameter_of(self, collection: str) -> str | None:
        """Return the name under which paths take an object of a collection: `…/devices` → `device_id`."""
        last = collection.rpartition("/")[2]
        found = re.compile(rf"/{re.escape(last)}/{{(\w+)}}")
        return next((name[1] for each in self.operations if (name := found.search(each.path))), None)
