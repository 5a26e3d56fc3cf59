"""The words of a report, in French and English: ours, and plain. Pure."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from vigie.core.french import french

Language = Literal["fr", "en"]
Words = tuple[str, str]
"""A text in French and in English."""

_MONTHS: Final[Mapping[str, tuple[str, ...]]] = {
    "fr": (
        *("janvier", "février", "mars", "avril", "mai", "juin", "juillet"),
        *("août", "septembre", "octobre", "novembre", "décembre"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June", "July"),
        *("August", "September", "October", "November", "December"),
    ),
}
_SHORT: Final[Mapping[str, tuple[str, ...]]] = {
    "fr": ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
_HARD: Final = "\N{NO-BREAK SPACE}"
LIGHTS: Final[Mapping[str, Words]] = {
    "patch": ("Correctifs", "Patches"),
    "backup": ("Sauvegardes", "Backups"),
    "checklist": ("Points de contrôle", "Control points"),
    "liveness": ("Remontées", "Reports of devices"),
}
STATES: Final[Mapping[str, Words]] = {
    "ok": ("En ordre", "In order"),
    "warning": ("À surveiller", "Needs a look"),
    "critical": ("Critique", "Critical"),
    "unknown": ("Inconnu", "Unknown"),
}
MARKS: Final[Mapping[str, Words]] = {
    "crit": ("non conforme", "not in order"),
    "warn": ("à surveiller", "needs a look"),
    "unk": ("inconnu", "unknown"),
    "acc": ("dérogation", "accepted deviation"),
    "ok": ("conforme", "in order"),
    "na": ("sans objet", "does not apply"),
}
"""What each shape means, the worst first."""
RULES: Final[Mapping[int, Words]] = {
    1: ("Accès physique et matériel", "Premises and equipment"),
    2: ("Poste de travail et applications", "Workstations and applications"),
    3: ("Accès aux informations", "Access to information"),
    4: ("Principes de sécurité diffusés", "Security principles passed on"),
    5: ("Incidents anticipés", "Prepared for incidents"),
    6: ("Échange, partage et RGPD", "Exchange, sharing and GDPR"),
    7: ("Conservation et restitution", "Keeping and giving back"),
    8: ("Contrats avec les tiers", "Contracts"),
    9: ("Fournisseurs informatiques", "IT suppliers"),
    10: ("Fiche réflexe", "Incident card"),
}
PROOFS: Final[Mapping[str, Words]] = {
    "measured": ("mesuré", "measured"),
    "declared": ("déclaré", "declared"),
    "records": ("registre", "records"),
    "none": ("sans preuve", "no proof"),
}
"""What a state rests on: an agent on a device, a person's answer, dated records, or nothing."""
PARTIES: Final[Mapping[str, Words]] = {
    "provider": ("Prestataire", "IT provider"),
    "practice": ("Cabinet", "Practice"),
    "supplier": ("Fournisseur", "Supplier"),
}
ROLES: Final[Mapping[str, Words]] = {
    "workstation": ("Poste fixe", "Workstation"),
    "laptop": ("Portable", "Laptop"),
    "server": ("Serveur", "Server"),
    "nas": ("Stockage réseau", "Network storage"),
}
QUESTIONNAIRE_STATES: Final[Mapping[str, Words]] = {
    "draft": ("à compléter", "to be completed"),
    "ready": ("prêt à signer", "ready to be signed"),
    "signed_by_supplier": (
        "signé par le fournisseur, en attente du praticien",
        "signed by the supplier, not yet by the practitioner",
    ),
    "signed": ("signé par les deux parties", "signed by both parties"),
    "reopened": ("à signer de nouveau : une réponse a changé", "to be signed again: an answer changed"),
    "expired": ("expiré, à renouveler", "expired, to be renewed"),
}
SIGNERS: Final[Mapping[str, Words]] = {
    "supplier": ("pour le fournisseur", "for the supplier"),
    "practitioner": ("pour le cabinet", "for the practice"),
}
WAYS: Final[Mapping[str, Words]] = {
    "session": ("session authentifiée", "authenticated session"),
    "recorded": ("signature relevée par le prestataire", "signature recorded by the provider"),
}
RESTORES: Final[Mapping[str, Words]] = {
    "success": ("réussie", "succeeded"),
    "partial": ("partielle", "partial"),
    "failure": ("échouée", "failed"),
}
CAUSES: Final[Mapping[str, Words]] = {
    "line": ("Ligne du cabinet coupée", "The practice's line was down"),
    "silent": ("Poste silencieux", "Silent device"),
    "machine_off": ("Machine éteinte", "Machine switched off"),
    "agent": ("Agent en défaut", "Agent at fault"),
    "backup": ("Sauvegarde", "Backup"),
    "protection": ("Protection", "Protection"),
    "patch": ("Mises à jour", "Updates"),
    "clone": ("Identité partagée", "Shared identity"),
    "renewal": ("Échéance proche", "Something about to expire"),
    "opening": ("Ouverture du cabinet", "Opening of the practice"),
}
INCIDENTS: Final[Mapping[str, Words]] = {
    "ransomware": ("Rançongiciel", "Ransomware"),
    "intrusion": ("Intrusion", "Intrusion"),
    "phishing": ("Hameçonnage", "Phishing"),
    "data_leak": ("Fuite de données", "Data leak"),
    "theft_or_loss": ("Vol ou perte", "Theft or loss"),
    "outage": ("Panne", "Outage"),
    "other": ("Autre", "Other"),
}
NOTICE: Final[Words] = (
    (
        "Les formulations des points sont celles de Vigie, d'après des résumés publics du mémento de l'ANS ; ce ne sont pas "
        "celles de l'ANS."
    ),
    "The wording of the points is Vigie's, after public summaries of the ANS mémento; it is not that of the ANS.",
)
VERIFY: Final[Words] = (
    (
        "Le code QR de la première page mène à {host}. On y compare ce fichier, à l'octet près, avec celui qui a été émis ; "
        "la page dit s'il est valide, son numéro et sa date, et rien d'autre. L'empreinte ci-dessous est celle du contenu "
        "imprimé ; elle est notée dans le registre des actions avec celle du fichier."
    ),
    (
        "The QR code on the first page leads to {host}. There this file is compared, byte for byte, with the one that was "
        "issued; the page tells whether it is valid, its number and its date, and nothing else. The fingerprint below is that "
        "of what is printed; the record of actions holds it beside that of the file."
    ),
)
METHOD: Final[tuple[Words, ...]] = (
    (
        (
            "Mesuré : un agent installé sur chaque poste lit l'état du système et l'envoie une fois par heure, signé par une clé "
            "propre au poste. Un constat a une durée de vie : sans nouvelle du poste, il est « à surveiller », puis « inconnu »."
        ),
        (
            "Measured: an agent on each device reads the state of the system and sends it once an hour, signed with a key of the "
            "device's own. A finding has a life: without news of the device it needs a look, then becomes unknown."
        ),
    ),
    (
        (
            "Déclaré : une personne du cabinet ou du prestataire a répondu, à la date indiquée. La réponse expire et doit être "
            "donnée de nouveau. Vigie ne vérifie pas ce qu'aucun appareil ne peut constater."
        ),
        (
            "Declared: a person of the practice or of its provider answered, on the day shown. The answer expires and has to be "
            "given again. Vigie does not verify what no device can see."
        ),
    ),
    (
        "Inconnu : personne n'a répondu, ou aucun poste n'a pu le constater. L'inconnu n'est jamais compté comme conforme.",
        "Unknown: nobody answered, or no device could see it. What is unknown is never counted as in order.",
    ),
    (
        (
            "Score : chaque point rapporte son poids s'il est conforme, la moitié s'il est à surveiller ou en dérogation, rien "
            "sinon. Il décrit le jour de l'arrêté, pas l'avenir, et ne remplace ni un audit ni un conseil juridique."
        ),
        (
            "Score: a point earns its weight when in order, half of it when it needs a look or a deviation was accepted, nothing "
            "otherwise. It describes the day shown, not the future, and replaces neither an audit nor legal advice."
        ),
    ),
)


LABELS: Final[Mapping[str, Words]] = {
    "page": ("page", "page"),
    "of": ("sur", "of"),
    "made_with": ("établi avec Vigie", "made with Vigie"),
    "rules": ("Les dix règles du mémento", "The ten rules of the mémento"),
    "rule": ("Règle", "Rule"),
    "points": ("Points de contrôle", "Control points"),
    "in_order": ("Conformes", "In order"),
    "latest_proof": ("Dernière preuve", "Latest proof"),
    "tasks": ("À faire d'abord, et par qui", "What to do first, and by whom"),
    "colon": (" : ", ": "),
    "no_tasks": ("Rien : chaque point est conforme ou accepté.", "Nothing: each point is in order or accepted."),
    "changes": ("Ce qui a changé pendant la période", "What changed in the period"),
    "alerts": ("Alertes", "Alerts"),
    "devices": ("Postes surveillés", "Devices watched"),
    "no_devices": ("Aucun poste n'est encore surveillé.", "No device is watched yet."),
    "silent": ("silencieux", "silent"),
    "exceptions": ("Dérogations", "Accepted deviations"),
    "no_exceptions": ("Aucune dérogation pendant la période.", "No deviation was accepted in the period."),
    "granted": ("depuis le", "since"),
    "questionnaires": ("Questionnaires des fournisseurs et signatures", "Questionnaires of suppliers and signatures"),
    "no_questionnaires": ("Aucun questionnaire n'a été ouvert.", "No questionnaire was opened."),
    "not_signed": ("Pas encore signé", "Not signed yet"),
    "restores": ("Essais de restauration", "Restore tests"),
    "no_restores": (
        "Aucun essai de restauration n'a été noté : rien ne prouve que les sauvegardes se relisent.",
        "No restore test is on record: nothing proves that the backups can be read.",
    ),
    "incidents": ("Incidents déclarés", "Declared incidents"),
    "no_incidents": ("Aucun incident déclaré.", "No incident was declared."),
    "every_point": ("Chaque point, et ce qui le prouve", "Each point, and what proves it"),
    "method": ("Comment lire ce rapport", "How to read this report"),
}
"""Headings, and what is said where there is nothing to show."""
DEVICE_COLUMNS: Final[tuple[Words, ...]] = (
    ("Poste", "Device"),
    ("Type", "Kind"),
    ("Système", "System"),
    ("Dernière remontée", "Last report"),
    ("Correctifs", "Patches"),
    ("Sauvegarde", "Backup"),
    ("Protection", "Protection"),
)


def say(words: Words, language: Language, **parts: object) -> str:
    """Return a text in a language, set as that language is, with its places filled."""
    text = french(words[0]) if language == "fr" else words[1]
    return text.format(**parts) if parts else text


def counted(count: int, one: Words, many: Words, language: Language) -> str:
    """Return a number with what it counts; in French, none and one are singular."""
    single = count in {0, 1} if language == "fr" else count == 1
    return say(one if single else many, language, n=count)


def day(found: date, language: Language, *, short: bool = False) -> str:
    """Return a day as people write it: `1er mars 2026`, `12 nov. 2026`; it does not break over a line."""
    number = "1er" if language == "fr" and found.day == 1 else str(found.day)
    months = (_SHORT if short else _MONTHS)[language]
    return f"{number}{_HARD}{months[found.month - 1]}{_HARD}{found.year}"


def clock(found: datetime, zone: ZoneInfo, language: Language) -> str:
    """Return an instant in a narrow column: `21 nov. 2026 11:15`."""
    local = found.astimezone(zone)
    return f"{day(local.date(), language, short=True)} {local:%H:%M}"


def moment(found: datetime, zone: ZoneInfo, language: Language) -> str:
    """Return an instant by the clocks of a zone: `21 novembre 2026 à 11:15`."""
    local = found.astimezone(zone)
    return say(("{day} à {time}", "{day}, {time}"), language, day=day(local.date(), language), time=f"{local:%H:%M}")


def month(found: date, language: Language) -> str:
    """Return a month: `novembre 2026`."""
    return f"{_MONTHS[language][found.month - 1]} {found.year}"


def listed(items: list[str], language: Language) -> str:
    """Return some texts as one: `a, b et c`."""
    if len(items) <= 1:
        return "".join(items)
    return f"{', '.join(items[:-1])} {'et' if language == 'fr' else 'and'} {items[-1]}"


def cut(text: str, most: int) -> str:
    """Return a text of one line, cut at a length; what was left out is an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
