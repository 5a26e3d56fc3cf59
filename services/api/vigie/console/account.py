"""Who I am: my places, my sessions, language and theme, and the way out."""

from typing import Final

from starlette.responses import Response

from vigie.console.view import LANGUAGE_COOKIE, THEME_COOKIE, View, page


@page
async def show_account(view: View) -> Response:
    """Show the person who is signed in, where else they may go, and their open sessions."""
    found = await view.get_all(sessions=view.get("/v1/me/sessions"), whole=view.get("/v1/me"))
    chosen = {name: view.request.cookies.get(name, "") for name in (LANGUAGE_COOKIE, THEME_COOKIE)}
    places = found["whole"]["memberships"]
    return await view.show("account.html", nav="me", sessions=found["sessions"], memberships=places, chosen=chosen)


PAGES: Final = (("/me", show_account),)
