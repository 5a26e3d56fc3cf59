"""The policy of alerting: what makes an alert, who is told, when nobody is; tried on what happened before it holds."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
from starlette.responses import Response

from vigie.console import settings
from vigie.console.alerts import CAUSES, WHY_HELD
from vigie.console.view import View, page


def _(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


DAYS: Final[Mapping[str, str]] = {
    "monday": _("Lundi"),
    "tuesday": _("Mardi"),
    "wednesday": _("Mercredi"),
    "thursday": _("Jeudi"),
    "friday": _("Vendredi"),
    "saturday": _("Samedi"),
    "sunday": _("Dimanche"),
}
LEVELS: Final[Mapping[str, str]] = {
    "critical": _("Critique"),
    "warning": _("À surveiller"),
    "info": _("Pour information"),
    "off": _("Pas d'alerte"),
}
_EVERYONE: Final = _("tous les canaux")
_ON_CALL: Final = _("la personne d'astreinte")
_GONE: Final = _("un canal retiré")
_STEPS: Final = 4  # rungs that the form offers at least
_SPANS: Final = 2  # times of silence in a day that the form offers at least
_TRIED: Final = (7, 30, 90)


@page
async def show_alerting(view: View) -> Response:
    """Show the policy in force, its draft, what either would have sent, and the form that drafts another."""
    query = view.query()
    found = await view.get_all(
        active=view.get("/v1/alerting-policy"),
        draft=settings.or_none(view, "/v1/alerting-policy/draft"),
        channels=settings.or_none(view, "/v1/channels", limit=100),
        members=settings.or_none(view, "/v1/members", limit=200),
    )
    edited = found["draft"] or found["active"]
    tried = await _tried(view, query, "draft" if found["draft"] else "active")
    channels = {each["id"]: each["name"] for each in (found["channels"] or {"items": []})["items"]}
    return await settings.show(
        view,
        "settings_alerting.html",
        "alerting",
        query=query,
        policy=edited,
        tried=tried,
        spans_of_trial=_TRIED,
        channel_names=channels,
        people=[each for each in (found["members"] or {"items": []})["items"] if each["practice_id"] is None],
        targets=_targets(view, edited["document"], channels),
        ladders={name: _rows(edited["document"]["ladders"][name], _STEPS) for name in ("critical", "warning", "info")},
        turns=_rows((edited["document"]["on_call"] or {}).get("turns", []), 3),
        overrides=_rows((edited["document"]["on_call"] or {}).get("overrides", []), 1),
        quiet={day: _rows(_quiet(edited["document"], day), _SPANS) for day in DAYS},
        days=DAYS,
        levels=LEVELS,
        causes={key: title for key, title in CAUSES.items() if key != "opening"},
        whys=WHY_HELD,
        written=written,
        local=_local,
        **{name: found[name] for name in ("active", "draft")},
    )


async def _tried(view: View, query: Mapping[str, str], policy: str) -> Any:
    """Ask what the policy would have sent, when the address asks for it."""
    days = query.get("essai", "")
    if days not in {str(each) for each in _TRIED}:
        return None
    return await view.get("/v1/alerting-policy/rehearsal", policy=policy, days=days)


def _rows(kept: Sequence[Any], least: int) -> list[Any]:
    """Return the rows of a list and empty ones after them: one at least, so that something can be added."""
    return [*kept, *[None] * max(1, least - len(kept))]


def _quiet(document: Mapping[str, Any], day: str) -> Sequence[Any]:
    spans: Sequence[Any] = (document["quiet_hours"] or {"weekly": {}})["weekly"].get(day, [])
    return spans


def _targets(view: View, document: Mapping[str, Any], channels: Mapping[str, str]) -> dict[str, str]:
    """Return to whom a rung may go: as it is written in JSON → what it is called. What the policy has now is among them."""
    found = {'"everyone"': view.text(_EVERYONE), '"on_call"': view.text(_ON_CALL)}
    found |= {f'["{key}"]': name for key, name in channels.items()}
    gone = view.text(_GONE)
    for step in (step for steps in document["ladders"].values() for step in steps):
        if isinstance(step["to"], list):
            found.setdefault(written(step["to"]), ", ".join(channels.get(key, gone) for key in step["to"]))
    return found


def written(value: object) -> str:
    """Return a value as JSON, as the options of the form hold it."""
    return orjson.dumps(value).decode()


def _local(instant: str, zone: str) -> str:
    """Return an instant as a field for a local time holds it."""
    return datetime.fromisoformat(instant).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


PAGES: Final = (("/settings/alerting", show_alerting),)
