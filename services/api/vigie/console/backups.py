"""Which backup is late, failing, kept in one place only, never restored or not readable."""

from typing import Final

from starlette.responses import Response

from vigie.console.gaps import show_counts, show_gaps
from vigie.console.view import View, page


@page
async def show_backups(view: View) -> Response:
    """Show what is missing of backups across the fleet."""
    if view.of_practice:
        return view.redirect("/my-practice")
    return await show_gaps(view, "backup")


@page
async def show_backup_counts(view: View) -> Response:
    """Answer how many practices lack what, for the page to take in."""
    return await show_counts(view, "backup")


PAGES: Final = (("/backups", show_backups), ("/backups/counts", show_backup_counts))
