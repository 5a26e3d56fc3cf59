"""Supplier questionnaires of a practice: which there are, answering one, reading and signing it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from vigie.console.view import View, page

_SIGNS_FOR: Final = {"owner": "supplier", "practitioner": "practitioner"}
_MOST: Final = 200


def _(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


STATUS: Final[Mapping[str, tuple[str, str]]] = {
    "draft": ("unknown", _("À compléter")),
    "ready": ("warning", _("Prêt à signer")),
    "signed_by_supplier": ("warning", _("Signé par le fournisseur")),
    "signed": ("ok", _("Signé")),
    "reopened": ("warning", _("À signer de nouveau")),
    "expired": ("critical", _("Échu")),
}
"""State of a questionnaire → state of the design, and its word."""
_LACKS: Final[Mapping[str, str]] = {
    "answer": _("une réponse"),
    "text": _("une précision"),
    "date": _("une date"),
    "document": _("un document"),
    "comment": _("un commentaire"),
    "plan": _("un plan de correction"),
}
_ANSWERS: Final[Mapping[str, str]] = {"yes": _("Oui"), "no": _("Non"), "not_applicable": _("Sans objet")}
_ORIGINS: Final[Mapping[str, str]] = {
    "person": _("répondu par une personne"),
    "copied": _("repris d'un autre cabinet"),
    "telemetry": _("d'après les relevés"),
    "attestation": _("d'après une réponse aux points de contrôle"),
}
_SERVICES: Final[Mapping[str, str]] = {
    "on_site": _("Intervient sur place"),
    "remote": _("Intervient à distance"),
    "hosting": _("Stocke des données hors du cabinet"),
}
_PARTIES: Final[Mapping[str, str]] = {"supplier": _("pour le fournisseur"), "practitioner": _("pour le cabinet")}


@page
async def list_questionnaires(view: View) -> Response:
    """List the questionnaires of a practice by supplier, those to begin among them."""
    practice_id = view.request.path_params["practice_id"]
    here = f"/v1/practices/{practice_id}"
    found = await view.get_all(
        practice=view.get(here),
        questionnaires=view.get(f"{here}/questionnaires", limit=_MOST),
        listed=view.get(f"{here}/suppliers"),
        suppliers=view.get("/v1/suppliers", limit=_MOST),
    )
    used = found["listed"]["items"]
    known = {each["id"] for each in used}
    return await view.show(
        "questionnaires.html",
        nav="fleet",
        zone=found["practice"]["time_zone"],
        practice=found["practice"],
        suppliers=[_supplier(each, found["questionnaires"]["items"]) for each in used],
        unlisted=[each for each in found["suppliers"]["items"] if each["id"] not in known],
        confirmed=found["listed"],
        services=_SERVICES,
        statuses=STATUS,
    )


def _supplier(supplier: Mapping[str, Any], questionnaires: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a supplier with its questionnaires, and the kinds that concern it and are not begun."""
    own = [each for each in questionnaires if each["supplier"]["id"] == supplier["id"]]
    begun = {each["kind"] for each in own}
    return {**supplier, "begun": own, "missing": [each for each in supplier["questionnaires"] if each not in begun]}


@page
async def show_questionnaire(view: View) -> Response:
    """Show a questionnaire: every question with its answer and the evidence, what is missing, the signatures."""
    practice_id, own_id = view.request.path_params["practice_id"], view.request.path_params["questionnaire_id"]
    here = f"/v1/practices/{practice_id}"
    found = await view.get_all(practice=view.get(here), questionnaire=view.get(f"{here}/questionnaires/{own_id}"))
    questionnaire = found["questionnaire"]
    party = _SIGNS_FOR.get(view.me["role"]) if view.can("questionnaires:sign") else None
    return await view.show(
        "questionnaires_one.html",
        nav="fleet",
        zone=found["practice"]["time_zone"],
        practice=found["practice"],
        questionnaire=questionnaire,
        address=f"{here}/questionnaires/{own_id}",
        party=party,
        signs=party is not None and _may_sign(party, questionnaire),
        current=[each for each in questionnaire["signatures"] if each["revision"] == questionnaire["revision"]],
        earlier=[each for each in questionnaire["signatures"] if each["revision"] != questionnaire["revision"]],
        answers=_ANSWERS,
        lacks=_LACKS,
        origins=_ORIGINS,
        parties=_PARTIES,
        statuses=STATUS,
    )


def _may_sign(party: str, questionnaire: Mapping[str, Any]) -> bool:
    """Whether it is this party's turn: the supplier signs what is complete, then the practitioner what the supplier signed."""
    if party == "practitioner":
        return bool(questionnaire["status"] == "signed_by_supplier")
    return questionnaire["status"] in {"ready", "reopened"} and not questionnaire["open"]


PAGES: Final = (
    ("/practices/{practice_id:uuid}/questionnaires", list_questionnaires),
    ("/practices/{practice_id:uuid}/questionnaires/{questionnaire_id:uuid}", show_questionnaire),
)
