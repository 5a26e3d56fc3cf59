"""The page of a practice's people: whether they are safe, what is being done about it, and what they must do themselves."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import ceil
from typing import Any, Final

from starlette.responses import Response

from vigie.console.asked import questions_of
from vigie.console.shown import instant
from vigie.console.view import View, page

_QUESTIONS_A_MINUTE: Final = 2
_AHEAD: Final = timedelta(days=60)
"""Announced work further off than this is no news yet."""
_RESTART: Final = "ANS-2.3"
_CARD_READ: Final = "ANS-10.1"
_CARD_CONTACTS: Final = "ANS-10.2"
_ENDED: Final = ("closed", "resolved")


def _(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


_NAMES: Final = {"patch": _("Mises à jour"), "backup": _("Sauvegardes"), "checklist": _("Règles de sécurité")}

_CALM: Final = {"ok": _("Tout va bien"), "unknown": _("Nous ne savons pas")}


@page
async def show_my_practice(view: View) -> Response:
    """Show three lights, what the provider does, what only the practice can do, and what to do in an attack."""
    if not view.of_practice or view.practice_id is None:
        return view.redirect("/practices")
    here = f"/v1/practices/{view.practice_id}"
    found = await view.get_all(
        practice=view.get(here),
        checklist=view.get(f"{here}/checklist", brief="true"),
        alerts=view.get("/v1/alerts", practice_id=view.practice_id),
        windows=view.get("/v1/maintenance-windows", practice_id=view.practice_id),
        questionnaires=view.get(f"{here}/questionnaires"),
        contacts=view.get(f"{here}/contacts"),
        incidents=view.get("/v1/incidents", status="open"),
        actions=view.get("/v1/actions", practice_id=view.practice_id, status="open", party="practice"),
    )
    checklist, alerts = found["checklist"], found["alerts"]["items"]
    controls = {each["id"]: each for rule in checklist["rules"] for each in rule["controls"]}
    asked = questions_of(checklist)
    return await view.show(
        "my_practice.html",
        zone=found["practice"]["time_zone"],
        practice=found["practice"],
        incidents=found["incidents"]["items"],
        lights=[_light(view, each, checklist["counts"], alerts) for each in checklist["headlines"]],
        taken=[each for each in alerts if each["acknowledged_at"] and each["status"] not in _ENDED],
        waiting=[each for each in alerts if not each["acknowledged_at"] and each["severity"] == "critical"],
        works=_works(view, found["windows"]["items"]),
        asked=asked,
        minutes=ceil(len(asked) / _QUESTIONS_A_MINUTE),
        restarts=[each for each in controls[_RESTART]["devices"] if each["state"] in {"warn", "fail"}],
        card_printed=controls[_CARD_READ]["state"] == "pass",
        contacts_right=controls[_CARD_CONTACTS]["state"] == "pass",
        contacts=found["contacts"],
        emergency=_emergency(found["contacts"]["contacts"]),
        actions=found["actions"]["items"],
        questionnaires=found["questionnaires"]["items"],
    )


def _light(view: View, said: Mapping[str, Any], counts: Mapping[str, int], alerts: Sequence[Any]) -> dict[str, Any]:
    """Return a light as a practitioner reads it: a word that says who acts, and a sentence."""
    sentence = view.texts.said(said["says"])
    if said["name"] == "checklist":
        sentence = _checklist_sentence(view, counts)
    name = _NAMES[said["name"]]
    return {**said, "title": view.text(name), "word": _word(view, said, counts, alerts), "says": sentence}


def _word(view: View, said: Mapping[str, Any], counts: Mapping[str, int], alerts: Sequence[Any]) -> str:
    """Return the word of a light; of a problem it says who acts, as far as somebody does."""
    state = said["state"]
    about = [each for each in alerts if each["cause"] == said["name"]]
    if state in _CALM:
        word = _CALM[state]
    elif said["name"] == "checklist" and counts["asked_of_practice"]:
        word = _("Vos réponses manquent")
    elif said["responsible"] == ["practice"]:
        word = _("C'est à vous d'agir")
    elif any(each["acknowledged_at"] for each in about):
        word = _("Problème, %(provider)s agit")
    elif state == "warning":
        word = _("À surveiller")
    else:
        word = _("Problème, %(provider)s est prévenu") if about else _("Problème")
    return view.text(word, provider=view.provider_name)


def _checklist_sentence(view: View, counts: Mapping[str, int]) -> str:
    """Return how much is in order and whose answers are missing, said to whoever has to give some of them."""
    sentences = [
        view.texts.ngettext(
            "%(num)s point sur %(judged)s est en ordre.",
            "%(num)s points sur %(judged)s sont en ordre.",
            counts["in_order"],
        )
        % {"num": counts["in_order"], "judged": counts["judged"]}
    ]
    if yours := counts["asked_of_practice"]:
        sentences.append(
            view.texts.ngettext(
                "Une question ne peut être tranchée que par vous.",
                "%(num)s questions ne peuvent être tranchées que par vous.",
                yours,
            )
            % {"num": yours}
        )
    if theirs := counts["asked_of_provider"]:
        sentences.append(
            view.texts.ngettext(
                "%(provider)s doit encore répondre à une question.",
                "%(provider)s doit encore répondre à %(num)s questions.",
                theirs,
            )
            % {"num": theirs, "provider": view.provider_name}
        )
    return " ".join(sentences)


def _works(view: View, windows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return announced work that is under way or near, the nearest first; what comes back every week is no news."""
    return sorted(
        (
            each
            for each in windows
            if each["starts_at"]
            and instant(each["starts_at"]) - view.now < _AHEAD
            and instant(each["ends_at"]) > view.now
        ),
        key=lambda each: str(each["starts_at"]),
    )


def _emergency(contacts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return whom to telephone when everything is down: whoever looks after the computers."""
    return next((each for each in contacts if each["kind"] == "it_provider" and each["phone"]), None)


PAGES: Final = (("/my-practice", show_my_practice),)
