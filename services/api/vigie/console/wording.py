"""The words of states, roles and kinds of machine: what the API calls them and what people do. Pure."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from vigie.console.catalogues import TEXTS, Language

MARKS: Final[Mapping[str, str]] = {
    "ok": "ok",
    "pass": "ok",
    "warning": "warn",
    "warn": "warn",
    "critical": "crit",
    "fail": "crit",
    "unknown": "unk",
    "accepted": "acc",
    "not_applicable": "na",
    "info": "unk",
}
"""State of the API → mark of the design (`data-s`, `#s-…`, `#m-…`)."""


def _(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "light": {
        "ok": _("En ordre"),
        "warning": _("À surveiller"),
        "critical": _("Critique"),
        "unknown": _("Inconnu"),
    },
    "liveness": {
        "ok": _("Présent"),
        "warning": _("En partie"),
        "critical": _("Silencieux"),
        "unknown": _("Jamais vu"),
    },
    "finding": {
        "pass": _("Conforme"),
        "warn": _("À surveiller"),
        "fail": _("Non conforme"),
        "unknown": _("Inconnu"),
        "accepted": _("Dérogation"),
        "not_applicable": _("Sans objet"),
    },
    "severity": {"critical": _("Critique"), "warning": _("À surveiller"), "info": _("Pour information")},
    "alert": {
        "open": _("À prendre"),
        "acknowledged": _("Prise en charge"),
        "snoozed": _("En sommeil"),
        "resolved": _("Résolue"),
        "closed": _("Close"),
    },
    "role": {
        "owner": _("responsable"),
        "technician": _("technicien"),
        "auditor": _("auditeur"),
        "practitioner": _("praticien"),
        "practice_staff": _("équipe du cabinet"),
    },
    "headline": {
        "patch": _("Correctifs"),
        "backup": _("Sauvegardes"),
        "checklist": _("Points de contrôle"),
        "liveness": _("Remontées"),
    },
    "trouble": {
        "line": _("Le cabinet ne répond plus"),
        "silent": _("Un poste ne répond plus"),
        "machine_off": _("Un poste est éteint"),
        "agent": _("Un poste n'envoie plus ses relevés"),
        "backup": _("Les sauvegardes sont en défaut"),
        "protection": _("Une protection est en défaut"),
        "patch": _("Des mises à jour sont en retard"),
        "clone": _("Deux machines se présentent sous le même nom"),
        "renewal": _("Une échéance approche ou est passée"),
    },
    "profession": {
        "dentist": _("Chirurgien-dentiste"),
        "orthodontist": _("Orthodontiste"),
        "physician": _("Médecin"),
        "midwife": _("Sage-femme"),
        "nurse": _("Infirmier"),
        "physiotherapist": _("Kinésithérapeute"),
        "podiatrist": _("Pédicure-podologue"),
        "speech_therapist": _("Orthophoniste"),
        "orthoptist": _("Orthoptiste"),
        "veterinarian": _("Vétérinaire"),
        "pharmacist": _("Pharmacien"),
        "laboratory": _("Laboratoire"),
        "other": _("Autre profession"),
    },
    "device_role": {
        "workstation": _("Poste fixe"),
        "laptop": _("Portable"),
        "server": _("Serveur"),
        "nas": _("Stockage réseau"),
    },
    "silence": {
        "unknown": _("Cause inconnue : le poste est peut-être éteint, ou son réseau coupé."),
        "machine_off": _("Le poste est éteint ou en veille."),
        "agent_broken": _("Le poste tourne, mais son agent ne remonte plus."),
        "line": _("La ligne du cabinet est coupée."),
        "service": _("Le défaut vient de notre service, pas du cabinet."),
    },
    "heard": {
        "reporting": _("Remonte"),
        "silent": _("Silencieux"),
        "never": _("Jamais vu"),
        "pending": _("À approuver"),
        "revoked": _("Retiré"),
    },
}


def wording(language: Language) -> Callable[[str, str], str]:
    """Return a function that says a word of the API, by its family, as people do; an unknown word is said as it is."""
    texts = TEXTS[language]

    @lru_cache(maxsize=1024)
    def say(family: str, word: str) -> str:
        french = WORDS[family].get(word)
        return word if french is None else texts.gettext(french)

    return say
