"""From what was gathered to what is printed: every word, date and number of a report, ready to be set. Pure.

The template only lays out. What people wrote is cut to a length, so that one long text cannot push a page aside.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from vigie.reports import words
from vigie.reports.changes import told
from vigie.reports.facts import DeviceFact, Evidence, Language
from vigie.reports.proofs import Proof, proof_of
from vigie.reports.recorded import exceptions, incidents, questionnaires, restores
from vigie.reports.words import Words, clock, counted, cut, day, moment, say

Printed = dict[str, Any]
_MARKS: Final = {"pass": "ok", "warn": "warn", "fail": "crit", "unknown": "unk", "not_applicable": "na"}
_LIGHT_MARKS: Final = {"ok": "ok", "warning": "warn", "critical": "crit", "unknown": "unk"}
_NAMED: Final = 3
_WORST_FIRST: Final = ("fail", "unknown", "warn")
_HEADLINES: Final[Mapping[str, Sequence[str]]] = {
    "patch": ("ANS-2.1", "ANS-2.2", "ANS-2.3", "ANS-2.4", "ANS-2.5"),
    "backup": ("ANS-5.1", "ANS-5.2", "ANS-5.3", "ANS-5.4", "ANS-5.5", "ANS-5.6", "ANS-5.7", "ANS-5.8"),
}
_PROTECTION: Final = ("ANS-2.6", "ANS-2.7", "ANS-2.8")
_LONG: Final = 90
_SENTENCE: Final = 240
_MOST_TASKS: Final = 3
_MOST_DEVICES: Final = 80


def compose(facts: Evidence, number: str, language: Language) -> Printed:
    """Return everything a report says, by the names its template knows."""
    writer = _Writer(facts, language)
    return {
        "lang": language,
        "number": number,
        "head": writer.head(number),
        "lights": [writer.light(each) for each in facts.checklist["headlines"]],
        "score": writer.score(),
        "rules": [writer.rule(rule) for rule in facts.checklist["rules"]],
        "words": {name: say(text, language) for name, text in words.LABELS.items()}
        | {"device_columns": [say(each, language) for each in words.DEVICE_COLUMNS]},
        "marks": {mark: say(text, language) for mark, text in words.MARKS.items()},
        "legend": [{"mark": mark, "word": say(text, language)} for mark, text in words.MARKS.items()],
        "tasks": writer.tasks(),
        "changes": told(facts, language),
        "alerts": writer.alerts(),
        "devices": [writer.device(each) for each in facts.devices[:_MOST_DEVICES]],
        "more_devices": max(0, len(facts.devices) - _MOST_DEVICES),
        "exceptions": exceptions(facts, writer.controls, language),
        "questionnaires": questionnaires(facts, language),
        "restores": restores(facts, language),
        "incidents": incidents(facts, language),
        "proofs": writer.proofs(),
        "method": [say(each, language) for each in words.METHOD],
        "notice": say(words.NOTICE, language),
    }


class _Writer:
    """Puts the facts of one report into words of one language."""

    def __init__(self, facts: Evidence, language: Language) -> None:
        self.facts = facts
        self.language: Language = language
        self.zone = facts.period.zone
        self.controls: dict[str, Any] = {
            control["id"]: control for rule in facts.checklist["rules"] for control in rule["controls"]
        }
        self.evidence: dict[str, Proof] = {name: proof_of(control) for name, control in self.controls.items()}

    def say(self, words_: Words, **parts: object) -> str:
        return say(words_, self.language, **parts)

    def day(self, found: date | None, *, short: bool = True) -> str:
        return "" if found is None else day(found, self.language, short=short)

    def head(self, number: str) -> Printed:
        facts, period = self.facts, self.facts.period
        practice = cut(facts.practice, _LONG)
        return {
            "provider": cut(facts.provider, 60),
            "practice": practice,
            "place": cut(facts.city or "", 60),
            "title": self.say(("Sécurité informatique du cabinet", "IT security of the practice")),
            "document": self.say(("Rapport nº {number}, {practice}", "Report No. {number}, {practice}"))
            .replace("{number}", number)
            .replace("{practice}", practice),
            "number": self.say(("Rapport nº {number}", "Report No. {number}"), number=number),
            "period": self.say(
                ("du {first} au {last}", "{first} to {last}"),
                first=self.day(period.first, short=False),
                last=self.day(period.last, short=False),
            ),
            "as_of": self.say(
                ("état arrêté au {as_of}", "state as of {as_of}"), as_of=moment(facts.as_of, self.zone, self.language)
            ),
        }

    def mark(self, control: Mapping[str, Any]) -> str:
        """Return the shape of a control: an accepted deviation has one of its own."""
        accepted = control["state"] == "warn" and control["accepted"]
        return "acc" if accepted else _MARKS[control["state"]]

    def light(self, found: Mapping[str, Any]) -> Printed:
        """Return a light in the sentence that the checklist says, and which devices it is about."""
        since = found["since"].astimezone(self.zone).date()
        says = cut(self._set(found["says"]), 150)
        if found["devices"]:
            says = f"{says} {self._which(found['devices'], found['devices_in_state'] or len(found['devices']))}"
        return {
            "name": self.say(words.LIGHTS[found["name"]]),
            "mark": _LIGHT_MARKS[found["state"]],
            "word": self.say(words.STATES[found["state"]]),
            "say": says,
            "since": self.say(("depuis le {day}", "since {day}"), day=self.day(since)),
        }

    def _which(self, aliases: Sequence[str], in_all: int) -> str:
        names = [cut(each, 24) for each in aliases[:_NAMED]]
        if left := in_all - len(names):
            names.append(counted(left, ("{n} autre", "{n} other"), ("{n} autres", "{n} others"), self.language))
        return self.say(("Concerne {names}.", "Concerns {names}."), names=words.listed(names, self.language))

    def _sentence(self, control: Mapping[str, Any]) -> str:
        """Return what a control says: of devices, what is the matter with the first in its state, and which they are."""
        devices = [each for each in control["devices"] if each["state"] == control["state"]]
        if not devices or control["devices_concerned"] is None:
            return cut(self._set(control["says"]), _SENTENCE)
        if control["state"] == "pass":
            all_ = control["devices_concerned"]
            one, many = f"{{n}} poste sur {all_} conforme.", f"{{n}} postes sur {all_} conformes."
            english = f"{{n}} of {all_} {'device' if all_ == 1 else 'devices'} in order."
            return counted(control["devices_in_state"], (one, english), (many, english), self.language)
        which = self._which([each["alias"] for each in devices], len(devices))
        return f"{cut(self._set(devices[0]['says']), _SENTENCE)} {which}"

    def _set(self, text: str) -> str:
        return self.say((text.replace("{", "(").replace("}", ")"),) * 2)

    def score(self) -> Printed:
        """Return the score, what it was when the period began, and its course as points of a unit square."""
        known = [(each, score) for each, score in self.facts.score if score is not None]
        now = self.facts.checklist["score"]
        first = known[0] if known else None
        shown: Printed = {
            "now": None if now is None else str(now),
            "unit": self.say(("sur 100", "of 100")),
            "name": self.say(("Score du mémento", "Score of the mémento")),
            "trend": self.say(("Pas encore de recul : le score est connu depuis peu.", "Too early to tell a trend.")),
            "course": [],
            "from": "",
            "to": "",
        }
        if now is None:
            shown["trend"] = self.say(
                ("Aucun point n'a encore pu être constaté.", "No point could be judged yet."),
            )
        if first is None or now is None or len(known) < 2:  # noqa: PLR2004 - a course has two ends
            return shown
        begin, last = known[0][0], known[-1][0]
        span = max(1, (last - begin).days)
        shown["course"] = [[(each - begin).days / span, score / 100] for each, score in _corners(known)]
        shown["from"], shown["to"] = self.day(begin), self.day(last)
        change = now - first[1]
        if change == 0:
            trend = self.say(("Inchangé depuis le {day}", "Unchanged since {day}"), day=self.day(begin))
        else:
            sign = "+" if change > 0 else "\N{MINUS SIGN}"
            trend = self.say(
                ("{change} depuis le {day}", "{change} since {day}"),
                change=f"{sign}{abs(change)}",
                day=self.day(begin),
            )
        shown["trend"] = trend
        return shown

    def rule(self, rule: Mapping[str, Any]) -> Printed:
        controls = rule["controls"]
        marks = [self.mark(control) for control in controls]
        counts = Counter(marks)
        dates = [proof.on for control in controls if (proof := self.evidence[control["id"]]).on is not None]
        return {
            "n": str(rule["id"]),
            "title": self.say(words.RULES[rule["id"]]),
            "long": self._set(rule["title"]),
            "marks": marks,
            "alt": ", ".join(f"{counts[mark]} {self.say(text)}" for mark, text in words.MARKS.items() if counts[mark]),
            "fraction": self.say(("{n} sur {all}", "{n} of {all}"), n=counts["ok"], all=len(marks) - counts["na"]),
            "proof": self.day(max(dates, default=None)),
            "controls": [self.control(control, mark) for control, mark in zip(controls, marks, strict=True)],
        }

    def control(self, control: Mapping[str, Any], mark: str) -> Printed:
        proof = self.evidence[control["id"]]
        return {
            "id": control["id"].removeprefix("ANS-"),
            "mark": mark,
            "title": self._set(control["title"]),
            "says": self._sentence(control),
            "proof": " · ".join(filter(None, (self.say(words.PROOFS[proof.kind]), self.day(proof.on)))),
        }

    def tasks(self) -> list[Printed]:
        """Return what would help most, by who has to do it, the heaviest gains first; and how much more there is."""
        by_party: dict[str, list[Printed]] = {party: [] for party in words.PARTIES}
        for found in self.facts.checklist["improvements"]:
            items = by_party[found["responsible"][0]]
            if len(items) < _MOST_TASKS:
                step = cut(self._set(found["first_step"]), _SENTENCE)
                title = self._set(found["title"])
                items.append({"id": found["control"].removeprefix("ANS-"), "title": title, "step": step})
        open_ = Counter(
            control["responsible"][0]
            for control in self.controls.values()
            if self.mark(control) in {"crit", "warn", "unk"}
        )
        return [
            {"party": self.say(words.PARTIES[party]), "items": items, "more": self._more(open_[party] - len(items))}
            for party, items in by_party.items()
            if items
        ]

    def _more(self, left: int) -> str:
        if left <= 0:
            return ""
        english = "and {n} more, further on"
        one, many = ("et {n} autre point, plus loin", english), ("et {n} autres points, plus loin", english)
        return counted(left, one, many, self.language)

    def alerts(self) -> str:
        if not self.facts.alerts:
            return self.say(("Aucune alerte ouverte pendant la période.", "No alert was opened in the period."))
        opened = sum(each.opened for each in self.facts.alerts)
        living = sum(each.living for each in self.facts.alerts)
        causes = [
            f"{self.say(words.CAUSES.get(each.cause, (each.cause, each.cause))).lower()} ({each.opened})"
            for each in self.facts.alerts
        ]
        return (
            counted(
                opened,
                ("{n} alerte ouverte", "{n} alert opened"),
                ("{n} alertes ouvertes", "{n} alerts opened"),
                self.language,
            )
            + self.say((" : ", ": "))
            + ", ".join(causes)
            + ". "
            + (
                counted(
                    living,
                    ("{n} est encore ouverte.", "{n} is still open."),
                    ("{n} sont encore ouvertes.", "{n} are still open."),
                    self.language,
                )
                if living
                else self.say(("Toutes sont closes.", "All are closed."))
            )
        )

    def device(self, device: DeviceFact) -> Printed:
        seen = self.say(("jamais entendu", "never heard"))
        if device.last_seen_at is not None:
            seen = clock(device.last_seen_at, self.zone, self.language)
        return {
            "alias": cut(device.alias, 40),
            "role": self.say(words.ROLES.get(device.role, (device.role, device.role))),
            "system": cut(device.system or "", 48) or self.say(("inconnu", "unknown")),
            "seen": seen,
            "silent": device.silent,
            **{
                name: self._worst_on(device.id, controls)
                for name, controls in (*_HEADLINES.items(), ("protection", _PROTECTION))
            },
        }

    def _worst_on(self, device_id: str, controls: Sequence[str]) -> str:
        """Return the mark of the worst of some controls on a device; nothing was judged of it: `na`."""
        states = {
            each["state"]
            for control in controls
            for each in self.controls.get(control, {"devices": ()})["devices"]
            if each["device_id"] == device_id
        }
        for state in (*_WORST_FIRST, "pass"):
            if state in states:
                return _MARKS[state]
        return "na"

    def proofs(self) -> str:
        """Return how many points rest on what: what is measured, what is declared, what nobody could tell."""
        kinds = Counter(proof.kind for proof in self.evidence.values())
        parts = [
            counted(
                kinds["measured"],
                ("{n} point mesuré par les agents", "{n} point measured by agents"),
                ("{n} points mesurés par les agents", "{n} points measured by agents"),
                self.language,
            ),
            counted(
                kinds["declared"],
                ("{n} déclaré par une personne", "{n} declared by a person"),
                ("{n} déclarés par une personne", "{n} declared by a person"),
                self.language,
            ),
            counted(
                kinds["records"],
                ("{n} tiré des registres", "{n} from dated records"),
                ("{n} tirés des registres", "{n} from dated records"),
                self.language,
            ),
            counted(
                kinds["none"],
                ("{n} sans preuve à ce jour", "{n} without proof so far"),
                ("{n} sans preuve à ce jour", "{n} without proof so far"),
                self.language,
            ),
        ]
        return ", ".join(parts) + "."


def _corners(known: Sequence[tuple[date, int]]) -> list[tuple[date, int]]:
    """Return only the days on which the score turned, with the ends: a flat line needs two points, not three hundred."""
    kept = []
    for place, (each, score) in enumerate(known):
        before = known[place - 1][1] if place else None
        after = known[place + 1][1] if place + 1 < len(known) else None
        if score != before or score != after:
            kept.append((each, score))
    return kept
