"""Templates and the files they refer to. One environment per language, made once."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from vigie.auth.dependencies import public
from vigie.console.catalogues import TEXTS, Language
from vigie.console.compiling import Templates, put
from vigie.console.shown import Shown
from vigie.console.wording import MARKS, wording
from vigie.core.web_files import WebFiles, read_folder
from vigie.events.kinds import KINDS

_HERE: Final = Path(__file__).parent
STATIC: Final = "/console/static"
_STYLES: Final = ("tokens.css", "ground.css", "parts.css", "pages.css", "own.css", "narrow.css")
_SCRIPTS: Final = ("prefs.js", "keys.js", "forms.js", "live.js")
_LONG_NAME: Final = 60  # characters: longer ones take more than two lines of a phone
_BY_INSTANT: Final = (
    "clock",
    "day",
    "date",
    "moment",
    "on",
    "until",
    "deadline",
    "long_day",
    "since",
    "ago",
    "duration",
    "number",
)


@lru_cache(maxsize=1)
def files() -> WebFiles:
    """Return the files of the pages: style and script of the shell each in one piece, the rest by their own names."""
    own = read_folder(_HERE / "static")
    bundles = {
        "console.css": b"".join(own.pop(name) for name in _STYLES),
        "console.js": b"".join(_apart(own.pop(name)) for name in _SCRIPTS),
    }
    return WebFiles(STATIC, {**bundles, **own, **read_folder(_HERE / "vendor")})


def _apart(script: bytes) -> bytes:
    """Return a script whose names are its own."""
    return b"(() => {\n" + script + b"})();\n"


@lru_cache(maxsize=2)
def environment(language: Language) -> Templates:
    """Return the templates in one language."""
    texts = TEXTS[language]
    made = Templates(
        texts,
        loader=FileSystemLoader(_HERE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["said"] = texts.said
    made.filters["named"] = named
    sprite = (_HERE / "templates" / "icons.svg").read_text(encoding="utf-8")
    made.globals |= {
        "asset": files().address_of,
        "event_kinds": " ".join(sorted(KINDS)),
        "icons": Markup(sprite),  # noqa: S704 - a file of ours
        "language": language,
        "marks": MARKS,
        "say": wording(language),
    }
    made.remember("parts.html", "mark", "icon", "state")
    return made


def named(name: str) -> Markup:
    """Return the name of a practice, in its own direction of writing; a long one is cut by the style, and whole in its title."""
    said = put(name)
    if len(name) <= _LONG_NAME:
        return Markup(f"<bdi>{said}</bdi>")  # noqa: S704 - escaped
    return Markup(f'<bdi class="long" title="{said}">{said}</bdi>')  # noqa: S704 - escaped


def render(template: str, language: Language, shown: Shown, **data: Any) -> str:
    """Return a page as HTML. Instants and numbers are written by the functions of `Shown`."""
    writing = {name: getattr(shown, name) for name in _BY_INSTANT}
    return environment(language).write(template, **writing, shown=shown, now=shown.now, **data)


@public("style, script and marks of the pages are no secret")
async def console_file(request: Request) -> Response:
    """Answer a file of the pages."""
    return files().answer(request)
