"""What people decided, signed, tried and declared, as a report prints it. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from vigie.reports import words
from vigie.reports.facts import Evidence, Language
from vigie.reports.words import cut, day, moment, say

Printed = dict[str, Any]
_MOST_RESTORES: Final = 12
_GROUP: Final = 8


def exceptions(facts: Evidence, controls: Mapping[str, Any], language: Language) -> list[Printed]:
    """Return the deviations that held in the period: for what, why, by whom, until when."""
    found = []
    for each in facts.exceptions:
        control = controls.get(each.control)
        ended_at = min(each.ended_at or each.ends_at, each.ends_at)
        over = ended_at <= facts.as_of
        until = ("terminée le {day}", "ended {day}") if over else ("jusqu'au {day}", "until {day}")
        found.append(
            {
                "id": each.control.removeprefix("ANS-"),
                "title": say((control["title"],) * 2, language) if control else "",
                "device": cut(each.device, 40)
                if each.device
                else say(("tout le cabinet", "the whole practice"), language),
                "reason": cut(each.reason, 400),
                "measure": cut(each.measure, 300) if each.measure else "",
                "author": cut(each.author, 60),
                "from": _day(facts, each.starts_at, language),
                "to": say(until, language, day=_day(facts, ended_at, language)),
            }
        )
    return found


def questionnaires(facts: Evidence, language: Language) -> list[Printed]:
    """Return the questionnaires of suppliers: where each stands, and who signed its current revision."""
    return [
        {
            "title": say((each.title,) * 2, language),
            "supplier": cut(each.supplier, 60),
            "status": say(words.QUESTIONNAIRE_STATES[each.status], language),
            "signed": each.status == "signed",
            "revision": say(("révision {n}", "revision {n}"), language, n=each.revision),
            "signatures": [
                {
                    "name": cut(one.name, 60),
                    "party": say(words.SIGNERS[one.party], language),
                    "on": day(one.signed_on, language, short=True),
                    "way": say(words.WAYS[one.way], language),
                }
                for one in each.signatures
            ],
            "hash": _grouped(each.signatures[0].content_hash) if each.signatures else "",
        }
        for each in facts.questionnaires
    ]


def restores(facts: Evidence, language: Language) -> list[Printed]:
    """Return the latest restore tests."""
    return [
        {
            "on": day(each.tested_on, language, short=True),
            "scope": cut(each.scope, 120),
            "mark": {"success": "ok", "partial": "warn"}.get(each.result, "crit"),
            "result": say(words.RESTORES[each.result], language),
            "minutes": "" if each.minutes is None else say(("{n} min",) * 2, language, n=each.minutes),
            "by": cut(each.tested_by, 60),
        }
        for each in facts.restores[:_MOST_RESTORES]
    ]


def incidents(facts: Evidence, language: Language) -> list[Printed]:
    """Return the incidents that were open in the period."""
    return [
        {
            "kind": say(words.INCIDENTS.get(each.kind, (each.kind,) * 2), language),
            "known": moment(each.known_at, facts.period.zone, language),
            "closed": say(("clos le {day}", "closed {day}"), language, day=_day(facts, each.closed_at, language))
            if each.closed_at
            else say(("en cours", "open"), language),
        }
        for each in facts.incidents
    ]


def _day(facts: Evidence, at: datetime, language: Language) -> str:
    return day(at.astimezone(facts.period.zone).date(), language, short=True)


def _grouped(text: str) -> str:
    return " ".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))
