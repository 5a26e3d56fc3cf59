"""Announced work, during which nobody is told of alerts."""

from typing import Final

from starlette.responses import Response

from vigie.console import settings
from vigie.console.alerts import CAUSES
from vigie.console.settings_alerting import DAYS
from vigie.console.view import View, page


@page
async def show_maintenance(view: View) -> Response:
    """Show the windows that hold or will, announce one, and call one off."""
    query = view.query()
    asked = settings.passed_on(view, "standing", "practice_id", "cursor")
    found = await view.get_all(
        windows=view.get("/v1/maintenance-windows", **asked), practices=settings.practices_of(view)
    )
    chosen = query.get("pour")
    devices = await view.get("/v1/devices", practice_id=chosen, limit=200) if chosen else {"items": []}
    return await settings.show(
        view,
        "settings_maintenance.html",
        "maintenance",
        query=query,
        chosen=chosen,
        devices=devices,
        causes={key: title for key, title in CAUSES.items() if key != "opening"},
        days=DAYS,
        **found,
    )


PAGES: Final = (("/settings/maintenance", show_maintenance),)
