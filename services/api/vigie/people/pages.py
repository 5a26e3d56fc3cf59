"""The pages of the sign-in: rendering, languages, what their headers allow, and the files they refer to.

French first: a page is English only for a browser that prefers English to French. Nothing on a page is inline: neither style nor
script, and the policy of each answer says so. Files carry the hash of their content in their name and never change.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from vigie.auth.dependencies import public
from vigie.core.errors import AppError, preferred_language
from vigie.core.french import french
from vigie.core.web_files import WebFiles, read_folder
from vigie.people.texts import advice, month

_HERE: Final = Path(__file__).parent
_PARIS: Final = ZoneInfo("Europe/Paris")
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Final[Mapping[str, str]] = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
Handler = Callable[[Request], Awaitable[Response]]


@lru_cache(maxsize=1)
def _files() -> WebFiles:
    """Return the files of the pages."""
    return WebFiles("/auth/static", read_folder(_HERE / "static"))


@lru_cache(maxsize=4)
def _environment(folder: Path | None) -> Environment:
    made = Environment(
        loader=FileSystemLoader([*([folder] if folder else []), _HERE / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = _files().address_of
    made.filters["marked"] = _marked
    return made


def _marked(text: str) -> Markup:
    """Return a text in which what stands between backquotes is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def language_of(request: Request) -> str:
    """Return `fr` or `en`: French unless the browser prefers English."""
    return preferred_language(request.headers.get("accept-language", ""), otherwise="fr")


def render(request: Request, template: str, status: int = 200, *, folder: Path | None = None, **shown: Any) -> Response:
    """Return a page; `folder`: of the templates that another slice brings.

    In templates `say(fr, en)` is a text in the page's language, `moment(instant)` an instant.
    """
    language = language_of(request)

    def say(in_french: str, in_english: str, **parts: object) -> Markup:
        text = escape(french(in_french) if language == "fr" else in_english)
        return text.format(**parts) if parts else text

    def moment(instant: datetime) -> Markup:
        return _moment(instant, language)

    html = _environment(folder).get_template(template).render(say=say, moment=moment, language=language, **shown)
    return HTMLResponse(html, status, {**HEADERS, "Content-Language": language, "Vary": "Accept-Language, Cookie"})


def _moment(instant: datetime, language: str) -> Markup:
    local = instant.astimezone(_PARIS)
    day = f"{local.day} {month(local.month, language)} {local.year}"
    shown = f"le {day} à {local:%H:%M}" if language == "fr" else f"{day}, {local:%H:%M}"
    return Markup('<time datetime="{}">{}</time>').format(instant.isoformat(timespec="seconds"), shown)


def wants_page(request: Request) -> bool:
    """Whether the caller is a browser that shows a page, and no script that reads a problem document."""
    return "text/html" in request.headers.get("accept", "")


def refusal(request: Request, error: AppError, again: str = "/auth/login", other: str = "/auth/login") -> Response:
    """Return a refusal as a page with what to do next, or as a problem document for a script.

    `again` leads back to the same way of signing in, `other` to the choice of another.
    """
    language = language_of(request)
    if not wants_page(request):
        return error.response(language)
    title = french(error.title_fr) if language == "fr" else error.title
    answer = render(
        request,
        "message.html",
        error.status,
        title=title,
        advice=advice(error.code, language),
        code=error.code,
        again=again,
        other=other,
    )
    answer.headers.update(error.headers)
    return answer


def page(why: str) -> Callable[[Handler], Handler]:
    """Mark a handler as open to anybody (the reason is required) and show its refusals as pages."""

    def mark(handler: Handler) -> Handler:
        async def shown(request: Request) -> Response:
            try:
                return await handler(request)
            except AppError as error:
                return refusal(request, error)

        shown.__name__, shown.__doc__ = handler.__name__, handler.__doc__
        return public(why)(shown)

    return mark


@public("style, script and mark of the pages are no secret")
async def static_file(request: Request) -> Response:
    """Answer a file of the pages; its name changes with its content, so it may be kept for ever."""
    return _files().answer(request)
