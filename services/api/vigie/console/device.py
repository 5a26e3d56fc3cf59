"""One device: what was found on it and what to do, when it was heard, and what it reported."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.responses import Response

from vigie.console.facts import proof_of, sections_of
from vigie.console.practice import accepted_or
from vigie.console.presence import DAYS, presence_of
from vigie.console.shown import instant
from vigie.console.view import View, page

_WORST_FIRST: Final = ("fail", "unknown", "warn", "accepted", "pass", "not_applicable")
_QUIET: Final = frozenset({"pass", "not_applicable"})
_REPORTS: Final = timedelta(hours=1)
_SILENCES, _REPORTED = 6, 12


@page
async def show_device(view: View) -> Response:
    """Show one device whole."""
    if view.of_practice:
        return view.redirect("/my-practice")
    here = f"/v1/devices/{view.request.path_params['device_id']}"
    device = await view.get(here)
    practice = await view.get(f"/v1/practices/{device['practice_id']}")
    zone = practice["time_zone"]
    found = await view.get_all(
        findings=view.get(f"{here}/findings"),
        sections=view.get(f"{here}/sections"),
        presence=view.get(f"{here}/presence", days=DAYS + 1),
        silences=view.get(f"{here}/silences", limit=_SILENCES),
        exceptions=view.get("/v1/exceptions", practice_id=practice["id"], limit=200),
        history=view.get(f"{here}/history", limit=_REPORTED),
    )
    exceptions = [each for each in found["exceptions"]["items"] if each["device_id"] in {None, device["id"]}]
    findings = [_finding(view, each, exceptions) for each in found["findings"]["items"]]
    findings.sort(key=lambda each: _WORST_FIRST.index(each["shown"]))
    sections = sections_of(found["sections"]["items"], view.texts)
    return await view.show(
        "device.html",
        nav="fleet",
        zone=zone,
        device=device,
        practice=practice,
        open_findings=[each for each in findings if each["shown"] not in _QUIET],
        quiet=[each for each in findings if each["shown"] in _QUIET],
        tally=[(state, sum(each["shown"] == state for each in findings)) for state in _WORST_FIRST],
        sections=sections,
        names={section.key: section.name for section in sections},
        booted=_booted(found["sections"]["items"]),
        system=next((each["evidence"]["system"] for each in findings if each["evidence"].get("system")), ""),
        next_at=_next_report(device),
        presence=presence_of(found["presence"], instant(device["enrolled_at"]), view.now, zone),
        silences=found["silences"]["items"],
        history=found["history"]["items"],
        latest=(view.now + timedelta(days=365)).date(),
    )


def _finding(view: View, finding: Mapping[str, Any], exceptions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a finding with the state to show, the exception that excuses it, and its proof in words."""
    excuse = next((each for each in exceptions if each["control"] == finding["control"]), None)
    evidence = finding["evidence"]
    return {
        **finding,
        "shown": accepted_or(finding["state"], accepted=excuse is not None),
        "excuse": excuse,
        "section": evidence.get("section"),
        "collected_at": evidence.get("collected_at"),
        "proof": proof_of(evidence, view.texts),
    }


def _booted(sections: Sequence[Mapping[str, Any]]) -> str | None:
    """Return when the machine was started, as far as it says."""
    system = next((each["body"].get("data") or {} for each in sections if each["section"] == "os"), {})
    return system.get("boot_at")


def _next_report(device: Mapping[str, Any]) -> datetime | None:
    """Return when the device is to report next: at its second of the hour after its last report."""
    if device["last_seen_at"] is None or device["status"] != "active":
        return None
    seen = instant(device["last_seen_at"]).astimezone(UTC)
    slot = seen.replace(minute=0, second=0, microsecond=0) + timedelta(seconds=device["slot_s"])
    while slot <= seen + _REPORTS / 2:
        slot += _REPORTS
    return slot


@page
async def show_section(view: View) -> Response:
    """Show one section of a device as it stands, and every report that changed it."""
    if view.of_practice:
        return view.redirect("/my-practice")
    key = str(view.request.path_params["section"])
    here = f"/v1/devices/{view.request.path_params['device_id']}"
    device = await view.get(here)
    practice = await view.get(f"/v1/practices/{device['practice_id']}")
    asked = view.query()
    found = await view.get_all(
        sections=view.get(f"{here}/sections"),
        history=view.get(f"{here}/history", section=key, limit=30, cursor=asked.get("cursor")),
    )
    current = [each for each in found["sections"]["items"] if each["section"] == key]
    rows = found["history"]["items"]
    reports = [
        {"section": key, "changed_at": row["received_at"], "confirmed_at": None, "body": row["sections"][key]}
        for row in rows
    ]
    return await view.show(
        "device_section.html",
        nav="fleet",
        zone=practice["time_zone"],
        device=device,
        practice=practice,
        current=next(iter(sections_of(current, view.texts)), None),
        reports=_changes(sections_of([each], view.texts)[0] for each in reports),
        key=key,
        following=found["history"]["next_cursor"],
    )


def _changes(sections: Any) -> list[dict[str, Any]]:
    """Return reports, latest first, each with the facts that differ from the one before; the oldest shown with all it says."""
    found = list(sections)
    changes = []
    for place, section in enumerate(found):
        before = found[place + 1] if place + 1 < len(found) else None
        known = {(fact.of, fact.name): fact for fact in before.facts} if before is not None else {}
        differing = [fact for fact in section.facts if known.get((fact.of, fact.name)) != fact]
        now = {(fact.of, fact.name) for fact in section.facts}
        gone = [fact for key, fact in known.items() if key not in now]
        changes.append({"section": section, "first": before is None, "facts": differing, "known": known, "gone": gone})
    return changes


PAGES: Final = (
    ("/devices/{device_id:uuid}", show_device),
    ("/devices/{device_id:uuid}/{section:str}", show_section),
)
