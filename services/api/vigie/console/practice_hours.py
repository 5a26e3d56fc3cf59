"""When a practice is open: the hours of every week, closures, days with hours of their own, and what follows for two weeks."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from vigie.console.view import View, page

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SPANS: Final = 2
"""So many openings a day are offered to fill in; a day that has more shows them all."""


@page
async def show_hours(view: View) -> Response:
    """Show the hours of a practice, to change and as they are counted."""
    if view.of_practice:
        return view.redirect("/my-practice")
    here = f"/v1/practices/{view.request.path_params['practice_id']}"
    found = await view.get_all(practice=view.get(here), hours=view.get(f"{here}/opening-hours"))
    practice, told = found["practice"], found["hours"]["hours"] or {}
    weekly = told.get("weekly", {})
    return await view.show(
        "practice_hours.html",
        nav="fleet",
        zone=practice["time_zone"],
        practice=practice,
        hours=found["hours"],
        territory=told.get("territory", "metropolitan"),
        week=[(name, _offered(weekly.get(name, []))) for name in WEEKDAYS],
        closures=[*told.get("closures", []), dict.fromkeys(("first", "last", "label"), "")],
        openings=[
            *({"on": each["on"], "spans": _offered(each["spans"])} for each in told.get("openings", [])),
            _blank(),
        ],
    )


def _offered(spans: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Return the openings of a day, with empty ones up to those that are offered."""
    return [*spans, *({"from": "", "to": ""} for _ in range(_SPANS - len(spans)))]


def _blank() -> dict[str, Any]:
    return {"on": "", "spans": _offered([])}


PAGES: Final = (("/practices/{practice_id:uuid}/hours", show_hours),)
