"""Partner clients, and the webhooks that tell programs of changes."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from vigie.auth.principal import SCOPES as GRANTED
from vigie.console import settings
from vigie.console.view import View, page


def _(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


SCOPES: Final[Mapping[str, str]] = {
    "practices:read": _("Lire les cabinets et leurs verdicts"),
    "practices:write": _("Créer et changer des cabinets"),
    "devices:read": _("Lire les postes et leurs constats"),
    "devices:write": _("Approuver, renommer et retirer des postes"),
    "checklist:read": _("Lire les points de contrôle"),
    "events:read": _("Lire le fil des changements"),
    "alerts:read": _("Lire les alertes"),
    "alerts:write": _("Prendre en charge, commenter et résoudre des alertes"),
    "policies:read": _("Lire les seuils et la politique d'alerte"),
    "records:read": _("Lire fournisseurs, contrats et contacts"),
    "records:write": _("Tenir fournisseurs, contrats et contacts"),
    "webhooks:read": _("Lire les webhooks et leur journal"),
    "webhooks:write": _("Créer et changer des webhooks"),
    "incidents:read": _("Lire les incidents"),
    "incidents:write": _("Déclarer et suivre des incidents"),
    "reports:read": _("Lire les rapports"),
    "reports:write": _("Produire et envoyer des rapports"),
}
DELIVERY: Final[Mapping[str, tuple[str, str]]] = {
    "pending": ("unknown", _("En attente")),
    "delivered": ("pass", _("Remis")),
    "dead": ("fail", _("Abandonné")),
}
STOPPED: Final[Mapping[str, str]] = {
    "by_caller": _("arrêté par quelqu'un de chez vous"),
    "failing": _("arrêté parce que rien n'est passé pendant des jours"),
    "gone": _("arrêté parce que l'adresse répond qu'elle n'existe plus"),
}


def _offered() -> dict[str, str]:
    """Return the scopes that a partner client may be granted, with what each stands for."""
    return {key: SCOPES.get(key, key) for key in [*SCOPES, *sorted(GRANTED - SCOPES.keys())] if key in GRANTED}


@page
async def show_clients(view: View) -> Response:
    """Show the partner clients, what each may do and with what it authenticates, and create one."""
    asked = settings.passed_on(view, "status", "cursor")
    found = await view.get_all(clients=view.get("/v1/clients", **asked), practices=settings.practices_of(view))
    return await settings.show(
        view, "settings_partners_clients.html", "clients", scopes=_offered(), query=view.query(), **found
    )


@page
async def show_webhooks(view: View) -> Response:
    """Show the endpoints, how each is doing, the log of what they were sent, and create one."""
    asked = settings.passed_on(view, "endpoint_id", "status", "cursor")
    found = await view.get_all(
        endpoints=view.get("/v1/webhook-endpoints", limit=100),
        deliveries=view.get("/v1/webhook-deliveries", **asked),
        practices=settings.practices_of(view),
    )
    words = {"delivery": DELIVERY, "stopped": STOPPED}
    return await settings.show(
        view, "settings_partners_webhooks.html", "webhooks", query=view.query(), **words, **found
    )


PAGES: Final = (("/settings/clients", show_clients), ("/settings/webhooks", show_webhooks))
