"""What a device reported, as people read it: each section's facts with a name and a value in words. Pure.

A section is a document of closed words and numbers (`openapi/hb-1.schema.json`). What has a name here is shown by it, in its order;
a word that only a newer agent knows is shown as it came.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from vigie.console.catalogues import Texts
from vigie.console.facts_words import NAMES, STATUS, UNITS, WHY, WORDS

_LISTED: Final[Mapping[str, Mapping[str, str]]] = {
    "antivirus": {"products": "name"},
    "firewall": {"profiles": "name"},
    "encryption": {"volumes": "role"},
    "storage": {"volumes": "role", "disks": "kind"},
    "backup": {"jobs": "job", "tools": "tool"},
    "agent_health": {"collectors": "name"},
    "patch": {"items": "kb", "apps": "slug"},
}
"""Lists whose elements are told apart by a field of theirs."""
_TITLES: Final = ("job", "name", "role", "kind", "tool", "slug", "kb")
"""Fields by which an element of evidence is told from the next."""
_CODES: Final = frozenset(
    {"section", "collected_at", "reason", "last_reason", "accepted_until", "accepted_reason", "exception"}
)
"""What a finding rests on and is said elsewhere, in words."""
_STATUS_MARK: Final = {
    "ok": "ok",
    "partial": "warning",
    "unknown": "unknown",
    "absent": "not_applicable",
    "not_applicable": "not_applicable",
    "disabled": "not_applicable",
}
_MINUTE_S, _HOUR_S, _GIGA = 60, 3600, 1e9
_PLAIN: Final = (bool, int, float, str)
_INSTANT_SUFFIX: Final = ("_at", "engine_date", "since", "counted_from")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_SECTION_ORDER: Final = (
    *("os", "patch", "backup", "antivirus", "firewall", "encryption", "accounts", "screen_lock", "exposure"),
    *("storage", "power", "health_card", "agent_health"),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. `at`: its value where that is an instant; `of`: which element of a list it belongs to, if any."""

    name: str
    value: str
    at: str | None = None
    of: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One section as it is shown. `state`: of the API, for its mark; `errors`: why it could not be read, each with its code."""

    key: str
    name: str
    status: str
    state: str
    changed_at: str
    confirmed_at: str | None
    source: str
    facts: Sequence[Fact]
    errors: Sequence[tuple[str, str]]


def sections_of(items: Sequence[Mapping[str, Any]], texts: Texts) -> list[Section]:
    """Return the sections of a device in the order in which people look for them."""
    order = {name: place for place, name in enumerate(_SECTION_ORDER)}
    known = sorted(items, key=lambda item: (order.get(item["section"], len(order)), item["section"]))
    return [_section(item, texts) for item in known]


def _section(item: Mapping[str, Any], texts: Texts) -> Section:
    body, key = item["body"], item["section"]
    return Section(
        key=key,
        name=name_of(key, texts),
        status=_said(texts, STATUS, body["status"]),
        state=_STATUS_MARK.get(body["status"], "unknown"),
        changed_at=item["changed_at"],
        confirmed_at=item["confirmed_at"],
        source=body["source"],
        facts=facts_of(key, body.get("data") or {}, texts),
        errors=[
            (_said(texts, WHY, error["code"]), " ".join(filter(None, (error["source"], error.get("detail")))))
            for error in body["errors"]
        ],
    )


def name_of(key: str, texts: Texts) -> str:
    """Return what a section, or a fact of one, is called; itself where it has no name here."""
    return _said(texts, NAMES, key)


def proof_of(evidence: Mapping[str, Any], texts: Texts) -> list[Fact]:
    """Return what a finding rests on, in words; what its sentence says already is left out."""
    return list(_proof(evidence, texts, ""))


def _proof(evidence: Mapping[str, Any], texts: Texts, of: str) -> Iterator[Fact]:
    for key, value in evidence.items():
        if key in _CODES or value is None or value in ([], {}):
            continue
        if isinstance(value, Mapping):
            yield from _proof(value, texts, name_of(key, texts))
        elif isinstance(value, list) and all(isinstance(each, Mapping) for each in value):
            for element in value:
                title = next((name for name in _TITLES if element.get(name)), None)
                rest = {name: each for name, each in element.items() if name != title}
                yield from _proof(
                    rest, texts, _said(texts, WORDS, str(element[title])) if title else name_of(key, texts)
                )
        else:
            yield fact_of(key, value, texts, of)


def _said(texts: Texts, words: Mapping[str, str], key: str) -> str:
    found = words.get(key)
    return key if found is None else texts.gettext(found)


def facts_of(section: str, data: Mapping[str, Any], texts: Texts) -> list[Fact]:
    """Return the facts of a section, in the order in which the agent tells them; what it does not know is left out."""
    return list(_facts(section, data, texts, ""))


def _facts(section: str, data: Mapping[str, Any], texts: Texts, of: str) -> Iterator[Fact]:
    listed = _LISTED.get(section, {})
    for key, value in data.items():
        if value is None or value in ([], {}):
            continue
        if isinstance(value, Mapping):
            yield from _facts(section, value, texts, of or name_of(key, texts))
        elif key in listed and isinstance(value, Sequence):
            for element in value:
                title = str(element.get(listed[key]) or element.get("name") or "")
                rest = {name: each for name, each in element.items() if name != listed[key]}
                yield from _facts(section, rest, texts, _said(texts, WORDS, title))
        else:
            yield fact_of(key, value, texts, of)


def fact_of(key: str, value: object, texts: Texts, of: str = "") -> Fact:
    """Return one fact in words: dates stay instants, numbers get their unit, words of the agent become people's."""
    name = name_of(key, texts)
    if isinstance(value, str) and key.endswith(_INSTANT_SUFFIX) and _INSTANT.fullmatch(value):
        return Fact(name, "", value, of)
    said = _said_once(key, value, texts) if isinstance(value, _PLAIN) else value_of(key, value, texts)
    return Fact(name, said, None, of)


@lru_cache(maxsize=8192, typed=True)
def _said_once(key: str, value: object, texts: Texts) -> str:
    """Remember the words of a plain value: the devices of a fleet say the same of themselves."""
    return value_of(key, value, texts)


def _amount(key: str, value: float, texts: Texts) -> str:
    if key.endswith("_days"):
        return texts.ngettext("%(num)s jour", "%(num)s jours", int(value)) % {"num": value}
    if key == "bytes":
        key, value = "_gb", round(value / _GIGA, 1)
    elif key.endswith("_s") and value >= 2 * _HOUR_S:
        key, value = "hours", round(value / _HOUR_S)
    elif key.endswith("_s") and value >= 2 * _MINUTE_S:
        key, value = "_min", round(value / _MINUTE_S)
    unit = next((text for ending, text in UNITS.items() if key.endswith(ending)), None)
    return str(value) if unit is None else texts.gettext(unit) % {"num": value}


def value_of(key: str, value: object, texts: Texts) -> str:
    """Return a value in words."""
    if isinstance(value, bool):
        word = WORDS["yes"] if value else WORDS["no"]
        return texts.gettext(word)
    if isinstance(value, int | float):
        return _amount(key, value, texts)
    if isinstance(value, Mapping):
        return ", ".join(f"{name_of(name, texts)} {value_of(name, each, texts)}" for name, each in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(value_of(key, each, texts) for each in value)
    return _said(texts, WORDS, str(value))
