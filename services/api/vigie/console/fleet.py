"""The fleet: which practices need somebody now, and why; then all of them, the most urgent first."""

from typing import Final

from starlette.responses import Response

from vigie.console.view import View, page

_ON_TOP: Final = 7
"""So many causes stand on top; the rest is in the inbox."""


@page
async def show_fleet(view: View) -> Response:
    """Show what needs an action now and the practices, filtered as the address says."""
    if view.of_practice:
        return view.redirect("/my-practice")
    query = view.query()
    found = await view.get_all(
        practices=view.get("/v1/practices", **query),
        summary=view.get("/v1/summary"),
        alerts=view.get("/v1/alerts", limit=_ON_TOP),
    )
    return await view.show("fleet.html", nav="fleet", query=query, **found)


PAGES: Final = (("/practices", show_fleet),)
