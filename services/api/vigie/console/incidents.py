"""Incidents: declaring one, and the page one works on while two clocks of 72 hours run."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from starlette.responses import Response

from vigie.console.shown import instant
from vigie.console.view import View, page

_HOURS: Final = 72
_STEP: Final = 10
"""Width of an hour of a clock, in the units of its drawing."""
_FOUND: Final = 20
_OVER: Final = frozenset({"done", "done_late", "not_required"})


def _(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


_CLOCKS: Final[Mapping[str, Mapping[str, str]]] = {
    "complaint": {
        "title": _("Déposer plainte"),
        "before": _("et avant toute réinstallation. Sans plainte sous 72 h, l'assurance cyber n'indemnise pas."),
        "done": _("Plainte déposée"),
        "nothing": _("Aucune plainte n'est due"),
    },
    "cnil": {
        "title": _("Notifier la CNIL"),
        "before": _("s'il y a un risque pour les personnes. Une notification incomplète vaut mieux que tardive."),
        "done": _("CNIL notifiée"),
        "nothing": _("Aucune notification n'est due"),
    },
}
_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "ransomware": (_("Rançongiciel"), _("des fichiers ne s'ouvrent plus, une rançon est demandée")),
    "intrusion": (_("Intrusion"), _("quelqu'un agit sur un poste ou dans un compte")),
    "phishing": (_("Hameçonnage"), _("un mot de passe ou un code a été donné")),
    "data_leak": (_("Fuite de données"), _("des données sont parties ou visibles")),
    "theft_or_loss": (_("Vol ou perte"), _("un poste, un disque, un téléphone")),
    "outage": (_("Panne grave"), _("plus rien ne marche, sans cause connue")),
    "other": (_("Autre"), _("un doute suffit")),
}
_WHO: Final[Mapping[str, str]] = {
    "anyone": _("tout le monde"),
    "practitioner": _("le praticien"),
    "practice": _("le cabinet"),
    "provider": _("le prestataire"),
    "both": _("cabinet et prestataire"),
}


@page
async def list_incidents(view: View) -> Response:
    """List the incidents of the practices one sees, the open ones first."""
    found = await view.get_all(
        open=view.get("/v1/incidents", status="open"),
        closed=view.get("/v1/incidents", status="closed", cursor=view.query().get("cursor")),
    )
    return await view.show("incidents.html", nav="incidents", clocks=_CLOCKS, over=_OVER, **found)


@page
async def declare_incident(view: View) -> Response:
    """Show the form that declares an incident; a provider's people choose the practice first."""
    query = view.query()
    practice_id = view.practice_id if view.of_practice else query.get("practice")
    practice = await view.get(f"/v1/practices/{practice_id}") if practice_id else None
    searched = query.get("q")
    found = await view.get("/v1/practices", q=searched, limit=_FOUND) if practice is None else None
    return await view.show(
        "incidents_declare.html",
        nav="incidents",
        zone=practice["time_zone"] if practice else None,
        practice=practice,
        searched=searched or "",
        found=found,
        kinds=_KINDS,
        may=view.can("incidents:write"),
    )


@page
async def show_incident(view: View) -> Response:
    """Show an incident: the reflexes, the two clocks, the steps, the log, whom to call, what is ready to be sent."""
    here = f"/v1/incidents/{view.request.path_params['incident_id']}"
    asked = {"incident": view.get(here)}
    if view.can("records:read"):
        asked["drafts"] = view.get(f"{here}/drafts")
    found = await view.get_all(**asked)
    incident = found["incident"]
    open_now = incident["status"] == "open"
    return await view.show(
        "incidents_one.html",
        nav="incidents",
        zone=incident["time_zone"],
        incident=incident,
        clocks=[{**_CLOCKS[each["clock"]], **each, **_left(each, incident)} for each in incident["clocks"]],
        drafts=found.get("drafts"),
        over=_OVER,
        may=open_now and view.can("incidents:write"),
        may_close=all(each["state"] in _OVER for each in incident["clocks"]),
        who=_WHO,
    )


def _left(clock: Mapping[str, Any], incident: Mapping[str, Any]) -> dict[str, Any]:
    """Return how long a clock still runs, in words and as a drawing of one tick an hour."""
    remaining = clock["remaining_s"]
    if remaining is None:
        until = instant(clock["done_at"]) if clock["done_at"] else instant(incident["as_of"])
        elapsed = until - instant(incident["known_at"])
        return {"left": None, "ticks": ticks(elapsed)}
    minutes = abs(remaining) // 60
    return {"left": f"{minutes // 60} h {minutes % 60:02}", "ticks": ticks(timedelta(hours=_HOURS, seconds=-remaining))}


def ticks(elapsed: timedelta) -> dict[str, str]:
    """Return the paths of a clock of 72 hours: the hours gone and those to come, each day's first one taller."""
    gone = min(max(int(elapsed.total_seconds() // 3600), 0), _HOURS)
    drawn = ["M{x} {y}h5v{h}h-5z".format(x=hour * _STEP, **_tick(hour)) for hour in range(_HOURS)]
    return {"gone": "".join(drawn[:gone]), "todo": "".join(drawn[gone:])}


def _tick(hour: int) -> dict[str, int]:
    return {"y": 0, "h": 20} if hour % 24 == 0 else {"y": 5, "h": 15}


PAGES: Final = (
    ("/incidents", list_incidents),
    ("/incidents/declare", declare_incident),
    ("/incidents/{incident_id:uuid}", show_incident),
)
