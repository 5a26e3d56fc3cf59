"""What is said of incidents in French and English: our own words. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from vigie.core.french import french

KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "ransomware": ("Rançongiciel", "Ransomware"),
    "intrusion": ("Intrusion", "Intrusion"),
    "phishing": ("Hameçonnage", "Phishing"),
    "data_leak": ("Fuite de données", "Data leak"),
    "theft_or_loss": ("Vol ou perte de matériel", "Theft or loss of equipment"),
    "outage": ("Panne", "Outage"),
    "other": ("Autre incident", "Other incident"),
}
_NOTICES: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("complaint", "done"): ("Plainte déposée", "Complaint filed"),
    ("complaint", "not_required"): ("Pas de plainte", "No complaint"),
    ("cnil", "done"): ("CNIL notifiée", "CNIL notified"),
    ("cnil", "not_required"): ("Pas de notification à la CNIL", "CNIL not notified"),
}
_ENTRIES: Final[Mapping[str, tuple[str, str]]] = {
    "declared": ("Connu, et déclaré comme : {kind}", "Became known, and was declared as: {kind}"),
    "step_done": ("Fait : {step}", "Done: {step}"),
    "step_undone": ("Décoché : {step}", "Unticked: {step}"),
    "notified": ("{notice}", "{notice}"),
    "frozen": ("Preuves gelées et scellées", "Evidence frozen and sealed"),
    "closed": ("Incident clos", "Incident closed"),
}
_DAYS: Final = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MONTHS: Final = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)


def said(pair: tuple[str, str], language: str) -> str:
    """Return a text in a language, set as that language is."""
    return french(pair[0]) if language == "fr" else pair[1]


def kind_title(kind: str, language: str) -> str:
    """Return the name of a kind of incident."""
    return said(KINDS[kind], language)


def entry_says(kind: str, detail: Mapping[str, Any], step: tuple[str, str] | None, language: str) -> str:
    """Return the sentence of a line that the service wrote itself. `step`: title of the step it is about."""
    own = 0 if language == "fr" else 1
    notice = _NOTICES.get((detail.get("clock", ""), detail.get("outcome", "")), ("", ""))[own]
    if reason := detail.get("reason"):
        notice += f" : {reason}" if language == "fr" else f": {reason}"
    if reference := detail.get("reference"):
        notice += f" ({reference})"
    words = {
        "kind": KINDS.get(detail.get("kind", ""), ("", ""))[own],
        "step": step[own] if step is not None else str(detail.get("step", "")),
        "notice": notice,
    }
    found = _ENTRIES[kind][own].format(**words)
    return french(found) if language == "fr" else found


def french_instant(at: datetime, zone: str) -> str:
    """Return an instant as French people write it, by the clocks of a practice: « mardi 17 novembre 2026 à 10:30 »."""
    local = at.astimezone(ZoneInfo(zone))
    day = "1er" if local.day == 1 else str(local.day)
    return f"{_DAYS[local.weekday()]} {day} {_MONTHS[local.month - 1]} {local.year} à {local:%H:%M}"
