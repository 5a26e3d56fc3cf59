"""The settings: one page per subject, and the list of those that somebody may see."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID

from starlette.responses import Response

from vigie.console.rest import RefusedError
from vigie.console.view import View, page


def _(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


class Subject(NamedTuple):
    """A page of settings: its key, address, title, what it is for, and the scope it needs."""

    key: str
    address: str
    title: str
    purpose: str
    scope: str
    whole: bool = False  # only for those who see every practice


SUBJECTS: Final = (
    Subject(
        "members",
        "/settings/members",
        _("Membres"),
        _("Qui entre, avec quel rôle, sur quels cabinets."),
        "members:read",
    ),
    Subject(
        "identity",
        "/settings/identity-providers",
        _("Connexion de l'équipe"),
        _("Les annuaires auprès desquels votre équipe se connecte."),
        "members:read",
    ),
    Subject(
        "channels",
        "/settings/channels",
        _("Canaux"),
        _("Où partent les alertes, et ce qui y est arrivé."),
        "channels:read",
        whole=True,
    ),
    Subject(
        "alerting",
        "/settings/alerting",
        _("Politique d'alerte"),
        _("Ce qui fait une alerte, qui est prévenu, quand on se tait."),
        "policies:read",
    ),
    Subject(
        "thresholds",
        "/settings/thresholds",
        _("Seuils"),
        _("À partir de quand un constat devient un défaut."),
        "policies:read",
    ),
    Subject(
        "maintenance",
        "/settings/maintenance",
        _("Maintenance"),
        _("Les travaux annoncés, pendant lesquels rien n'est envoyé."),
        "alerts:read",
    ),
    Subject(
        "clients",
        "/settings/clients",
        _("Programmes partenaires"),
        _("Qui appelle l'API, avec quels droits."),
        "clients:read",
    ),
    Subject(
        "webhooks",
        "/settings/webhooks",
        _("Webhooks"),
        _("Les changements envoyés à vos programmes, signés."),
        "webhooks:read",
    ),
    Subject(
        "audit", "/settings/audit", _("Journal d'audit"), _("Qui a fait quoi, et ce qui a été refusé."), "audit:read"
    ),
)
_MOST: Final = 200
_PAGE: Final = 50


def subjects_of(view: View) -> list[Subject]:
    """Return the pages of settings that somebody may see."""
    limited = view.me["practices"] != "all"
    return [each for each in SUBJECTS if view.can(each.scope) and not (each.whole and limited)]


async def show(view: View, template: str, subject: str, **data: Any) -> Response:
    """Return a page of settings; a page that has `practices` shows every one it speaks of by name."""
    if "practices" in data:
        data["practices"] = await _with_names(view, data)
    return await view.show(template, nav="settings", subject=subject, subjects=subjects_of(view), **data)


async def practices_of(view: View) -> dict[str, str]:
    """Return the first practices one may choose from, by id: two hundred at most; a search on the page finds others."""
    found = await view.get("/v1/practices", limit=_MOST)
    return {each["id"]: each["name"] for each in sorted(found["items"], key=lambda each: each["name"].casefold())}


async def _with_names(view: View, data: Mapping[str, Any]) -> dict[str, str]:
    """Return the practices to choose from with those that the page names and the choice does not hold."""
    practices: dict[str, str] = data["practices"]
    lists = [value.get("items", ()) if isinstance(value, Mapping) else value for value in data.values()]
    rows = [row for each in lists if isinstance(each, list) for row in each if isinstance(row, Mapping)]
    ids = {each for row in rows for each in (row.get("practice_id"), *(row.get("practices") or ())[:_PAGE])}
    ids |= {data.get("chosen"), view.query().get("practice")}
    missing = sorted(each for each in ids - practices.keys() if _is_id(each))[:_PAGE]
    asked = await asyncio.gather(*(or_none(view, f"/v1/practices/{each}") for each in missing))
    return {**practices, **{each["id"]: each["name"] for each in asked if each is not None}}


def _is_id(text: str | None) -> bool:
    try:
        return text is not None and bool(UUID(text))
    except ValueError:
        return False


async def or_none(view: View, path: str, **asked: object) -> Any:
    """Ask what may not be there, or not be this person's to know."""
    try:
        return await view.get(path, **asked)
    except RefusedError:
        return None


def passed_on(view: View, *names: str) -> Mapping[str, str]:
    """Return those query parameters of the page that a list of the API takes."""
    query = view.query()
    return {name: query[name] for name in names if name in query}


@page
async def show_settings(view: View) -> Response:
    """Show what can be set."""
    if view.of_practice:
        return view.redirect("/me")
    return await show(view, "settings.html", "")


PAGES: Final = (("/settings", show_settings),)
