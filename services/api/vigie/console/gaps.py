"""What is missing of updates or of backups, across the fleet: what the pages of both have in common."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, Literal
from urllib.parse import urlencode

from starlette.responses import Response

from vigie.console.view import View

_STATES: Final = ("fail", "warn", "unknown")
_RULE: Final = {"patch": 2, "backup": 5}
_PATH: Final = {"patch": "/patches", "backup": "/backups"}
_LAST: Final = {"patch": 5, "backup": 8}
"""The control points behind a light are the first ones of their rule."""


async def show_gaps(view: View, light: Literal["patch", "backup"]) -> Response:
    """Show what practices lack, those first that are worst off."""
    query, path = view.query(), _PATH[light]
    filters = {name: value for name, value in query.items() if name != "cursor"}
    found = await view.get_all(
        gaps=view.get(f"/v1{path}", **query),
        summary=view.get("/v1/summary"),
        controls=view.get("/v1/controls", rule=_RULE[light]),
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
        practices=[_together(rows) for _, rows in groupby(items, key=lambda gap: gap["practice_id"])],
        address=address,
        points=_behind(found.pop("controls")["items"], light),
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


def _behind(controls: Sequence[Mapping[str, Any]], light: str, key: str = "id") -> list[Mapping[str, Any]]:
    """Return the control points behind a light in their order."""
    numbered = sorted((int(str(each[key]).rpartition(".")[2]), place) for place, each in enumerate(controls))
    return [controls[place] for number, place in numbered if number <= _LAST[light]]


async def show_counts(view: View, light: Literal["patch", "backup"]) -> Response:
    """Answer how many practices are not well by each control point behind a light, for its page to take in."""
    summary = await view.get("/v1/checklist/summary")
    of_rule = [each for each in summary["items"] if each["rule"] == _RULE[light]]
    controls = _behind(of_rule, light, "control")
    return await view.show("gaps_counts.html", states=_STATES, controls=controls, path_=_PATH[light])
