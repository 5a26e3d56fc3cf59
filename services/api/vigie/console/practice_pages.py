"""What belongs to a practice beside its overview: its log, accepted deviations, contacts and contracts, details and codes."""

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.responses import Response

from vigie.console.journal import by_days
from vigie.console.practice import writer_of
from vigie.console.view import View, page

_PAGE: Final = 60
_MOST: Final = 200


async def _practice(view: View) -> tuple[str, Mapping[str, Any]]:
    """Return the address of the practice a page speaks of, in the API, and the practice."""
    here = f"/v1/practices/{view.request.path_params['practice_id']}"
    return here, await view.get(here)


@page
async def show_log(view: View) -> Response:
    """Show everything that changed about a practice, page by page, with what was held back meanwhile."""
    if view.of_practice:
        return view.redirect("/my-practice")
    here, practice = await _practice(view)
    cursor = view.query().get("cursor")
    found = await view.get_all(
        changes=view.get(f"{here}/changes", limit=_PAGE, cursor=cursor),
        controls=view.get("/v1/controls"),
        held=view.get("/v1/suppressions", practice_id=practice["id"], limit=_MOST),
    )
    changes, following = found["changes"]["items"], found["changes"]["next_cursor"]
    writer = writer_of(view, {each["id"]: each["title"] for each in found["controls"]["items"]})
    oldest = changes[-1]["happened_at"] if changes and following else ""
    latest = changes[0]["happened_at"] if changes and cursor else "9"
    held = [each for each in found["held"]["items"] if oldest <= each["wanted_at"] <= latest]
    return await view.show(
        "practice_pages_log.html",
        nav="fleet",
        zone=practice["time_zone"],
        practice=practice,
        days=by_days([*writer.lines(changes), *writer.held_back(held)], practice["time_zone"]),
        today=view.now.astimezone(ZoneInfo(practice["time_zone"])).date(),
        following=following,
    )


@page
async def show_exceptions(view: View) -> Response:
    """Show the accepted deviations of a practice: those that hold, those that are over, and a form for another."""
    if view.of_practice:
        return view.redirect("/my-practice")
    _here, practice = await _practice(view)
    named = {"practice_id": practice["id"], "limit": _MOST}
    found = await view.get_all(
        exceptions=view.get("/v1/exceptions", standing="all", **named),
        devices=view.get("/v1/devices", **named),
        controls=view.get("/v1/controls"),
    )
    items = found["exceptions"]["items"]
    controls = found["controls"]["items"]
    return await view.show(
        "practice_pages_exceptions.html",
        nav="fleet",
        zone=practice["time_zone"],
        practice=practice,
        holding=[each for each in items if each["standing"] != "ended"],
        over=[each for each in items if each["standing"] == "ended"],
        devices=[each for each in found["devices"]["items"] if each["status"] != "revoked"],
        aliases={each["id"]: each["alias"] for each in found["devices"]["items"]},
        titles={each["id"]: each["title"] for each in controls},
        controls=controls,
    )


@page
async def show_contacts(view: View) -> Response:
    """Show whom to call, who supplies what, contracts and restore tests of a practice."""
    if view.of_practice:
        return view.redirect("/my-practice/contacts")
    here, practice = await _practice(view)
    found = await view.get_all(
        contacts=view.get(f"{here}/contacts"),
        suppliers=view.get(f"{here}/suppliers"),
        contracts=view.get(f"{here}/contracts", limit=_MOST),
        tests=view.get(f"{here}/restore-tests", limit=20),
    )
    said = found["contacts"]["contacts"]
    missing = [kind for kind in found["contacts"]["required"] if not any(each["kind"] == kind for each in said)]
    empty = dict.fromkeys(("name", "phone", "email", "policy_number"), "")
    rows = [*said, *({"kind": kind, **empty} for kind in [*missing, "other"])]
    suppliers = found["suppliers"]["items"]
    return await view.show(
        "practice_pages_contacts.html",
        nav="fleet",
        zone=practice["time_zone"],
        practice=practice,
        contacts=found["contacts"],
        rows=rows,
        suppliers=suppliers,
        suppliers_confirmed=found["suppliers"],
        names={each["id"]: each["name"] for each in suppliers},
        contracts=found["contracts"]["items"],
        tests=found["tests"]["items"],
        today=view.now.astimezone(ZoneInfo(practice["time_zone"])).date(),
    )


@page
async def show_settings(view: View) -> Response:
    """Show the details of a practice to change, its codes to revoke, and how it is archived."""
    if view.of_practice:
        return view.redirect("/my-practice")
    here, practice = await _practice(view)
    found = await view.get_all(
        tokens=view.get(f"{here}/enrolment-tokens", limit=50), people=view.get("/v1/responsibles", limit=_MOST)
    )
    now = view.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return await view.show(
        "practice_pages_settings.html",
        nav="fleet",
        zone=practice["time_zone"],
        practice=practice,
        people=found["people"]["items"],
        tokens=[
            {
                **each,
                "usable": each["revoked_at"] is None and each["expires_at"] > now and each["uses"] < each["use_limit"],
            }
            for each in found["tokens"]["items"]
        ],
    )


PAGES: Final = (
    ("/practices/{practice_id:uuid}/log", show_log),
    ("/practices/{practice_id:uuid}/exceptions", show_exceptions),
    ("/practices/{practice_id:uuid}/contacts", show_contacts),
    ("/practices/{practice_id:uuid}/settings", show_settings),
)
