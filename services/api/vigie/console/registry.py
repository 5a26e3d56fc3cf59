"""Every page of the console: its address and its handler. A page is added by its module's `PAGES`."""

from typing import Final

from vigie.console import (
    add_practice,
    backups,
    checklist,
    device,
    fleet,
    home,
    incidents,
    my_practice,
    patches,
    practice,
    practice_hours,
    practice_pages,
    questionnaires,
    reports,
)
from vigie.console.rendering import STATIC, console_file
from vigie.console.view import Handler

PAGES: Final[tuple[tuple[str, Handler], ...]] = (
    *home.PAGES,
    *add_practice.PAGES,
    *backups.PAGES,
    *checklist.PAGES,
    *device.PAGES,
    *fleet.PAGES,
    *incidents.PAGES,
    *my_practice.PAGES,
    *patches.PAGES,
    *practice.PAGES,
    *practice_hours.PAGES,
    *practice_pages.PAGES,
    *questionnaires.PAGES,
    *reports.PAGES,
    (f"{STATIC}/{{name}}", console_file),
)
