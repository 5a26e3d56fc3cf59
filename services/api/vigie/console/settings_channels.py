"""Where alerts go: channels with a test, and the log of what they carried."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from vigie.console import settings
from vigie.console.alerts import CAUSES
from vigie.console.view import View, page


def _(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


KINDS: Final[Mapping[str, str]] = {
    "mail": _("Courriel"),
    "webhook": _("Webhook signé"),
    "service": _("Messagerie, SMS, ticket"),
}
STATUSES: Final[Mapping[str, tuple[str, str]]] = {
    "pending": ("unknown", _("En attente")),
    "sent": ("pass", _("Envoyé")),
    "failed": ("fail", _("Non remis")),
    "dropped": ("not_applicable", _("Sans objet")),
}
MESSAGES: Final[Mapping[str, str]] = {
    "test": _("Message d'essai"),
    "digest": _("Résumé du jour"),
    "opening_check": _("Contrôle avant ouverture"),
    "alert.opened": _("Alerte ouverte"),
    "alert.updated": _("Du nouveau"),
    "alert.escalated": _("Sans réponse"),
    "alert.reopened": _("Alerte rouverte"),
    "alert.closed": _("Alerte close"),
}
FAILURES: Final[Mapping[str, str]] = {
    "member": _("arrêté par quelqu'un de chez vous"),
    "time": _("l'autre côté ne répond pas à temps"),
    "refused": _("l'adresse n'est pas de celles que nous appelons"),
    "address": _("l'adresse n'est pas valable"),
    "recipient": _("le destinataire est refusé"),
}


@page
async def show_channels(view: View) -> Response:
    """Show the channels, create one, try one, and what was sent."""
    asked = settings.passed_on(view, "channel_id", "status", "cursor")
    found = await view.get_all(
        channels=view.get("/v1/channels", limit=100),
        notifications=view.get("/v1/notifications", **asked),
        practices=settings.practices_of(view),
    )
    words = {"kinds": KINDS, "statuses": STATUSES, "messages": MESSAGES, "failures": FAILURES, "causes": CAUSES}
    return await settings.show(view, "settings_channels.html", "channels", query=view.query(), **words, **found)


PAGES: Final = (("/settings/channels", show_channels),)
