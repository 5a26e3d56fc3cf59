"""A letter laid out: as plain text, as HTML for mail programs, and in the few lines that chats and telephones show.

The HTML holds no picture, no script and no address but ours; its colours are for light and dark screens alike. Everything that
is filled in is escaped.
"""

import textwrap
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from jinja2 import FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.sandbox import SandboxedEnvironment

from vigie.alerts.letters import Letter, Tone

_WIDTH: Final = 76
_MARKS: Final[Mapping[Tone | None, str]] = {"critical": "■", "warning": "▲", "info": "•", "ok": "✓", None: "-"}
_COLOURS: Final[Mapping[Tone, str]] = {"critical": "#b3261e", "warning": "#9a5b00", "info": "#355f8a", "ok": "#1f6f43"}
_BRIEF: Final = 700


@lru_cache(maxsize=1)
def _environment() -> SandboxedEnvironment:
    made = SandboxedEnvironment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["wrapped"] = _wrapped
    return made


def _wrapped(text: str, indent: int = 0, first: str = "") -> str:
    """Return a text in lines of a width that every mail program leaves alone; `first` begins the first of them."""
    lead = " " * indent
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=first or lead,
        subsequent_indent=lead,
        break_long_words=False,
        break_on_hyphens=False,
    )


def as_text(letter: Letter) -> str:
    """Return a letter as plain text."""
    laid_out = _environment().get_template("letter.txt").render(letter=letter, marks=_MARKS)
    return laid_out.strip("\n") + "\n"


def as_html(letter: Letter) -> str:
    """Return a letter as an HTML document."""
    return _environment().get_template("letter.html").render(letter=letter, colours=_COLOURS)


def as_brief(letter: Letter) -> str:
    """Return a letter in few lines, for a chat, a ticket or a text message; the subject is not repeated."""
    colon = "\N{NO-BREAK SPACE}: " if letter.language == "fr" else ": "
    lines = [*letter.lead, *(f"{name}{colon}{value}" for name, value in letter.facts)]
    for part in letter.parts:
        lines.append(part.heading if part.lines else f"{part.heading}{colon}{part.otherwise}")
        lines += [f"{_MARKS[line.tone]} {line.head}" + (f" ({line.text})" if line.text else "") for line in part.lines]
    text = "\n".join([*lines, *letter.advice])
    if len(text) > _BRIEF:
        text = text[:_BRIEF].rpartition("\n")[0] + "\n…"
    return f"{text}\n{letter.link[1]}" if letter.link is not None else text
