"""Pages of the console as a test reads them."""

import httpx

from tests.support.people import Person

_TYPEWRITTEN = str.maketrans(
    {"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " "}
)


async def visit(who: Person, path: str, language: str = "fr") -> httpx.Response:
    """Ask for a page as a browser does."""
    return await who.http.get(path, headers={"Accept": "text/html", "Accept-Language": language})


async def page(who: Person, path: str, status: int = 200, language: str = "fr") -> str:
    """Return a page as text with plain spaces and apostrophes, and expect its status."""
    answer = await visit(who, path, language)
    assert answer.status_code == status, (path, answer.status_code, answer.headers.get("location"), answer.text[:300])
    return answer.text.translate(_TYPEWRITTEN)


def missing(html: str, *texts: str) -> list[str]:
    """Return those of the texts that a page does not have."""
    return [text for text in texts if text not in html]


def present(html: str, *texts: str) -> list[str]:
    """Return those of the texts that a page has."""
    return [text for text in texts if text in html]
