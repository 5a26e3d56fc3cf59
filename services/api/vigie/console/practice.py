"""One practice: what is wrong here, since when, and what is due."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.responses import Response

from vigie.console.journal import Writer, by_days
from vigie.console.shown import instant
from vigie.console.view import View, page
from vigie.console.wording import wording

WORST_FIRST: Final = ("fail", "unknown", "warn", "pass", "not_applicable")
_STATES: Final = ("fail", "warn", "unknown", "accepted", "pass", "not_applicable")
_SOON: Final = timedelta(days=400)
_SHOWN_CHANGES: Final = 40
_SHOWN_LINES: Final = 14
_SHOWN_DUE: Final = 8
_LIVENESS: Final = {"silent": "critical", "pending": "unknown", "never": "unknown"}


@page
async def show_practice(view: View) -> Response:
    """Show one practice whole; people of a practice have a page of their own."""
    if view.of_practice:
        return view.redirect("/my-practice")
    here = f"/v1/practices/{view.request.path_params['practice_id']}"
    practice = await view.get(here)
    if practice["archived_at"] is not None:
        return await view.show("practice_archived.html", nav="fleet", practice=practice)
    named = {"practice_id": practice["id"]}
    found = await view.get_all(
        checklist=view.get(f"{here}/checklist", brief="true"),
        alerts=view.get("/v1/alerts", **named),
        devices=view.get("/v1/devices", limit=200, **named),
        changes=view.get(f"{here}/changes", limit=_SHOWN_CHANGES),
        held=view.get("/v1/suppressions", limit=_SHOWN_LINES, **named),
        hours=view.get(f"{here}/opening-hours"),
    )
    checklist, zone = found["checklist"], practice["time_zone"]
    controls = controls_of(checklist)
    devices = [device for device in found["devices"]["items"] if device["status"] != "revoked"]
    changes = found["changes"]["items"]
    writer = writer_of(view, {control["id"]: control["title"] for control in controls.values()})
    oldest = changes[-1]["happened_at"] if changes else practice["created_at"]
    held = [each for each in found["held"]["items"] if each["wanted_at"] >= oldest]
    lines = [*writer.lines(changes), *writer.held_back(held)]
    lines = sorted(lines, key=lambda line: line.at, reverse=True)[:_SHOWN_LINES]
    return await view.show(
        "practice.html",
        nav="fleet",
        zone=zone,
        practice=practice,
        checklist=checklist,
        lights=checklist["headlines"],
        alerts=[_alert(each, controls) for each in found["alerts"]["items"]],
        devices=_devices(devices, controls),
        hours=today(found["hours"], view, zone),
        rules=[_rule(view, rule) for rule in checklist["rules"]],
        due=_due(view, controls, {device["id"]: device["alias"] for device in devices})[:_SHOWN_DUE],
        days=by_days(lines, zone),
        today=view.now.astimezone(ZoneInfo(zone)).date(),
    )


def writer_of(view: View, titles: Mapping[str, str]) -> Writer:
    """Return who writes the log in the language of a page."""
    return Writer(view.texts, wording(view.language), {key: view.texts.said(title) for key, title in titles.items()})


def controls_of(checklist: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the controls of a checklist by their ids, in the order of the catalogue."""
    return {control["id"]: control for rule in checklist["rules"] for control in rule["controls"]}


def _alert(alert: Mapping[str, Any], controls: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return an alert with what it is about: names of devices, or what the checklist says of its first control."""
    aliases = [member["alias"] for member in alert["members"] if member["alias"]]
    about = ", ".join(aliases[:3])
    first = next((controls[member["id"]] for member in alert["members"] if member["id"] in controls), None)
    if first is not None:
        about = first["title"]
    return {**alert, "about": about, "more": max(0, len(alert["members"]) - (len(aliases[:3]) or 1))}


def today(hours: Mapping[str, Any], view: View, zone: str) -> dict[str, Any]:
    """Return when a practice is open today: its spans, and whether anything was told of its hours at all."""
    day = view.now.astimezone(ZoneInfo(zone)).date().isoformat()
    preview = next((each for each in hours["preview"] if each["day"] == day), None)
    return {
        "told": hours["hours"] is not None,
        "day": preview,
        "next": hours["next_opening"],
        "open": hours["open_now"],
    }


def accepted_or(state: str, *, accepted: bool) -> str:
    """Return the state to show: what was accepted until a date is shown as that."""
    return "accepted" if accepted and state in {"fail", "warn"} else state


def shown_state(control: Mapping[str, Any]) -> str:
    """Return the state of a control of the checklist as it is shown."""
    return accepted_or(
        control["state"], accepted=bool(control["accepted"]) and control["reason"].startswith("accepted")
    )


def _rule(view: View, rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule with its strip, and the strip in words."""
    states = [shown_state(control) for control in rule["controls"]]
    judged = [state for state in states if state != "not_applicable"]
    say = wording(view.language)
    spoken = [
        view.text("%(state)s : %(num)s", num=states.count(state), state=say("finding", state))
        for state in _STATES
        if state in states
    ]
    return {
        **rule,
        "states": states,
        "spoken": ", ".join(spoken),
        "passed": judged.count("pass"),
        "judged": len(judged),
    }


def _devices(devices: Sequence[Mapping[str, Any]], controls: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return devices, the worst first, each with the worst that was found on it and the system it runs."""
    worst: dict[str, tuple[int, str, str, str]] = {}
    counted: dict[str, int] = {}
    for control in controls.values():
        excused = {each["device_id"] for each in control["accepted"]}
        for found in control["devices"]:
            key = found["device_id"]
            state = accepted_or(found["state"], accepted=bool(excused & {key, None}))
            entry = (_STATES.index(state), state, control["title"], found["says"])
            worst[key] = min(worst.get(key, entry), entry, key=lambda each: each[0])
            counted[key] = counted.get(key, 0) + (state in {"fail", "warn", "unknown"})
    shown = []
    for device in devices:
        # The short checklist names only what is not in order; on a device of which no system is known nothing was examined yet.
        otherwise = "pass" if device["system"] else "unknown"
        rank, state, title, says = worst.get(device["id"], (len(_STATES), otherwise, "", ""))
        if device["liveness"] in _LIVENESS:
            rank, state, title, says = -1, _LIVENESS[device["liveness"]], "", ""
        more = max(0, counted.get(device["id"], 0) - 1)
        said = {"state": state, "title": title, "says": says, "more": more, "rank": rank}
        shown.append(dict(device) | said)
    return sorted(shown, key=lambda each: (each["rank"], each["alias"]))


def _due(view: View, controls: Mapping[str, Mapping[str, Any]], aliases: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what comes to its end, the nearest first: answers and records that have to be renewed, accepted deviations."""
    due: list[dict[str, Any]] = []
    for control in controls.values():
        answer = control["answer"]
        if answer is not None and answer["source"] != "inventory" and answer["valid_until"] is not None:
            due.append({"at": answer["valid_until"], "kind": "answer", "title": control["title"], "id": control["id"]})
        for each in control["accepted"]:
            ends = {"at": each["ends_at"], "kind": "exception", "title": control["title"], "id": control["id"]}
            due.append(ends | {"alias": aliases.get(each["device_id"] or "", "")})
    near = [each for each in due if instant(each["at"]) - view.now < _SOON]
    return _distinct(sorted(near, key=lambda each: str(each["at"])))


def _distinct(due: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each thing once, at its nearest date."""
    seen: set[tuple[Any, ...]] = set()
    kept = []
    for each in due:
        key = (each["kind"], each["id"], each.get("alias"))
        if key not in seen:
            kept.append(dict(each))
        seen.add(key)
    return kept


PAGES: Final = (("/practices/{practice_id:uuid}", show_practice),)
