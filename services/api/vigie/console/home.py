"""Where one lands: the fleet for the provider's people, their own practice for a practice's."""

from typing import Final

from starlette.responses import Response

from vigie.console.view import View, page


@page
async def go_home(view: View) -> Response:
    """Lead to the page this person works on."""
    return view.redirect("/my-practice" if view.of_practice else "/practices")


PAGES: Final = (("/", go_home),)
