"""The small vocabulary of the allow-list: what a value may look like before it may leave the machine.

``clean`` returns the value as it may be sent. What does not fit is replaced by null and named in ``Refusals`` by
the place in the contract, never by its content: the content is what must not leave.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

MAX_INT = 2**53 - 1


@dataclass
class Refusals:
    """The places where a value was not allowed out."""

    places: list[str] = field(default_factory=list)

    def add(self, place: str) -> None:
        """Remember a place once."""
        if place not in self.places:
            self.places.append(place)


class Shape(Protocol):
    """What one field of the contract may hold."""

    def clean(self, value: Any, place: str, refusals: Refusals) -> Any:
        """The value if it fits, else null with the place noted."""


@dataclass(frozen=True)
class Text:
    """A string of a pattern (versions, dates, slugs), nothing free."""

    pattern: re.Pattern[str]

    def clean(self, value: Any, place: str, refusals: Refusals) -> Any:
        """See ``Shape``."""
        if value is None or (isinstance(value, str) and self.pattern.fullmatch(value)):
            return value
        refusals.add(place)
        return None


@dataclass(frozen=True)
class Choice:
    """One word of a closed list."""

    words: frozenset[str]

    def clean(self, value: Any, place: str, refusals: Refusals) -> Any:
        """See ``Shape``."""
        if value is None or (isinstance(value, str) and value in self.words):
            return value
        refusals.add(place)
        return None


@dataclass(frozen=True)
class Whole:
    """An integer in a range."""

    low: int = 0
    high: int = MAX_INT

    def clean(self, value: Any, place: str, refusals: Refusals) -> Any:
        """See ``Shape``. Booleans are not numbers here."""
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high:
            return value
        refusals.add(place)
        return None


@dataclass(frozen=True)
class Flag:
    """A JSON boolean (only where the contract has one)."""

    def clean(self, value: Any, place: str, refusals: Refusals) -> Any:
        """See ``Shape``."""
        if value is None or isinstance(value, bool):
            return value
        refusals.add(place)
        return None


@dataclass(frozen=True)
class Many:
    """A bounded list; items that do not fit are left out, a longer list is cut."""

    item: Shape
    limit: int

    def clean(self, value: Any, place: str, refusals: Refusals) -> Any:
        """See ``Shape``."""
        if value is None:
            return None
        if not isinstance(value, list | tuple):
            refusals.add(place)
            return None
        kept = [self.item.clean(item, place, refusals) for item in value[: self.limit]]
        return [item for item in kept if item is not None]


@dataclass(frozen=True)
class Group:
    """An object whose fields are all named here; a field of any other name cannot leave."""

    fields: Mapping[str, Shape]
    required: frozenset[str] = frozenset()

    def clean(self, value: Any, place: str, refusals: Refusals) -> Any:
        """See ``Shape``. An object that lacks (or lost) a required field does not leave at all."""
        if value is None:
            return None
        if not isinstance(value, Mapping):
            refusals.add(place)
            return None
        if any(name not in self.fields for name in value):
            refusals.add(f"{place}.unknown_field")  # not its name: names can speak too
        result = {
            name: shape.clean(value[name], f"{place}.{name}", refusals)
            for name, shape in self.fields.items()
            if name in value
        }
        if any(result.get(name) is None for name in self.required):
            refusals.add(place)
            return None
        return result


def text(pattern: str) -> Text:
    """A ``Text`` that must match the whole pattern."""
    return Text(re.compile(pattern, re.ASCII))


def choice(*words: str) -> Choice:
    """A ``Choice`` of these words."""
    return Choice(frozenset(words))


def group(required: str = "", /, **fields: Shape) -> Group:
    """A ``Group``; ``required`` names fields separated by spaces."""
    return Group(fields, frozenset(required.split()))
