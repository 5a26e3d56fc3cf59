"""The words of the catalogue for messages: what a point is called, what is the matter with it, what to do next. Pure."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from vigie.alerts.wording import Described
from vigie.overview.explaining import Language, fill, leaves_open
from vigie.posture.catalogue import load_catalogue


def describe(control: str, reason: str, language: str, values: Mapping[str, Any]) -> Described | None:
    """Return the words for a state of a control; None when the catalogue does not know it.

    `values`: evidence and thresholds. Without them, a sentence that needs numbers is left out instead of guessed.
    """
    return _described(control, reason, language, values) if values else _in_general(control, reason, language)


@lru_cache(maxsize=1024)
def _in_general(control: str, reason: str, language: str) -> Described | None:
    """Return what is said of a state wherever it is: the same few sentences for a whole list of alerts."""
    return _described(control, reason, language, {})


def _described(control: str, reason: str, language: str, values: Mapping[str, Any]) -> Described | None:
    catalogue, spoken = load_catalogue(), cast("Language", language)
    known = catalogue.controls.get(control)
    if known is None:
        return None
    title = f"{control.removeprefix('ANS-')} {getattr(known.title, spoken)}"
    text = catalogue.reasons.get(reason)
    if text is None:
        return Described(title, "", "")
    says, following = (
        fill(each, spoken, values) if values or not leaves_open(each, spoken) else "" for each in (text.says, text.next)
    )
    return Described(title, says, following)
