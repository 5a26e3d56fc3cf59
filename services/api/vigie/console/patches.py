"""Which update is missing where, which systems are out of support."""

from typing import Final

from starlette.responses import Response

from vigie.console.gaps import show_gaps
from vigie.console.view import View, page


@page
async def show_patches(view: View) -> Response:
    """Show what is missing of updates across the fleet."""
    if view.of_practice:
        return view.redirect("/my-practice")
    return await show_gaps(view, "patch")


@page
async def show_most_missing(view: View) -> Response:
    """Answer what is missing most, for the page to take in."""
    return await view.show("patches_most.html", patches=await view.get("/v1/patches/summary"))


PAGES: Final = (("/patches", show_patches), ("/patches/most", show_most_missing))
