"""The guides of docs/guides, read for the names they put in people's hands: what is bold or slanted there stands on a page."""

import re
from pathlib import Path

from playwright.async_api import Page

FOLDER = Path(__file__).parents[2] / "docs" / "guides"
_NAMES = re.compile(r"\*\*([^*]+)\*\*|(?<!\*)\*(?![\s*])([^*]+)\*(?!\*)")
# What is written on the page and what stands in it for nobody's eyes: labels, hints, what is folded away.
_ALL = """() => document.body.textContent + ' ' + [...document.querySelectorAll('[aria-label], [placeholder]')]
  .map((each) => (each.ariaLabel ?? '') + ' ' + (each.placeholder ?? '')).join(' ')"""


def chapters(guide: str) -> dict[str, str]:
    """Return the chapters of a guide by their titles."""
    _, *found = (FOLDER / f"{guide}.md").read_text(encoding="utf-8").split("\n## ")
    return {title: body for title, _, body in (each.partition("\n") for each in found)}


def names(text: str) -> list[str]:
    """Return what a chapter names as it stands on a page, spaces and apostrophes as a keyboard has them."""
    return [plain(bold or slanted).rstrip(" ?") for bold, slanted in _NAMES.findall(text)]


def plain(text: str) -> str:
    """Return a text with the spaces and apostrophes of a keyboard."""
    return " ".join(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())


def missing(named: list[str], page: str) -> list[str]:
    """Return the names that do not stand in the text of a page; `…` in a name stands for whatever is there."""
    return [name for name in named if not re.search(re.escape(name).replace("…", r"[\w ]+"), page)]


async def all_of(page: Page) -> str:
    """Return every text of a page."""
    return plain(await page.evaluate(_ALL))
