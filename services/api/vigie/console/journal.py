"""The log of a practice: what changed, in sentences, by days; and what was held back. Pure.

Events come as `GET /v1/practices/{id}/changes` gives them. A change that says what another one beside it says already is left out,
and answers that somebody gave in a row are one line.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo

from vigie.console.catalogues import Texts
from vigie.console.shown import instant

Event = Mapping[str, Any]
_ALERTING: Final = frozenset({"alert.opened", "alert.reopened", "alert.updated"})
_DECIDED_BY: Final = {"critical": "fail", "unknown": "unknown", "warning": "warn"}
_RULE_OF: Final = {"patch": "ANS-2.", "backup": "ANS-5."}
_NAMED: Final = 2
"""So many controls are named in a line; the rest is counted."""
_MARK_OF_ALERT: Final = {"critical": "critical", "warning": "warning", "info": "unknown"}
_WORST_FIRST: Final = ("critical", "fail", "warning", "warn", "unknown", "accepted", "ok", "pass", "not_applicable")


def _(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


SOMEBODY: Final = _("Quelqu'un")
PLAIN: Final[Mapping[str, tuple[str, str]]] = {
    "practice.created": ("plus", _("%(by)s a ajouté le cabinet")),
    "practice.changed": ("pen", _("%(by)s a modifié la fiche du cabinet")),
    "practice.archived": ("close", _("%(by)s a archivé le cabinet")),
    "practice.opening_hours_changed": ("cal", _("%(by)s a changé les horaires d'ouverture")),
    "practice.line_down": ("critical", _("Le cabinet ne répond plus : tous ses postes se sont tus ensemble")),
    "practice.line_restored": ("ok", _("Le cabinet répond de nouveau")),
    "practice.line_confirmed": ("unknown", _("C'était bien la ligne : des postes ont tourné pendant la coupure")),
    "policy.changed": ("pen", _("%(by)s a changé les seuils")),
    "device.enrolled": ("plus", _("%(device)s a rejoint le cabinet")),
    "device.reenrolled": ("pc", _("%(device)s a été installé de nouveau, avec une nouvelle clé")),
    "device.approved": ("person", _("%(by)s a approuvé %(device)s")),
    "device.changed": ("pen", _("%(by)s a modifié la fiche de %(device)s")),
    "device.revoked": ("close", _("%(by)s a retiré %(device)s du parc")),
    "device.clone_cleared": ("person", _("%(by)s a vérifié %(device)s : une seule machine")),
    "device.clone_suspect": ("warning", _("Deux machines se présentent comme %(device)s")),
    "device.silent": ("critical", _("%(device)s ne répond plus")),
    "device.returned": ("ok", _("%(device)s répond de nouveau")),
    "device.silence_explained": ("unknown", _("La cause du silence de %(device)s est connue")),
    "exception.created": ("accepted", _("%(by)s a accepté une dérogation")),
    "exception.ended": ("accepted", _("Une dérogation a pris fin")),
    "exception.expiring": ("warning", _("Une dérogation prend bientôt fin")),
    "attestation.given": ("pen", _("%(by)s a répondu à un point de contrôle")),
    "attestation.expiring": ("warning", _("Une réponse est bientôt à renouveler")),
    "attestation.expired": ("unknown", _("Une réponse ne compte plus : elle est à redonner")),
    "evidence.added": ("doc", _("%(by)s a déposé une pièce")),
    "action.opened": ("pen", _("Une action a été ouverte par une réponse « non »")),
    "action.changed": ("pen", _("%(by)s a mis à jour une action")),
    "action.closed": ("ok", _("Une action est faite")),
    "supplier.changed": ("person", _("%(by)s a modifié les fournisseurs")),
    "contract.changed": ("doc", _("%(by)s a modifié un contrat")),
    "contacts.changed": ("phone", _("%(by)s a modifié les contacts à appeler")),
    "contacts.confirmed": ("phone", _("%(by)s a confirmé les contacts à appeler")),
    "restore_test.recorded": ("pen", _("%(by)s a noté un essai de restauration")),
    "questionnaire.signed": ("pen", _("Un questionnaire a été signé")),
    "questionnaire.reopened": ("warning", _("Un questionnaire signé est à revoir : ses réponses ont changé")),
    "alert.acknowledged": ("person", _("%(by)s a pris en charge une alerte")),
    "alert.assigned": ("person", _("%(by)s a confié une alerte")),
    "alert.snoozed": ("moon", _("%(by)s a mis une alerte en sommeil")),
    "alert.commented": ("pen", _("%(by)s a commenté une alerte")),
    "alert.resolved": ("person", _("%(by)s a résolu une alerte")),
    "alert.opened": ("unknown", _("Une alerte s'est ouverte")),
    "alert.updated": ("unknown", _("Une alerte a changé")),
    "alert.escalated": ("warning", _("Une alerte est restée sans réponse : les suivants ont été prévenus")),
    "alert.reopened": ("warning", _("Une alerte s'est rouverte")),
    "alert.closed": ("ok", _("Une alerte s'est refermée")),
    "maintenance_window.created": ("cal", _("%(by)s a annoncé une intervention")),
    "maintenance_window.ended": ("cal", _("Une intervention annoncée a pris fin")),
    "report.issued": ("doc", _("Un rapport a été établi")),
    "incident.declared": ("critical", _("%(by)s a déclaré un incident")),
    "incident.step": ("pen", _("%(by)s a noté une étape de l'incident")),
    "incident.logged": ("pen", _("%(by)s a complété le journal de l'incident")),
    "incident.notified": ("pen", _("%(by)s a noté une déclaration de l'incident")),
    "incident.frozen": ("doc", _("%(by)s a scellé les preuves de l'incident")),
    "incident.closed": ("ok", _("%(by)s a clos l'incident")),
}
"""Kind of event → its icon, or the state it shows, and its sentence."""
ANSWERS: Final = {"yes": _("Réponse : oui"), "no": _("Réponse : non"), "not_applicable": _("Réponse : sans objet")}
CAUSES: Final = {
    "unknown": _("Cause inconnue"),
    "machine_off": _("Le poste était éteint ou en veille"),
    "agent_broken": _("Le poste tournait, son agent ne remontait plus"),
    "line": _("La ligne du cabinet était coupée"),
    "service": _("Le défaut venait de notre service"),
}
HELD: Final = {
    "window": _("intervention annoncée"),
    "quiet_hours": _("heures calmes"),
    "closed_hours": _("cabinet fermé"),
    "snoozed": _("mise en sommeil"),
    "acknowledged": _("déjà prise en charge"),
    "grouped": _("regroupée avec une autre"),
    "flapping": _("va-et-vient"),
    "below_severity": _("gravité trop basse"),
    "not_chosen": _("non choisie pour ce canal"),
    "no_channel": _("aucun canal réglé"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log. `mark`: a state of the API, or the name of an icon; `address`: where it leads, if anywhere."""

    at: str
    mark: str
    title: str
    detail: str = ""
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """The lines of one local day, latest first."""

    day: date
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes lines in one language. `titles`: of the controls, by their ids; `say`: the words of states."""

    texts: Texts
    say: Callable[[str, str], str]
    titles: Mapping[str, str]

    def text(self, french: str, **named: object) -> str:
        """Return a text with names set apart from it, so that one written from right to left does not turn it round."""
        said = self.texts.gettext(french)
        return said % {name: f"\u2068{value}\u2069" for name, value in named.items()} if named else said

    def lines(self, events: Sequence[Event]) -> list[Line]:
        """Return the lines of some events, in their order (latest first)."""
        told = {
            (event["recorded_at"], change["control"])
            for event in events
            if event["kind"] == "finding.changed"
            for change in event["payload"]["changes"]
        }
        said = [(event, list(self._said(event, told))) for event in events]
        lines: list[Line] = []
        spoken = [(event, made) for event, made in said if made]
        for (kind, by), group in groupby(spoken, key=lambda each: (each[0]["kind"], each[0]["by_name"])):
            found = list(group)
            if kind == "attestation.given" and len(found) > 1:
                lines.append(self._answers([event for event, _made in found], by))
            else:
                lines += [line for _event, made in found for line in made]
        return lines

    def _said(self, event: Event, told: set[tuple[str, str]]) -> Iterator[Line]:
        if event["kind"] == "posture.changed":
            yield from self._posture(event, told)
        elif event["kind"] == "finding.changed":
            yield self._finding(event)
        else:
            yield self._plain(event)

    def _plain(self, event: Event) -> Line:
        kind, payload = event["kind"], event["payload"]
        icon, sentence = PLAIN.get(kind, ("unknown", ""))
        by = event["by_name"] or self.text(SOMEBODY)
        device = event["device_alias"] or payload.get("alias") or self.text(_("Un poste"))
        if kind in _ALERTING:
            icon = _MARK_OF_ALERT[payload["severity"]]
        title = self.text(sentence, by=by, device=device) if sentence else kind
        address = None
        if kind in _ALERTING:  # what it is about says more than that there is an alert
            return Line(
                event["happened_at"],
                icon,
                self.say("trouble", payload["cause"]),
                title,
                f"/alerts/{payload['alert_id']}",
            )
        if kind.startswith("alert."):
            address = f"/alerts/{payload['alert_id']}"
        elif event["device_id"] is not None:
            address = f"/devices/{event['device_id']}"
        return Line(event["happened_at"], icon, title, self._detail(event), address)

    def _detail(self, event: Event) -> str:
        kind, payload = event["kind"], event["payload"]
        if kind.startswith("alert."):
            return self.say("trouble", payload["cause"])
        if kind in {"device.silent", "device.silence_explained"}:
            cause = CAUSES[payload["cause"]]
            return self.texts.gettext(cause)
        parts = []
        if "control" in payload:
            parts.append(self.title(payload["control"]))
        answer = ANSWERS.get(payload.get("answer", ""))
        if answer is not None:
            parts.append(self.texts.gettext(answer))
        return " · ".join(parts)

    def title(self, control: str) -> str:
        """Return what a control is called; its id when it is of a catalogue not known here."""
        return self.titles.get(control, control)

    def _answers(self, events: Sequence[Event], by: str | None) -> Line:
        number = len(events)
        sentence = self.texts.ngettext(
            "%(by)s a répondu à %(num)s point de contrôle", "%(by)s a répondu à %(num)s points de contrôle", number
        )
        title = sentence % {"by": f"\u2068{by or self.text(SOMEBODY)}\u2069", "num": number}
        return Line(
            events[0]["happened_at"], "pen", title, self._named([each["payload"]["control"] for each in events])
        )

    def _named(self, controls: Sequence[str]) -> str:
        shown = [self.title(control) for control in controls[:_NAMED]]
        more = max(0, len(controls) - _NAMED)
        if more:
            sentence = self.texts.ngettext("et %(num)s autre point", "et %(num)s autres points", more)
            shown.append(sentence % {"num": more})
        return " · ".join(shown)

    def _finding(self, event: Event) -> Line:
        changes = event["payload"]["changes"]
        device = event["device_alias"] or self.text(_("Un poste"))
        address = f"/devices/{event['device_id']}"
        if all(change["from"] is None for change in changes) and len(changes) > _NAMED:
            title = self.text(_("Premier examen de %(device)s"), device=device)
            counted = self.texts.ngettext("%(num)s point examiné", "%(num)s points examinés", len(changes))
            return Line(event["happened_at"], "pc", title, counted % {"num": len(changes)}, address)
        changes = sorted(changes, key=lambda each: _WORST_FIRST.index(each["to"]))
        first = changes[0]
        title = self.text(
            _("%(control)s : %(state)s"), control=self.title(first["control"]), state=self.say("finding", first["to"])
        )
        more = [f"\u2068{device}\u2069"]
        if len(changes) > 1:
            sentence = self.texts.ngettext("et %(num)s autre point", "et %(num)s autres points", len(changes) - 1)
            more.append(sentence % {"num": len(changes) - 1})
        return Line(event["happened_at"], first["to"], title, " · ".join(more), address)

    def _posture(self, event: Event, told: set[tuple[str, str]]) -> Iterator[Line]:
        payload = event["payload"]
        for light in payload["headlines"]:
            if light["headline"] == "overall":
                continue
            family = "liveness" if light["headline"] == "liveness" else "light"
            title = self.text(
                _("%(light)s : %(word)s"),
                light=self.say("headline", light["headline"]),
                word=self.say(family, light["to"]),
            )
            rule, state = _RULE_OF.get(light["headline"]), _DECIDED_BY.get(light["to"])
            behind = [
                each["control"]
                for each in payload["controls"]
                if rule is not None and each["control"].startswith(rule) and each["to"] == state
            ]
            yield Line(event["happened_at"], light["to"], title, self._named(behind))
        if payload["headlines"]:
            return
        for change in payload["controls"]:
            answered = change["reason"].startswith(("answer", "not_answered"))
            if change["to"] is None or answered or (event["recorded_at"], change["control"]) in told:
                continue
            title = self.text(
                _("%(control)s : %(state)s"),
                control=self.title(change["control"]),
                state=self.say("finding", change["to"]),
            )
            yield Line(event["happened_at"], change["to"], title)

    def held_back(self, kept: Sequence[Mapping[str, Any]]) -> list[Line]:
        """Return what was not sent, each with why."""
        lines = []
        for each in kept:
            known = HELD.get(each["why"])
            why = each["why"] if known is None else self.texts.gettext(known)
            trouble = self.say("trouble", each["cause"]) if each["cause"] else ""
            title = self.text(_("Message retenu : %(why)s"), why=why)
            address = f"/alerts/{each['alert_id']}" if each["alert_id"] else None
            lines.append(Line(each["wanted_at"], "moon", title, trouble, address))
        return lines


def by_days(lines: Sequence[Line], zone: str) -> list[Day]:
    """Return lines by the local days of a practice, latest first; those of one instant stay in their order."""
    place = ZoneInfo(zone)
    ordered = sorted(lines, key=lambda line: line.at, reverse=True)
    days = groupby(ordered, key=lambda line: instant(line.at).astimezone(place).date())
    return [Day(day, list(group)) for day, group in days]
