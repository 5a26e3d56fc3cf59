"""What a report tells of a period: lights that turned, devices that came and went, what was accepted, signed, tried. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from vigie.reports import words
from vigie.reports.facts import Change, Evidence, Language
from vigie.reports.words import counted, cut, day, listed, say

_SHOWN_LIGHTS: Final = ("patch", "backup", "checklist")
_MOST: Final = 16
_COUNTED: Final[Mapping[str, tuple[words.Words, words.Words]]] = {
    "device.enrolled": (
        ("{n} poste ajouté", "{n} device added"),
        ("{n} postes ajoutés", "{n} devices added"),
    ),
    "device.revoked": (
        ("{n} poste retiré", "{n} device removed"),
        ("{n} postes retirés", "{n} devices removed"),
    ),
    "practice.line_down": (
        ("{n} coupure de la ligne", "{n} outage of the line"),
        ("{n} coupures de la ligne", "{n} outages of the line"),
    ),
}
"""What is counted per day instead of told one by one."""
_TOLD: Final[Mapping[str, words.Words]] = {
    "exception.created": ("dérogation accordée au point {control}", "deviation accepted for point {control}"),
    "exception.ended": ("fin d'une dérogation au point {control}", "end of a deviation for point {control}"),
    "restore_test.recorded": ("essai de restauration noté", "restore test recorded"),
    "questionnaire.signed": ("questionnaire signé {party}", "questionnaire signed {party}"),
    "incident.declared": ("incident déclaré", "incident declared"),
}


def told(facts: Evidence, language: Language) -> dict[str, Any]:
    """Return the changes of a report: a line per day, the latest first, and how many were left out."""
    by_day: dict[date, list[Change]] = {}
    for change in facts.changes:
        by_day.setdefault(change.happened_at.astimezone(facts.period.zone).date(), []).append(change)
    lines = [
        {"on": day(each, language, short=True), "text": text}
        for each, found in sorted(by_day.items(), reverse=True)
        if (text := _of_day(found, language))
    ]
    left = max(0, len(lines) - _MOST)
    more = ""
    if left or facts.more_changes:
        more = say(
            (
                "Les changements plus anciens de la période sont conservés et se lisent dans la console.",
                "Earlier changes of the period are kept and can be read in the console.",
            ),
            language,
        )
    none = say(("Aucun changement pendant la période.", "Nothing changed in the period."), language)
    return {"lines": lines[:_MOST], "more": more, "none": none, "answers": _answers(facts, language)}


def _answers(facts: Evidence, language: Language) -> str:
    """Return how many points people answered: told together, because a checklist is answered in one go or over months."""
    given = sum(change.kind == "attestation.given" for change in facts.changes)
    one = ("{n} réponse a été donnée aux points de contrôle.", "{n} answer was given to the control points.")
    many = ("{n} réponses ont été données aux points de contrôle.", "{n} answers were given to the control points.")
    return counted(given, one, many, language) if given else ""


def _of_day(found: Sequence[Change], language: Language) -> str:
    """Return one line about a day: first what the lights did, from its first state to its last."""
    parts = _lights(found, language)
    counts = Counter(change.kind for change in found)
    parts += [counted(counts[kind], *texts, language) for kind, texts in _COUNTED.items() if counts[kind]]
    seen: dict[str, None] = {}
    for change in reversed(found):
        if change.kind in _TOLD:
            party = words.SIGNERS.get(change.payload.get("party", ""), ("", ""))
            control = str(change.payload.get("control", "")).removeprefix("ANS-")
            seen[say(_TOLD[change.kind], language, control=control, party=say(party, language))] = None
    parts += list(seen)
    text = cut(listed(parts, language) if len(parts) < 3 else "; ".join(parts), 320)  # noqa: PLR2004 - more need a stronger stop
    if language == "fr":
        text = text.replace("; ", "\N{NARROW NO-BREAK SPACE}; ")
    return text[:1].upper() + text[1:]


def _lights(found: Sequence[Change], language: Language) -> list[str]:
    """Return the lights that stand otherwise at the end of a day than before it; what came and went within the day is quiet."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for change in reversed(found):  # the earliest first
        if change.kind == "posture.changed":
            for turn in change.payload["headlines"]:
                before.setdefault(turn["headline"], turn["from"])
                after[turn["headline"]] = turn["to"]
    colon = say((" : ", ": "), language)
    return [
        f"{say(words.LIGHTS[name], language)}{colon}{_state(before[name], language)} → {_state(after[name], language)}"
        for name in _SHOWN_LIGHTS
        if name in after and before[name] != after[name]
    ]


def _state(light: str, language: Language) -> str:
    return say(words.STATES[light], language).lower()
