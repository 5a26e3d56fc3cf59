"""The questions that only somebody at the practice, or only the provider, can answer. Pure."""

from collections.abc import Mapping
from typing import Any, Final

_OPEN: Final = frozenset({"not_answered", "answer_expiring", "answer_expired", "answer_lapsed"})


def questions_of(checklist: Mapping[str, Any], kind: str = "practice") -> list[dict[str, Any]]:
    """Return the controls to answer or to answer again, in the order of the catalogue, each with its rule."""
    return [
        {**control, "rule": rule}
        for rule in checklist["rules"]
        for control in rule["controls"]
        if control["kind"] == kind and control["reason"] in _OPEN
    ]
