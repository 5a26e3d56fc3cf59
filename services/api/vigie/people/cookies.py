"""The cookies of the sign-in: HttpOnly, SameSite=Lax, no Domain; `__Host-` and Secure wherever browsers come by https.

Lax and not Strict: the way back from an identity provider is a navigation from another site, and has to bring them.
"""

from http.cookies import Morsel, SimpleCookie
from typing import Any

from vigie.people.kit import People


def cookie_header(people: People, name: str, value: str, max_age_s: int | None = None) -> str:
    """Return a `Set-Cookie` value; without `max_age_s` the cookie goes when the browser is closed, with 0 at once."""
    jar: SimpleCookie = SimpleCookie()
    jar[name] = value
    cookie: Morsel[Any] = jar[name]
    cookie["path"], cookie["httponly"], cookie["samesite"] = "/", True, "Lax"
    if people.secure:
        cookie["secure"] = True
    if max_age_s is not None:
        cookie["max-age"] = max_age_s
    return cookie.OutputString()


def session_cookie_header(people: People, secret: str) -> str:
    """Return the `Set-Cookie` value of a session; an empty secret removes it."""
    name = "__Host-vigie" if people.secure else "vigie"
    return cookie_header(people, name, secret, None if secret else 0)
