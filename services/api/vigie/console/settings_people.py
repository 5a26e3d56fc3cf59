"""Members, invitations and the issuers at which the provider's staff signs in."""

from typing import Final

from starlette.responses import Response

from vigie.console import settings
from vigie.console.view import View, page

ROLES: Final = ("owner", "technician", "auditor", "practitioner", "practice_staff")
_MOST: Final = 200


@page
async def show_members(view: View) -> Response:
    """Show who may come in, who was invited, and invite somebody."""
    asked = settings.passed_on(view, "role", "practice_id", "cursor")
    found = await view.get_all(
        members=view.get("/v1/members", **asked),
        invitations=view.get("/v1/invitations", limit=_MOST),
        practices=settings.practices_of(view),
    )
    return await settings.show(
        view, "settings_people_members.html", "members", query=view.query(), roles=ROLES, **found
    )


@page
async def show_identity_providers(view: View) -> Response:
    """Show the issuers, the addresses to register there, and add one."""
    found = await view.get("/v1/identity-providers")
    return await settings.show(view, "settings_people_identity.html", "identity", providers=found)


PAGES: Final = (("/settings/members", show_members), ("/settings/identity-providers", show_identity_providers))
