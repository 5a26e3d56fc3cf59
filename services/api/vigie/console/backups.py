"""Which backup is late, failing, kept in one place only, never restored or not readable."""

from typing import Final

from starlette.responses import Response

from vigie.console.gaps import show_gaps
from vigie.console.view import View, page


@page
async def show_backups(view: View) -> Response:
    """Show what is missing of backups across the fleet."""
    if view.of_practice:
        return view.redirect("/my-practice")
    return await show_gaps(view, "backup")


PAGES: Final = (("/backups", show_backups),)
