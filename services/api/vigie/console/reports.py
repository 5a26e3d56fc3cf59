"""Evidence reports of a practice: those that were issued, making one, and when they are made by themselves."""

from typing import Any, Final

from starlette.responses import Response

from vigie.console.view import View, page

_MOST: Final = 100


@page
async def show_reports(view: View) -> Response:
    """List the reports of a practice, and show how one is made and when the next one comes by itself."""
    here = f"/v1/practices/{view.request.path_params['practice_id']}"
    asked = {
        "practice": view.get(here),
        "reports": view.get(f"{here}/reports", cursor=view.query().get("cursor")),
        "schedule": view.get(f"{here}/report-schedule"),
    }
    for_all = view.me["practices"] == "all"
    decides = view.can("reports:write") and not view.of_practice and for_all
    if for_all:
        asked["general"] = view.get("/v1/report-schedule")
    if decides and view.can("members:read"):
        asked["members"] = view.get("/v1/members", limit=_MOST)
    if decides and view.can("channels:read"):
        asked["channels"] = view.get("/v1/channels", limit=_MOST)
    found: dict[str, Any] = await view.get_all(**asked)
    return await view.show(
        "reports.html",
        nav="fleet",
        zone=found["practice"]["time_zone"],
        practice=found["practice"],
        reports=found["reports"],
        schedule=found["schedule"],
        general=found.get("general"),
        members=[each for each in found.get("members", {"items": []})["items"] if each["email"]],
        channels=found.get("channels", {"items": []})["items"],
        decides=decides,
    )


PAGES: Final = (("/practices/{practice_id:uuid}/reports", show_reports),)
