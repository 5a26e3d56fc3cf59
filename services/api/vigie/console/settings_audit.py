"""Who did what, and what was refused; the chain as a file that can be verified elsewhere."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.responses import Response

from vigie.console import settings
from vigie.console.shown import PARIS
from vigie.console.view import View, page
from vigie.core.clock import wire_time


@page
async def show_audit(view: View) -> Response:
    """Show the audit, filtered as the address says, latest first."""
    query = view.query()
    asked = dict(settings.passed_on(view, "actor", "action", "object", "practice", "outcome", "cursor"))
    for name, days in (("from", 0), ("to", 1)):  # « jusqu'au » takes the whole of its day
        if name in query and (day := _day(query[name])) is not None:
            asked[name] = wire_time(datetime.combine(day + timedelta(days=days), time(), ZoneInfo(PARIS)))
    found = await view.get("/v1/audit", **asked)
    kept = {name: value for name, value in query.items() if name != "cursor"}
    shown = {
        "query": query,
        "kept": kept,
        "entries": found,
        "told": _told,
        "actions": sorted({each["action"] for each in found["items"]}),
    }
    return await settings.show(view, "settings_audit.html", "audit", **shown)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _told(details: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the details of an entry in few words."""
    return [(name, _plain(value)) for name, value in details.items() if value not in (None, "", [], {})]


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(each)}" for name, each in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)


PAGES: Final = (("/settings/audit", show_audit),)
