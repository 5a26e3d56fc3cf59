"""How French is set: the spaces and apostrophes a typewriter has no keys for. Pure."""

import re
from functools import lru_cache
from typing import Final

_THIN, _WIDE = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"
_UNIT: Final = re.compile(r"(?<=\d) (?=(?:jours?|heures?|minutes?|min|h|s|ans?|mois|semaines?|[kMGT]o|%)\b|%)")


@lru_cache(maxsize=16_384)
def french(text: str) -> str:
    """Return a text with no-break spaces inside quotation marks, before high punctuation and units, and curled apostrophes.

    Remembered: a list says the same few sentences of many practices.
    """
    text = text.replace("'", "\N{RIGHT SINGLE QUOTATION MARK}").replace("« ", f"«{_WIDE}").replace(" »", f"{_WIDE}»")
    text = re.sub(r" (?=:)", _WIDE, text)
    text = _UNIT.sub(_WIDE, text)
    return re.sub(r" (?=[;?!])", _THIN, text)
