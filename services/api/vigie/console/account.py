"""Who I am: my places, my sessions, language and theme, and the way out."""

from typing import Final

from starlette.responses import Response

from vigie.console.view import LANGUAGE_COOKIE, THEME_COOKIE, View, page


@page
async def show_account(view: View) -> Response:
    """Show the person who is signed in, where else they may go, and their open sessions."""
    sessions = await view.get("/v1/me/sessions")
    chosen = {name: view.request.cookies.get(name, "") for name in (LANGUAGE_COOKIE, THEME_COOKIE)}
    return await view.show("account.html", nav="me", sessions=sessions, chosen=chosen)


PAGES: Final = (("/me", show_account),)
