"""The fleet: which practices need somebody now, and why; then all of them, the most urgent first."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from vigie.console.rest import RefusedError
from vigie.console.view import View, page

_LIGHTS: Final = ("patch", "backup", "checklist", "liveness")
_STATES: Final = ("critical", "warning", "unknown", "ok")
_FILTERS: Final = ("q", "overall", *_LIGHTS, "control", "state", "responsible")
_FORBIDDEN: Final = 403


@page
async def show_fleet(view: View) -> Response:
    """Show what needs an action now and the practices, filtered as the address says."""
    if view.of_practice:
        return view.redirect("/my-practice")
    query = view.query()
    filters = {name: value for name, value in query.items() if name != "cursor"}
    found = await view.get_all(
        practices=view.get("/v1/practices", include="reasons", **query),
        summary=view.get("/v1/summary"),
        causes=_asked(view, "/v1/alerts/causes", {"practices": 0, "items": []}),
        incidents=_asked(view, "/v1/incidents", {"items": []}, status="open", limit=20),
    )
    return await view.show(
        "fleet.html",
        nav="fleet",
        query=query,
        filters=filters,
        filtered=any(name in filters for name in _FILTERS),
        lights=_LIGHTS,
        states=_STATES,
        address=lambda **changed: address_of(filters, changed),
        encoded=urlencode(filters),
        **found,
    )


@page
async def show_filters(view: View) -> Response:
    """Answer the filters that stand behind a button, for the list to take in."""
    filters = {name: value for name, value in view.query().items() if name in _FILTERS}
    controls = await view.get("/v1/controls")
    return await view.show("fleet_filters.html", filters=filters, lights=_LIGHTS, states=_STATES, controls=controls)


@page
async def show_views(view: View) -> Response:
    """Answer the lists one has saved, and the form that saves the one that is open."""
    query = view.query()
    encoded = urlencode({name: value for name, value in query.items() if name != "cursor"})
    filtered = any(name in query for name in _FILTERS)
    views = await view.get("/v1/me/views")
    return await view.show("fleet_views.html", views=views, encoded=encoded, filtered=filtered)


@page
async def show_responsibles(view: View) -> Response:
    """Answer who may look after a practice, to choose from."""
    return await view.show("fleet_responsibles.html", responsibles=await _responsibles(view))


def address_of(filters: Mapping[str, str], changed: Mapping[str, str | None]) -> str:
    """Return the address of the list with some filters set otherwise, None taking one away; the page begins anew."""
    asked = {name: value for name, value in {**filters, **changed}.items() if value is not None}
    return f"/practices?{urlencode(asked)}" if asked else "/practices"


async def _asked(view: View, path: str, otherwise: Mapping[str, Any], **parameters: object) -> Mapping[str, Any]:
    """Ask what not everybody who sees the list may read; whoever may not sees the page without it."""
    try:
        found: Mapping[str, Any] = await view.get(path, **parameters)
    except RefusedError as error:
        if error.status != _FORBIDDEN:
            raise
        return otherwise
    return found


async def _responsibles(view: View) -> list[Mapping[str, Any]]:
    """Return who may look after a practice, for those who may say so."""
    if not view.can("practices:write"):
        return []
    found = (await view.get("/v1/responsibles", limit=200))["items"]
    return sorted(found, key=lambda each: str(each["name"]).casefold())


PAGES: Final = (
    ("/practices", show_fleet),
    ("/practices/filters", show_filters),
    ("/practices/views", show_views),
    ("/practices/responsibles", show_responsibles),
)
