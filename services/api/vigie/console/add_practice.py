"""From a new practice to its first report: its name and hours, a code to install with, and lines that turn green by themselves."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from vigie.console.practice import today
from vigie.console.view import View, page

_MAY_ADD: Final = "practices:write"
_EVERY_PRACTICE: Final = "all"


@page
async def show_add_practice(view: View) -> Response:
    """Show the form of a new practice, or who may add one."""
    return await _show_adding(view, "add_practice.html")


@page
async def show_import(view: View) -> Response:
    """Show where a list of practices is checked and created, or who may do so."""
    return await _show_adding(view, "add_practice_import.html")


async def _show_adding(view: View, template: str) -> Response:
    if view.of_practice:
        return view.redirect("/my-practice")
    allowed = view.can(_MAY_ADD) and view.me["practices"] == _EVERY_PRACTICE
    return await view.show(template, nav="fleet", allowed=allowed, limited=view.can(_MAY_ADD))


@page
async def show_install(view: View) -> Response:
    """Show how a device joins a practice, and what came of the code named by `token` so far."""
    if view.of_practice:
        return view.redirect("/my-practice")
    here = f"/v1/practices/{view.request.path_params['practice_id']}"
    practice = await view.get(here)
    found = await view.get_all(
        tokens=view.get(f"{here}/enrolment-tokens", limit=100),
        devices=view.get("/v1/devices", practice_id=practice["id"], limit=200),
        hours=view.get(f"{here}/opening-hours"),
    )
    named = view.query().get("token")
    token = next((each for each in found["tokens"]["items"] if each["id"] == named), None)
    device = _joined_since(token, found["devices"]["items"])
    findings: Sequence[Any] = ()
    if device is not None and device["last_seen_at"] is not None:
        findings = (await view.get(f"/v1/devices/{device['id']}/findings"))["items"]
    return await view.show(
        "add_practice_install.html",
        nav="fleet",
        zone=practice["time_zone"],
        practice=practice,
        hours=today(found["hours"], view, practice["time_zone"]),
        token=token,
        device=device,
        joined=_count_since(token, found["devices"]["items"]),
        findings=len(findings),
        allowed=view.can("devices:write") and practice["archived_at"] is None,
    )


def _since(token: Mapping[str, Any] | None, devices: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    if token is None:
        return []
    return [each for each in devices if each["enrolled_at"] >= token["created_at"] and each["status"] != "revoked"]


def _joined_since(token: Mapping[str, Any] | None, devices: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the device that joined last since a code was made: the one somebody is installing."""
    return max(_since(token, devices), key=lambda each: str(each["enrolled_at"]), default=None)


def _count_since(token: Mapping[str, Any] | None, devices: Sequence[Mapping[str, Any]]) -> int:
    return len(_since(token, devices))


PAGES: Final = (
    ("/add-practice", show_add_practice),
    ("/add-practice/import", show_import),
    ("/practices/{practice_id:uuid}/install", show_install),
)
