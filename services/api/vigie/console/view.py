"""A page and whoever looks at it: how it asks, how it is rendered, what it says when the API refuses."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from vigie.auth.dependencies import parts, public
from vigie.console.catalogues import TEXTS, Language, Texts
from vigie.console.rendering import render
from vigie.console.rest import RefusedError, Rest
from vigie.console.shown import Shown
from vigie.core.errors import AppError, preferred_language
from vigie.core.web_files import accepts_gzip

POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
LANGUAGE_COOKIE: Final = "vigie-language"
THEME_COOKIE: Final = "vigie-theme"
_SIGN_IN: Final = "/auth/login"
_PRACTICE_ROLES: Final = frozenset({"practitioner", "practice_staff"})
_UNAUTHENTICATED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_PACKING: Final = 4  # of nine levels: further ones cost more time than they save bytes


def language_of(request: Request) -> Language:
    """Return the language somebody chose here, else the one their browser prefers, else French."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen not in {"fr", "en"}:
        chosen = preferred_language(request.headers.get("accept-language", ""), otherwise="fr")
    return cast("Language", chosen)


@dataclass
class View:
    """One request for a page, by the person `me` (the answer of `GET /v1/me`)."""

    request: Request
    rest: Rest
    language: Language
    me: Mapping[str, Any]
    now: datetime
    _counts: Mapping[str, Any] | None = field(default=None, repr=False)

    async def get(self, path: str, **parameters: object) -> Any:
        """Ask the API, as `Rest.get`."""
        return await self.rest.get(path, **parameters)

    async def get_all(self, **asked: Awaitable[Any]) -> dict[str, Any]:
        """Wait for several questions: `await view.get_all(a=view.get(…), b=view.get(…))`; raises what the first refused one did."""
        answers = await asyncio.gather(*asked.values(), return_exceptions=True)  # none is left on its way
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return dict(zip(asked, answers, strict=True))

    async def counts(self) -> Mapping[str, Any]:
        """Return how many alerts ask for somebody; whoever may not read alerts has no counts."""
        if self._counts is None:
            try:
                self._counts = cast("Mapping[str, Any]", await self.get("/v1/alerts/summary"))
            except RefusedError:
                self._counts = {}
        return self._counts

    def can(self, scope: str) -> bool:
        """Whether this person may do what a scope stands for."""
        return scope in self.me["scopes"]

    @property
    def of_practice(self) -> bool:
        """Whether this person belongs to a practice, and not to the provider."""
        return self.me["role"] in _PRACTICE_ROLES

    @property
    def practice_id(self) -> str | None:
        """The practice a person of a practice belongs to."""
        found: str | None = self.me["practice_id"]
        return found

    @property
    def provider_name(self) -> str:
        """The name of the provider this person works for or is looked after by."""
        return str(self.me["provider_name"])

    @property
    def texts(self) -> Texts:
        """The texts in this person's language, for numbers of things and for sentences of the API."""
        return TEXTS[self.language]

    def query(self) -> dict[str, str]:
        """Return the query parameters of the page, without the empty ones that forms send."""
        return {name: value for name, value in self.request.query_params.items() if value}

    def text(self, french: str, **named: object) -> str:
        """Return a text in the language of the page; a module that uses it marks its texts with `_`."""
        said = TEXTS[self.language].gettext(french)
        return said % named if named else said

    def redirect(self, address: str) -> Response:
        """Lead on to another page."""
        return RedirectResponse(address, 303)

    async def show(
        self, template: str, *, nav: str = "", status: int = 200, zone: str | None = None, **data: Any
    ) -> Response:
        """Return the page. `nav`: the entry of the bar it belongs to; `zone`: the time zone of the practice it speaks of.

        Without `nav` it is a part of a page, or a page without the technician's bar, and nobody counts alerts for it.
        """
        shown = Shown(self.language, self.now, zone) if zone else Shown(self.language, self.now)
        counts = await self.counts() if nav and not self.of_practice else {}
        await self.rest.let_go()  # rendering needs no connection, and somebody else may
        html = render(
            template,
            self.language,
            shown,
            theme=_theme(self.request),
            view=self,
            me=self.me,
            nav=nav,
            counts=counts,
            path=self.request.url.path,
            **data,
        )
        return _answer(self.request, html, self.language, status)


def _theme(request: Request) -> str | None:
    chosen = request.cookies.get(THEME_COOKIE)
    return chosen if chosen in {"light", "dark"} else None


def _answer(request: Request, html: str, language: str, status: int) -> Response:
    """Return a page, packed. No page holds a secret beside what somebody typed, so its length tells nothing (BREACH)."""
    headers = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-store",
        "Content-Language": language,
        "Vary": "Accept-Language, Cookie, Accept-Encoding",
    }
    raw = html.encode()
    if accepts_gzip(request):
        raw = gzip.compress(raw, _PACKING, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return HTMLResponse(raw, status, headers)


Page = Callable[[View], Awaitable[Response]]
Handler = Callable[[Request], Awaitable[Response]]


def page(handler: Page) -> Handler:
    """Make a page of a handler that takes a `View`; without a session it leads to the sign-in and back here."""

    async def shown(request: Request) -> Response:
        language = language_of(request)
        rest = Rest(request, language)
        try:
            me = await rest.get("/v1/me", memberships="false")
            return await handler(View(request, rest, language, me, parts(request).clock.now()))
        except RefusedError as error:
            return _refusal(request, error.status, error.problem)
        finally:
            await rest.close()

    shown.__name__, shown.__doc__ = handler.__name__, handler.__doc__
    return public("shows what the REST API answers to the session it came with, and nothing else")(shown)


def _refusal(request: Request, status: int, problem: Mapping[str, Any]) -> Response:
    """Return the page that says why there is none, or the way to sign in."""
    if status == _UNAUTHENTICATED:
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{_SIGN_IN}?return_to={quote(here, safe='/')}", 303, {"Cache-Control": "no-store"})
    language = language_of(request)
    shown = Shown(language, parts(request).clock.now())
    said = {"title": None, "detail": None, "code": "internal", **problem}
    html = render("refusal.html", language, shown, theme=_theme(request), status=status, problem=said)
    return _answer(request, html, language, status)


def refusal_page(request: Request, error: AppError) -> Response | None:
    """Return a refusal as a page for a browser that went to an address by hand; None for scripts and programs."""
    asked_for_page = "text/html" in request.headers.get("accept", "") and request.method == "GET"
    if not asked_for_page or request.url.path.startswith(("/v1/", "/oauth/")):
        return None
    title = error.title_fr if language_of(request) == "fr" else error.title
    problem = {"title": title, "code": error.code, "detail": None}
    return _refusal(request, error.status, problem)
