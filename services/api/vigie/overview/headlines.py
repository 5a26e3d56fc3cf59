"""The lights of a practice in one sentence each: what decided them, on how many devices, and who has to act. Pure.

The controls come as the checklist shows them (`ChecklistControl`), already in words: the sentence of a light is that of
the control which decided it, so that a light never says something its checklist does not.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from vigie.posture.rules.model import State
from vigie.posture.rules.practice import HEADLINES, Headline

Language = Literal["fr", "en"]
Shown = Mapping[str, Any]
"""A control by the fields of `ChecklistControl`."""

_DECIDED_BY: Final[Mapping[Headline, State]] = {
    "critical": "fail",
    "unknown": "unknown",
    "warning": "warn",
    "ok": "pass",
}
_LAPSED: Final = frozenset({"answer_expired", "answer_lapsed"})
_FINE: Final[Mapping[str, Mapping[Language, str]]] = {
    "patch": {
        "fr": "Les mises à jour de sécurité sont installées sur tous les postes vus.",
        "en": "Security updates are installed on every device seen.",
    },
    "backup": {
        "fr": "Les données sont copiées comme convenu, et les dernières copies ont réussi.",
        "en": "Data is copied as agreed, and the latest copies succeeded.",
    },
}
_UNSEEN: Final[Mapping[Language, str]] = {
    "fr": "Aucun poste du cabinet n'a encore pu être vérifié.",
    "en": "No device of the practice could be checked yet.",
}
_MOST_DEVICES: Final = 5


def counts_of(controls: Iterable[Shown]) -> dict[str, int]:
    """Return how many controls stand how: `in_order` of `judged` (what does not apply is not judged), and what is asked of whom.

    Asked is what has no answer, or one that has run out; whatever devices tell is asked of nobody.
    """
    counts = dict.fromkeys(("judged", "in_order", "failing", "asked_of_practice", "asked_of_provider"), 0)
    for control in controls:
        counts["judged"] += control["state"] != "not_applicable"
        counts["in_order"] += control["state"] == "pass"
        counts["failing"] += control["state"] == "fail"
        if is_asked(control):
            counts[f"asked_of_{control['kind']}"] += 1
    return counts


def is_asked(control: Shown) -> bool:
    """Whether somebody has to answer a control: nobody did, or the answer has run out."""
    return control["kind"] != "automatic" and (control["state"] == "unknown" or control["reason"] in _LAPSED)


def headline(name: str, light: Headline, controls: Mapping[str, Shown], language: Language) -> dict[str, Any]:
    """Return the sentence of the light `patch` or `backup` and what it rests on, by the fields of `HeadlineOut`.

    Of the controls that decided the light an essential one speaks first, else the first of the catalogue.
    """
    behind = [controls[control] for control in HEADLINES[name] if control in controls]
    state = _DECIDED_BY[light]
    deciding = sorted((each for each in behind if each["state"] == state), key=lambda each: not each["essential"])
    first = next(iter(deciding), None)
    concerned = _longest_first(first["devices"], state) if first is not None else []
    if first is None:
        says = _UNSEEN[language]
    elif light == "ok":
        says = _FINE[name][language]
    else:
        says = concerned[0]["says"] if concerned else first["says"]
    told = first if first is not None and light != "ok" else None
    return {
        "says": says,
        "control": told and told["id"],
        "title": told and told["title"],
        "responsible": told["responsible"] if told else [],
        "valid_until": told and told["valid_until"],
        "devices_in_state": told and told["devices_in_state"],
        "devices_concerned": told and told["devices_concerned"],
        "devices": [device["alias"] for device in concerned[:_MOST_DEVICES]] if told else [],
    }


def _longest_first(devices: Iterable[Shown], state: State) -> list[Shown]:
    """Return the devices in a state, longest first: that one speaks for all, as it does in the list of practices.

    What it says names the cause, where the sentence of the practice only counts devices.
    """
    concerned = (device for device in devices if device["state"] == state)
    return sorted(concerned, key=lambda device: (device["since"], device["device_id"]))


def checklist_headline(counts: Mapping[str, int], language: Language) -> dict[str, Any]:
    """Return the sentence of the light `checklist`, by the fields of `HeadlineOut`: it speaks of all controls, not of one."""
    fr = language == "fr"
    in_order, judged = counts["in_order"], counts["judged"]
    sentences = [
        f"{in_order} points sur {judged} sont en ordre." if fr else f"{in_order} of {judged} points are in order.",
    ]
    asked = [
        (counts["asked_of_practice"], "du cabinet" if fr else "the practice"),
        (counts["asked_of_provider"], "du prestataire" if fr else "the provider"),
    ]
    for number, whom in asked:
        if number == 1:
            sentences.append(f"Une réponse {whom} manque." if fr else f"One answer of {whom} is missing.")
        elif number:
            sentences.append(
                f"{number} réponses {whom} manquent." if fr else f"{number} answers of {whom} are missing."
            )
    nothing: dict[str, Any] = dict.fromkeys(("control", "title"))
    uncounted: dict[str, Any] = dict.fromkeys(("valid_until", "devices_in_state", "devices_concerned"))
    return {"says": " ".join(sentences), **nothing, "responsible": [], **uncounted, "devices": []}
