"""What stands on the incident card: one page of paper that works when everything is down. In French, the wording is ours. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from vigie.core.french import french
from vigie.incidents.wording import french_instant

ROLES: Final = {
    "it_provider": "Prestataire informatique",
    "insurer": "Assureur",
    "referent": "Référent au cabinet",
    "backup_custodian": "Détient la copie hors ligne",
    "other": "Autre contact",
}
WHO: Final = {
    "anyone": "qui le voit",
    "practitioner": "praticien",
    "practice": "cabinet",
    "provider": "prestataire",
    "both": "cabinet et prestataire",
}
_TARGETS: Final = {
    "usb": "disque USB",
    "nas": "serveur de fichiers (NAS)",
    "server": "serveur",
    "cloud": "copie distante",
    "offsite": "copie dans un autre lieu",
}
_SERVICES: Final = (
    ("17Cyber", "17cyber.gouv.fr", "aide gratuite, jour et nuit"),
    ("CERT Santé", "09 72 43 91 25", "signalement volontaire"),
    ("CNIL", "notifications.cnil.fr", "notification sous 72 heures"),
    ("Amelipro, carte CPS", "36 08", "mot de passe, opposition"),
    ("Danger immédiat", "17 ou 112", "police, secours"),
)
_MOST_CONTACTS: Final = 7
_NAME_AT_MOST: Final = 60
_DETAIL_AT_MOST: Final = 40


class Contact(NamedTuple):
    """Somebody to call."""

    kind: str
    name: str
    phone: str | None
    email: str | None
    policy_number: str | None


class Copy(NamedTuple):
    """A backup job as its device last told it: where its copies go, and when the last one succeeded."""

    device: str
    target: str
    immutable: bool
    succeeded_at: datetime


class Step(NamedTuple):
    """A reflex step, in French."""

    title: str
    detail: str
    when: str
    who: str
    clock: bool


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a practice on the day the card is printed. `emergency_phone`: the provider's, if no contact has one."""

    practice: str
    city: str | None
    provider: str
    emergency_phone: str | None
    zone: str
    as_of: datetime
    contacts: Sequence[Contact]
    missing: Sequence[str]
    confirmed_at: datetime | None
    copies: Sequence[Copy]
    steps: Sequence[Step]
    edition: str


def on_paper(card: Card) -> dict[str, Any]:
    """Return the card as its template reads it: texts set as French is set, and nothing longer than its place."""
    helper = next((each for each in card.contacts if each.kind == "it_provider" and each.phone), None)
    shown = [each for each in card.contacts if each is not helper]
    ordered = sorted(shown, key=lambda each: list(ROLES).index(each.kind))
    confirmed = "Contacts jamais confirmés : à vérifier avant d'en avoir besoin."
    if card.confirmed_at is not None:
        confirmed = f"Contacts confirmés le {french_instant(card.confirmed_at, card.zone)}."
    place = f"{card.practice}, {card.city}" if card.city else card.practice
    as_of = french_instant(card.as_of, card.zone)
    texts = {
        "practice": _cut(place, 2 * _NAME_AT_MOST),
        "as_of": f"État au {as_of}. À imprimer de nouveau après tout changement, à garder hors de l'ordinateur.",
        "confirmed": confirmed,
        "foot": f"Rédaction Vigie, édition {card.edition}, d'après cybermalveillance.gouv.fr, la CNIL, le CERT Santé et l'ANSSI. "
        "Ce n'est pas un texte de l'ANS. N'écrivez aucun nom de patient sur cette fiche.",
    }
    return {
        **{name: french(text) for name, text in texts.items()},
        "helper": {
            "name": _cut(helper.name if helper else card.provider, _NAME_AT_MOST),
            "phone": (helper.phone if helper else card.emergency_phone) or "",
        },
        "contacts": [_contact(each) for each in ordered[:_MOST_CONTACTS]],
        "missing": [ROLES[kind] for kind in card.missing if kind != "it_provider"],
        "others": max(0, len(ordered) - _MOST_CONTACTS),
        "services": [{"name": french(name), "reach": reach, "what": french(what)} for name, reach, what in _SERVICES],
        "copy": [french(line) for line in last_offline_copy(card)],
        "steps": [
            {
                "title": french(step.title),
                "detail": french(step.detail),
                "when": french(step.when),
                "who": WHO[step.who],
                "clock": step.clock,
            }
            for step in card.steps
        ],
    }


def last_offline_copy(card: Card) -> list[str]:
    """Return what is known of the last copy that an attacker could not reach: one that cannot be altered, or a disk one unplugs."""
    kept = [copy for copy in card.copies if copy.immutable or copy.target == "usb"]
    if not kept:
        return ["Vigie n'en voit aucune. Si un disque est rangé à part, écrire où et de quel jour :"]
    last = max(kept, key=lambda copy: copy.succeeded_at)
    where = _TARGETS.get(last.target, "copie")
    nature = "non modifiable" if last.immutable else "hors ligne s'il est débranché"
    made = french_instant(last.succeeded_at, card.zone)
    return [
        f"{where[0].upper()}{where[1:]}, {nature}, faite le {made} depuis {_cut(last.device, _DETAIL_AT_MOST)}.",
        "Rangée où :",
    ]


def _contact(contact: Contact) -> dict[str, str]:
    more = contact.email if contact.phone and contact.email else ""
    if contact.policy_number:
        more = f"contrat {contact.policy_number}"
    return {
        "role": ROLES[contact.kind],
        "name": _cut(contact.name, _NAME_AT_MOST),
        "reach": contact.phone or _cut(contact.email or "", _DETAIL_AT_MOST),
        "more": french(_cut(more, _DETAIL_AT_MOST)),
    }


def _cut(text: str, at_most: int) -> str:
    """Return a text that fits its place: its end left out, and said so."""
    return text if len(text) <= at_most else text[: at_most - 1].rstrip() + "…"
