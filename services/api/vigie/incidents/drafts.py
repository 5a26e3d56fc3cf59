"""Drafts of the three declarations, in French: what is known is filled in, the rest is a marked blank. Pure.

The wording is ours. What the CNIL asks for is what GDPR art. 33 §3 lists; a first notification may leave places open.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from vigie.core.french import french
from vigie.incidents.rules import deadline_of
from vigie.incidents.wording import KINDS, french_instant

DraftKind = Literal["complaint", "insurer", "cnil"]
NOTICE: Final = french(
    "Brouillons à relire, à compléter et à signer par le praticien : Vigie n'envoie rien. La rédaction est la nôtre, "
    "ce ne sont pas des formulaires officiels. N'y écrivez aucun nom de patient."
)
_BLANK: Final = re.compile(r"\[[^\[\]]+\]")
_BREACH: Final = {
    "ransomware": "perte de disponibilité (fichiers chiffrés) ; perte de confidentialité [confirmée / non exclue / exclue]",
    "intrusion": "perte de confidentialité [confirmée / non exclue / exclue]",
    "phishing": "perte de confidentialité [des identifiants seulement / de messages / de données de patients / exclue]",
    "data_leak": "perte de confidentialité",
    "theft_or_loss": "perte de confidentialité [disque chiffré : oui / non] et de disponibilité",
    "outage": "perte de disponibilité",
}


_FINESS: Final = "FINESS, s'il y en a un"
_SEEN: Final = "ce que vous avez vu, mot pour mot si un message s'affiche"
_ANY_BREACH: Final = "[perte de confidentialité, d'intégrité, de disponibilité]"


class Line(NamedTuple):
    """A line of the log, as a story tells it."""

    at: datetime
    says: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an incident and of the practice it happened at. None: nobody told."""

    practice: str
    city: str | None
    siret: str | None
    finess: str | None
    provider: str
    provider_phone: str | None
    zone: str
    kind: str
    description: str | None
    known_at: datetime
    declared_by: str
    machines: int | None
    insurer: str | None
    policy_number: str | None
    complaint: tuple[datetime, str | None] | None  # when, under which number
    cnil: tuple[datetime, str | None] | None
    frozen: str | None  # SHA-256 of the sealed archive
    story: Sequence[Line]


class Draft(NamedTuple):
    """A declaration: for whom, where it goes, its text and how many blanks that has."""

    kind: DraftKind
    title: str
    address: str
    text: str
    blanks: int


def write_drafts(known: Known) -> list[Draft]:
    """Return the three drafts."""
    return [_complaint(known), _insurer(known), _cnil(known)]


def _draft(kind: DraftKind, title: str, address: str, *paragraphs: str) -> Draft:
    text = french("\n\n".join(paragraphs))
    return Draft(kind, french(title), french(address), text, len(_BLANK.findall(text)))


def _or(value: object, blank: str) -> str:
    """Return what is known, without what would read as a blank of ours; else a blank."""
    return f"[{blank}]" if value in {None, ""} else str(value).replace("[", "(").replace("]", ")")


def _when(known: Known, at: datetime) -> str:
    return french_instant(at, known.zone)


def _who(known: Known) -> str:
    return (
        f"Cabinet : {_or(known.practice, 'nom du cabinet')}\n"
        f"Ville : {_or(known.city, 'adresse complète')}\n"
        f"SIRET : {_or(known.siret, 'SIRET')}\n"
        f"FINESS : {_or(known.finess, _FINESS)}\n"
        "Déclarant : [nom, qualité, téléphone]"
    )


def _facts(known: Known) -> str:
    machines = "" if known.machines is None else f" ({known.machines} postes suivis au cabinet)"
    return (
        f"Nature : {KINDS[known.kind][0].lower()}\n"
        f"Connu du cabinet le {_when(known, known.known_at)}, déclaré dans Vigie par {_or(known.declared_by, 'nom')}.\n"
        f"Ce qui est constaté : {_or(known.description, _SEEN)}\n"
        f"Machines touchées : [lesquelles]{machines}"
    )


def _story(known: Known) -> str:
    lines = [f"- {_when(known, line.at)} : {_or(line.says, 'quoi')}" for line in known.story]
    return "Déroulé :\n" + "\n".join(lines or ["- [heure : ce qui s'est passé]"])


def _proof(known: Known) -> str:
    sealed = (
        f"archive scellée des 30 jours précédents, empreinte SHA-256 {known.frozen}"
        if known.frozen
        else "[archive des 30 jours précédents : la geler dans Vigie]"
    )
    return f"Preuves conservées : {sealed} ; [photos des écrans, message, journaux du pare-feu, copie des disques]."


def _helper(known: Known) -> str:
    return f"Prestataire informatique : {_or(known.provider, 'nom')}, {_or(known.provider_phone, 'téléphone')}."


def _filed(told: tuple[datetime, str | None] | None, known: Known, otherwise: str) -> str:
    if told is None:
        return otherwise
    return f"le {_when(known, told[0])}, numéro {_or(told[1], 'numéro')}"


def _complaint(known: Known) -> Draft:
    return _draft(
        "complaint",
        "Récit pour la plainte",
        "Commissariat, brigade de gendarmerie, ou procureur de la République du tribunal judiciaire",
        "Je dépose plainte contre X pour atteinte à un système de traitement automatisé de données "
        "(articles 323-1 et suivants du code pénal) et pour toute autre infraction que l'enquête établira.",
        _who(known),
        _facts(known),
        "Demande de rançon : [oui, montant et adresse / non]. Aucune somme n'a été versée : [confirmer].",
        _story(known),
        f"{_proof(known)}\n{_helper(known)}",
        "Préjudice : [jours de fermeture, rendez-vous annulés, frais engagés, données perdues].",
        "Fait à [ville], le [date]. Signature : [signature]",
    )


def _insurer(known: Known) -> Draft:
    return _draft(
        "insurer",
        "Déclaration à l'assureur",
        f"{_or(known.insurer, 'assureur')}, contrat {_or(known.policy_number, 'numéro de contrat')}",
        f"Je déclare un sinistre au titre du contrat {_or(known.policy_number, 'numéro de contrat')}.",
        _who(known),
        _facts(known),
        f"Plainte : {_filed(known.complaint, known, f'à déposer avant le {_when(known, deadline_of(known.known_at))}')} "
        "(article L. 12-10-1 du code des assurances).",
        _story(known),
        f"{_proof(known)}\n{_helper(known)}",
        "Je vous demande de me dire, avant tout engagement de frais, quels prestataires d'assistance, de restauration et de "
        "conseil vous prenez en charge. Conséquences à ce jour : [activité arrêtée ou ralentie depuis, frais déjà engagés].",
    )


def _cnil(known: Known) -> Draft:
    return _draft(
        "cnil",
        "Notification à la CNIL",
        "notifications.cnil.fr (téléservice de la CNIL)",
        f"Notification [initiale / complémentaire] d'une violation de données à caractère personnel (RGPD, article 33). "
        f"Déjà notifiée : {_filed(known.cnil, known, 'non')}.",
        f"Responsable du traitement\n{_who(known)}\nDélégué à la protection des données : [nom et contact, ou aucun]",
        f"Violation\n{_facts(known)}\n"
        f"Conséquence sur les données : {_BREACH.get(known.kind, _ANY_BREACH)}\n"
        "Début de la violation : [date et heure, ou inconnu]\nTerminée : [oui, le / non]",
        "Personnes et données\n"
        "Personnes concernées : [patients, personnel, correspondants]\nNombre approximatif de personnes : [nombre]\n"
        "Nombre approximatif d'enregistrements : [nombre]\n"
        "Catégories de données : [état civil, coordonnées, données de santé, numéro de sécurité sociale, données de paiement]",
        "Conséquences probables pour les personnes : [retard de soins, divulgation, hameçonnage, usurpation d'identité]",
        f"Mesures prises ou prévues\n{_story(known)}\n{_helper(known)}\n"
        "Information des personnes : [faite le / prévue le / non, parce que]",
        f"Délai : 72 heures depuis la connaissance, soit jusqu'au {_when(known, deadline_of(known.known_at))}. "
        "En cas de retard, motif : [motif]",
    )
