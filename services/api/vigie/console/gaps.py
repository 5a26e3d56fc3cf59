"""What is missing of updates or of backups, across the fleet: what the pages of both have in common."""

from collections.abc import Awaitable, Iterable, Mapping
from itertools import groupby
from typing import Any, Final, Literal
from urllib.parse import urlencode

from starlette.responses import Response

from vigie.console.view import View

_STATES: Final = ("fail", "warn", "unknown")
_RULES: Final = {"patch": "ANS-2.", "backup": "ANS-5."}
_LAST: Final = {"patch": 5, "backup": 8}
"""The control points behind a light are the first ones of their rule."""


async def show_gaps(view: View, light: Literal["patch", "backup"], **more: Awaitable[Any]) -> Response:
    """Show what practices lack, those first that are worst off, with how many lack what. `more`: asked with it."""
    query, path = view.query(), f"/{light}{'es' if light == 'patch' else 's'}"
    filters = {name: value for name, value in query.items() if name != "cursor"}
    found = await view.get_all(
        gaps=view.get(f"/v1{path}", **query),
        summary=view.get("/v1/summary"),
        checklist=view.get("/v1/checklist/summary"),
        **more,
    )

    def address(**changed: str | None) -> str:
        asked = {name: value for name, value in {**filters, **changed}.items() if value is not None}
        return f"{path}?{urlencode(asked)}" if asked else path

    items = found["gaps"]["items"]
    return await view.show(
        f"{path.removeprefix('/')}.html",
        nav=path.removeprefix("/"),
        light=light,
        path_=path,
        query=query,
        filters=filters,
        filtered=bool(filters),
        states=_STATES,
        controls=_controls(found["checklist"], light),
        practices=[_together(rows) for _, rows in groupby(items, key=lambda gap: gap["practice_id"])],
        address=address,
        **found,
    )


def _together(gaps: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the gaps of one practice, those that are one thing in one place as one: each with the points it is found under."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for gap in gaps:
        place = tuple(device["id"] for device in gap["devices"])
        same = found.setdefault((gap["state"], gap["short"], place), {**gap, "points": []})
        same["points"].append(gap)
    return list(found.values())


def _controls(checklist: Mapping[str, Any], light: str) -> list[Mapping[str, Any]]:
    """Return the control points behind a light in their order, each with how many practices are not well by it."""
    of_rule = [each for each in checklist["items"] if str(each["control"]).startswith(_RULES[light])]
    numbered = sorted((int(str(each["control"]).rpartition(".")[2]), each) for each in of_rule)
    return [
        {**each, "missing": sum(each["practices"][state] for state in _STATES)}
        for number, each in ((number, each) for number, each in numbered if number <= _LAST[light])
    ]
