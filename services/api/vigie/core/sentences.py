"""What people are told about a refusal, in both languages. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vigie.core.french import french


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in English and in French; the French is set (spaces, apostrophes) when it is said."""

    english: str
    french: str

    def __str__(self) -> str:
        return self.english

    def said(self, language: str) -> str:
        """Return the sentence in a language (`fr` or `en`)."""
        return french(self.french) if language == "fr" else self.english


class ToldError(Exception):
    """An error whose message somebody will read, so that it is written in both languages."""

    def __init__(self, english: str, french: str) -> None:
        super().__init__(english)
        self.sentence = Sentence(english, french)


class BadValueError(ToldError, ValueError):
    """A value that is refused, and why. Wire shapes raise it instead of `ValueError`, which could only speak English."""


def fault(pointer: str, english: str, french: str) -> dict[str, Any]:
    """Return an entry of `errors`: what is wrong where."""
    return {"pointer": pointer, "reason": Sentence(english, french)}


def said(value: Any, language: str) -> Any:
    """Return a member of a problem document with its sentences in one language."""
    if isinstance(value, Sentence):
        return value.said(language)
    if isinstance(value, Mapping):
        return {name: said(each, language) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [said(each, language) for each in value]
    return value
