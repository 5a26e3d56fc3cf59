"""The inbox of alerts: what waits for whom, why, what to do; and the ledger of what was held back."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from starlette.responses import Response

from vigie.console.alerts_course import course_of
from vigie.console.rest import RefusedError
from vigie.console.view import View, page


def _(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


class Box(NamedTuple):
    """A box of the inbox: what it is called, what it asks of the API, and the field of the summary that counts it."""

    key: str
    title: str
    asks: Mapping[str, str]
    counts: Sequence[str]


BOXES: Final = (
    Box("to-take", _("À prendre"), {"status": "open"}, ("open",)),
    Box("mine", _("À moi"), {"status": "asking"}, ("mine",)),
    Box("unassigned", _("Sans responsable"), {"status": "asking", "unassigned": "true"}, ("unassigned",)),
    Box("snoozed", _("En sommeil"), {"status": "snoozed"}, ("snoozed",)),
    Box("all", _("Toutes"), {"status": "living"}, ("open", "acknowledged", "snoozed", "resolved")),
    Box("closed", _("Closes"), {"status": "closed"}, ()),
)
CAUSES: Final[Mapping[str, str]] = {
    "line": _("Ligne du cabinet"),
    "silent": _("Poste silencieux"),
    "machine_off": _("Poste éteint"),
    "agent": _("Agent arrêté"),
    "backup": _("Sauvegarde"),
    "protection": _("Protection"),
    "patch": _("Correctifs"),
    "clone": _("Identité partagée"),
    "renewal": _("Échéance"),
    "opening": _("Contrôle avant ouverture"),
}
WHY_HELD: Final[Mapping[str, str]] = {
    "window": _("Maintenance annoncée"),
    "closed_hours": _("Cabinet fermé"),
    "quiet_hours": _("Heures calmes"),
    "snoozed": _("Alerte en sommeil"),
    "grouped": _("Nouvelles réunies en un seul message"),
    "flapping": _("Va-et-vient : l'alerte reste ouverte sans message de plus"),
    "below_severity": _("Sous la gravité que l'on veut recevoir"),
    "not_chosen": _("Le canal ne veut pas de ce cabinet ou de cette cause"),
    "no_channel": _("Aucun canal à prévenir"),
}
GROUPS: Final[Mapping[str, str]] = {"cause": _("Par cause"), "practice": _("Par cabinet")}
_PASSED_ON: Final = ("severity", "cause", "practice_id", "q", "cursor")
_KNOWN: Final = frozenset({*_PASSED_ON, "box", "group"})
_SHOWN, _GROUPED = 50, 100
_STEPS: Final = 6
_EIGHT: Final = time(8)
_NOT_FOUND, _INVALID = 404, 422


@page
async def show_alerts(view: View) -> Response:
    """Show a box, and on a wide screen the first alert of it."""
    if view.of_practice:
        return view.redirect("/my-practice")
    query = view.query()
    if query.get("box") == "held":
        return await _show_held(view, query)
    box = _box(query.get("box", "to-take"))
    found = await _list(view, box, query)
    items = found["alerts"]["items"]
    detail = await _detail(view, await view.get(f"/v1/alerts/{items[0]['id']}")) if items else {}
    return await _show(view, box, query, found, detail, opened=False)


@page
async def show_alert(view: View) -> Response:
    """Show one alert, with the box one came from beside it."""
    if view.of_practice:
        return view.redirect("/my-practice")
    query = view.query()
    alert = await view.get(f"/v1/alerts/{view.request.path_params['alert_id']}")
    box = _box(query.get("box") or ("closed" if alert["status"] == "closed" else "all"))
    both = await view.get_all(found=_list(view, box, query), detail=_detail(view, alert))
    return await _show(view, box, query, both["found"], both["detail"], opened=True)


def _box(key: str) -> Box:
    return next((box for box in BOXES if box.key == key), BOXES[0])


async def _list(view: View, box: Box, query: Mapping[str, str]) -> dict[str, Any]:
    asked: dict[str, object] = {**box.asks, **{name: query[name] for name in _PASSED_ON if name in query}}
    if box.key == "mine":
        asked["assignee_id"] = view.me["subject"]
    limit = _GROUPED if query.get("group") in GROUPS else _SHOWN
    return await view.get_all(alerts=view.get("/v1/alerts", limit=limit, **asked), summary=view.counts())


async def _detail(view: View, alert: Mapping[str, Any]) -> dict[str, Any]:
    """Ask everything that the detail of an alert (as `GET /v1/alerts/{id}` gives it) shows."""
    found = await view.get_all(
        checklist=_checklist_of(view, alert),
        held=view.get("/v1/suppressions", alert_id=alert["id"], limit=20),
        sent=_or_nothing(view, "/v1/notifications", alert_id=alert["id"], limit=20),
        assignees=_or_nothing(view, f"/v1/alerts/{alert['id']}/assignees") if view.can("alerts:write") else _nothing(),
    )
    zone = alert["time_zone"]
    proofs = _proofs(alert, found["checklist"])
    return {
        **found,
        "alert": alert,
        "zone": zone,
        "proofs": proofs,
        "course": course_of(view, {**found, "alert": alert}, WHY_HELD),
        "snoozes": _snoozes(view.now, zone),
        "steps": _steps(alert, proofs),
    }


async def _checklist_of(view: View, alert: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask what the checklist says of the points an alert is about, which are few; a device that keeps silent is none of them."""
    about = sorted({each["control"] for each in alert["members"] if each["control"]})
    if not about:
        return {"rules": []}
    checklist = f"/v1/practices/{alert['practice_id']}/checklist"
    found: Mapping[str, Any]
    try:
        found = await view.get(checklist, brief="true", control=about)
    except RefusedError as error:
        if error.status != _INVALID:
            raise
        found = await view.get(checklist, brief="true")  # one of them is of an earlier catalogue
    return found


async def _nothing() -> dict[str, Any]:
    return {"items": []}


async def _or_nothing(view: View, path: str, **asked: object) -> Any:
    """Ask what not everybody may know."""
    try:
        return await view.get(path, **asked)
    except RefusedError as error:
        if error.status == _NOT_FOUND:
            raise
        return {"items": []}


def _controls(checklist: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {control["id"]: control for rule in checklist["rules"] for control in rule["controls"]}


def _proofs(alert: Mapping[str, Any], checklist: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what an alert is about, each with the sentence of the checklist and the devices behind it."""
    known = _controls(checklist)
    found = []
    for member in alert["members"]:
        control = known.get(member["control"]) if member["control"] else None
        bad = [each for each in control["devices"] if each["state"] in {"fail", "warn", "unknown"}] if control else []
        found.append({"member": member, "control": control, "devices": bad})
    return found


def _steps(alert: Mapping[str, Any], proofs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what to do: what the checklist advises for each device and control, else what is advised for the cause."""
    told = []
    for control, devices in ((proof["control"], proof["devices"]) for proof in proofs if proof["control"]):
        told += [each["next"] for each in devices] or [control["next"]]
    return list(dict.fromkeys(step for step in told if step))[:_STEPS] or list(alert["advice"])


def _snoozes(now: datetime, zone: str) -> list[tuple[str, datetime]]:
    """Return until when one usually snoozes: tomorrow morning and Monday morning, by the practice's clock."""
    local = now.astimezone(ZoneInfo(zone))
    tomorrow = datetime.combine(local.date() + timedelta(days=1), _EIGHT, local.tzinfo)
    monday = datetime.combine(local.date() + timedelta(days=7 - local.weekday()), _EIGHT, local.tzinfo)
    return [("tomorrow", tomorrow), ("monday", monday)] if monday != tomorrow else [("tomorrow", tomorrow)]


async def _show(
    view: View, box: Box, query: Mapping[str, str], found: Mapping[str, Any], detail: Mapping[str, Any], *, opened: bool
) -> Response:
    kept = {name: value for name, value in query.items() if name in _KNOWN and name != "cursor"} | {"box": box.key}
    alerts = found["alerts"]
    return await view.show(
        "alerts.html",
        nav="alerts",
        box=box.key,
        boxes=BOXES,
        summary=found["summary"],
        alerts=alerts,
        about_of=_about,
        groups=_groups(view, alerts["items"], query.get("group")),
        query=query,
        kept=kept,
        following={**kept, "cursor": alerts["next_cursor"]},
        filtered=kept.keys() & {"severity", "cause", "practice_id", "q"},
        causes=CAUSES,
        group_names=GROUPS,
        opened=opened,
        detail=detail,
        shown_id=detail["alert"]["id"] if detail else None,
    )


def _about(alert: Mapping[str, Any]) -> list[str]:
    """Return what an alert is about, as far as there are words for it."""
    return [each["title"] for each in alert["members"] if each["title"]]


def _groups(view: View, items: Sequence[Mapping[str, Any]], by: str | None) -> list[tuple[str, list[Any]]]:
    """Return the alerts under headings, the heading with the worst alert first; under one empty heading if none is asked for."""
    if by not in GROUPS:
        return [("", list(items))]
    found: dict[str, list[Any]] = {}
    for each in items:
        cause = CAUSES[each["cause"]]
        title = each["practice_name"] if by == "practice" else view.text(cause)
        found.setdefault(title, []).append(each)
    return list(found.items())


async def _show_held(view: View, query: Mapping[str, str]) -> Response:
    asked = {name: query[name] for name in ("why", "practice_id", "cursor") if name in query}
    found = await view.get_all(held=view.get("/v1/suppressions", limit=_SHOWN, **asked), summary=view.counts())
    following = {"box": "held", **asked, "cursor": found["held"]["next_cursor"]}
    return await view.show(
        "alerts_held.html",
        nav="alerts",
        box="held",
        boxes=BOXES,
        following=following,
        query=asked,
        whys=WHY_HELD,
        **found,
    )


PAGES: Final = (("/alerts", show_alerts), ("/alerts/{alert_id:uuid}", show_alert))
