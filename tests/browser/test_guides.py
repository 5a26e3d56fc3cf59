"""The guides name buttons, headings and keys: each of them is there, where the guide says."""

import re
from collections.abc import Mapping, Sequence

import pytest
from playwright.async_api import Browser

from tests.browser.conftest import Furnished
from tests.support.chromium import Window, window
from tests.support.guides import FOLDER, all_of, chapters, missing, names
from tests.support.house import PSC, STAFF

# Where each chapter is read: addresses, the first of each kind in the house; or a link of the page before, by its address.
MORNING: Mapping[str, Sequence[str]] = {
    "1": ("/practices",),
    "2": ("/alerts", "a[href^='/alerts/']"),
    "3": ("/practices/{practice}", "a[href^='/devices/']"),
    "4": ("/practices", "/add-practice"),
    "5": ("/patches", "/backups", "/settings", "/settings/maintenance", "/settings/alerting"),
}
MINUTES: Mapping[str, Sequence[str]] = {
    "1": ("/my-practice",),
    "2": ("/my-practice", "a[href^='/my-practice/questions']"),
    "3": ("/my-practice", "/my-practice/contacts"),
    "5": ("/my-practice", "/practices/{practice}/reports"),
    "S": ("/my-practice", "/incidents/declare"),
}


async def read(shown: Window, base: str, path: str) -> str:
    """Go to an address, or where a link of the page leads; return all that stands there."""
    if path.startswith("a["):
        path = await shown.page.locator(path).first.get_attribute("href") or ""
    answer = await shown.page.goto(base + path)
    assert answer is not None
    assert answer.status == 200, path
    return await all_of(shown.page)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("guide", "person", "where"),
    [
        ("matinee-du-technicien", (STAFF, "Ana Lopes"), MORNING),
        ("dix-minutes-du-praticien", (PSC, "Dr Camille Paz"), MINUTES),
    ],
)
async def test_what_a_guide_names_is_there(
    furnished: Furnished, chrome: Browser, guide: str, person: tuple[str, str], where: Mapping[str, Sequence[str]]
) -> None:
    base, practice = furnished.house.url, str(furnished.house.practices[0])
    found: list[str] = []
    read_so_far = 0
    async with window(chrome) as shown:
        await shown.sign_in(base, *person)
        for title, body in chapters(guide).items():
            if title[0] in where:
                texts = [await read(shown, base, path.format(practice=practice)) for path in where[title[0]]]
                found += [f"{title}: {name}" for name in missing(names(body), " ".join(texts))]
                read_so_far += 1
        assert shown.wrongs == []
    assert found == []
    assert read_so_far == len(where)


def test_every_picture_of_a_guide_is_there() -> None:
    for guide in FOLDER.glob("*.md"):
        shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", guide.read_text(encoding="utf-8"))
        assert shown, guide.name
        assert [each for each in shown if not (FOLDER / each).is_file()] == [], guide.name
