"""The texts of the pages in both languages.

French sentences stand in the templates and in the code; `locale/en/*.po` has their English, one catalogue per page. A French text
is set as French is set (no-break spaces, curled apostrophes) when it is first shown, never by hand.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from babel.messages.pofile import read_po

from vigie.core.french import french

Language = Literal["fr", "en"]
LOCALE: Final = Path(__file__).parent / "locale" / "en"


class MissingTranslationError(LookupError):
    """A text has no English: `python tools/messages.py` puts it into its catalogue."""


def _entries() -> Iterator[tuple[tuple[str | None, str], tuple[str, ...]]]:
    for file in sorted(LOCALE.glob("*.po")):
        with file.open("rb") as opened:
            for message in read_po(opened, locale="en"):
                text = message.id if isinstance(message.id, str) else message.id[0]
                said = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
                if text and said and all(said):
                    yield (message.context, text), said


@lru_cache(maxsize=1)
def english() -> dict[tuple[str | None, str], tuple[str, ...]]:
    """Return the English of every text: context and French (the singular, where there are two) → one or two texts."""
    return dict(_entries())


_set = lru_cache(maxsize=8192)(french)


class Texts:
    """The texts in one language, by the functions of gettext."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def gettext(self, text: str) -> str:
        """Return a text in this language; raises `MissingTranslationError`."""
        return _set(text) if self.language == "fr" else self._english(None, text)[0]

    def said(self, text: str) -> str:
        """Return a sentence that the API said in this language, set as its language is."""
        return _set(text) if self.language == "fr" else text

    def pgettext(self, context: str, text: str) -> str:
        """Return a text that means one thing here and another elsewhere."""
        return _set(text) if self.language == "fr" else self._english(context, text)[0]

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """Return the text for a number of things: in French none is singular too."""
        if self.language == "fr":
            return _set(singular if abs(number) < 2 else plural)  # noqa: PLR2004 - two is where French plural begins
        found = self._english(None, singular)
        return found[0] if abs(number) == 1 else found[-1]

    def npgettext(self, context: str, singular: str, plural: str, number: int) -> str:
        """Return the text for a number of things, in a context."""
        if self.language == "fr":
            return self.ngettext(singular, plural, number)
        found = self._english(context, singular)
        return found[0] if abs(number) == 1 else found[-1]

    @staticmethod
    def _english(context: str | None, text: str) -> tuple[str, ...]:
        found = english().get((context, text))
        if found is None:
            raise MissingTranslationError(text)
        return found


TEXTS: Final = {"fr": Texts("fr"), "en": Texts("en")}
