"""What a message says, before it is laid out for mail, chat or a program. Pure values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

Tone = Literal["critical", "warning", "info", "ok"]
_HEADING: Final = 80  # characters of a practice's name, which has up to 500


def short(practice: str) -> str:
    """Return the name of a practice as a heading bears it: its beginning, so that what is said of it follows in sight."""
    return practice if len(practice) <= _HEADING else practice[: _HEADING - 1].rstrip() + "…"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list: what it is about, what is said of it, how bad that is, and where to read more."""

    head: str
    text: str = ""
    tone: Tone | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a longer message, under a heading of its own."""

    heading: str
    lines: Sequence[Line]
    otherwise: str = ""  # what is said when there is no line


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in one language.

    `mark`: one or two words before the title, such as how severe it is. `facts`: name and value. `advice`: what to do, in order.
    `link`: an address of the console, with what the button says. `why`: why somebody receives this.
    """

    language: str
    subject: str
    mark: str
    title: str
    tone: Tone
    lead: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    advice_heading: str = ""
    advice: Sequence[str] = ()
    parts: Sequence[Part] = field(default=())
    link: tuple[str, str] | None = None
    why: str = ""
    sender: str = "Vigie"
