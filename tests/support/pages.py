"""Pages of the console as a browser asks for them, and what people read on them."""

import re

import httpx

from tests.support.people import Person

HOSTILE = "<script>alert('x')</script> \"عيادة\" 🦷 " + "W" * 70
_ACCENTS = re.compile(r"[éèêàçùôîÉÈÊÀÇ]")


async def page(person: Person, path: str, language: str = "fr") -> httpx.Response:
    """Return a page."""
    return await person.http.get(path, headers={"Accept": "text/html", "Accept-Language": language})


async def read(person: Person, path: str, language: str = "fr") -> str:
    """Return what somebody reads on a page that is there, with plain spaces and apostrophes."""
    answer = await page(person, path, language)
    assert answer.status_code == 200, (path, answer.status_code, answer.headers.get("location"))
    assert "<script>alert" not in answer.text
    return words(answer.text)


async def read_english(person: Person, path: str, *names: str) -> str:
    """Return the English page, in which no French is left but in the names given."""
    said = await read(person, path, "en")
    rest = said
    for name in (*names, "mémento", "Santé", "santé"):
        rest = rest.replace(name, "")
    assert not _ACCENTS.search(rest), re.findall(r".{30}[éèêàçùôîÉÈÊÀÇ].{30}", rest)
    return said


def words(html: str) -> str:
    """Return the text of HTML as plain words."""
    body = re.sub(r"(?s)<(svg|script|head)\b.*?</\1>", " ", html)
    text = re.sub(r"<[^>]+>", " ", body).replace("&#39;", "'").replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return re.sub(r"\s+([.,])", r"\1", re.sub(r"\s+", " ", text))


def forms(html: str) -> set[str]:
    """Return the operations that the forms of a page lead to."""
    return set(re.findall(r'data-api="([^"]+)"', html))
