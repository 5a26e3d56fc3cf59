"""Every page, by the links each person finds: nothing breaks, nobody meets what is not theirs, everybody can read it."""

import re
from collections.abc import AsyncIterator, Sequence
from html import unescape
from typing import Literal

import pytest
from playwright.async_api import Browser

from tests.browser.conftest import Furnished
from tests.support.chromium import PHONE, Window, breaches, window
from tests.support.house import PSC, STAFF
from tests.support.keyboard import beyond_the_keyboard

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NO_PAGES = ("/v1/", "/auth/", "/openapi/", "/console/", "/docs", "/verify")
_ENOUGH = 80
_OPEN = "for (const part of document.querySelectorAll('main details')) part.open = true"  # what is done in place lies in these
PEOPLE = {"ana": (STAFF, "Ana Lopes"), "tom": (STAFF, "Tom Girard"), "paz": (PSC, "Dr Camille Paz")}


def kind_of(path: str) -> str:
    """Return which page an address leads to, whichever object it shows and however it is filtered."""
    return _ID.sub("{id}", path.partition("?")[0])


async def links(shown: Window) -> list[str]:
    """Return the addresses of our own pages that a page links to."""
    found = await shown.page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
    return [
        address.partition("#")[0] for address in found if address.startswith("/") and not address.startswith(_NO_PAGES)
    ]


async def walk(shown: Window, base: str, first: Sequence[str] = ()) -> AsyncIterator[str]:
    """Go to one page of each kind that can be reached by links, beginning with `first` and the start; yields where one is."""
    waiting, seen = [*first, "/"], set[str]()
    while waiting and len(seen) < _ENOUGH:
        path = waiting.pop(0)
        if kind_of(path) in seen or path.endswith((".pdf", ".csv", ".zip", ".jsonl")):
            continue
        seen.add(kind_of(path))
        answer = await shown.page.goto(base + path)
        assert answer is not None
        if answer.status != 200:
            shown.wrongs.append(f"{path}: {answer.status}")
            continue
        here = shown.page.url.removeprefix(base)
        seen.add(kind_of(here))
        yield here
        waiting += await links(shown)


async def look(shown: Window, here: str) -> list[str]:
    """Return what is wrong with a page as it is shown: by its structure and colours, in the dark, on a screen of each size."""
    page, found = shown.page, list[str]()
    language = await page.get_attribute("html", "lang")
    themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for theme in themes:  # the dark changes colours and nothing else
        await page.emulate_media(color_scheme=theme)
        found += [f"{here} ({language}, {theme}): {each}" for each in await breaches(page, colours=theme == "dark")]
    await page.emulate_media(color_scheme="light")
    wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return found + ([f"{here} ({language}): {wider} px too wide"] if wider > 0 else [])


@pytest.mark.timeout(400)
@pytest.mark.parametrize("who", ["ana", "paz"])
async def test_every_page_is_whole_readable_and_fits(furnished: Furnished, chrome: Browser, who: str) -> None:
    """French on a desk, English on a phone with everything opened, both in the light and in the dark, all of it by keyboard."""
    base, found, pages = furnished.house.url, list[str](), list[str]()
    first = {"ana": [f"/practices/{furnished.house.practices[6]}"], "paz": []}[who]  # of the names, the hostile one
    async with window(chrome) as desk, window(chrome, viewport=PHONE) as phone:
        for shown in (desk, phone):
            await shown.sign_in(base, *PEOPLE[who])
        await phone.context.add_cookies([{"name": "vigie-language", "value": "en", "url": base}])
        async for here in walk(desk, base, first):
            pages.append(kind_of(here))
            assert await desk.page.get_attribute("html", "lang") == "fr", here
            found += await look(desk, here)
            await desk.page.evaluate(_OPEN)
            found += [f"{here}: {each}" for each in await beyond_the_keyboard(desk.page)]
            await phone.page.goto(base + here)
            await phone.page.evaluate(_OPEN)
            assert await phone.page.get_attribute("html", "lang") == "en", here
            found += await look(phone, here)
        found += desk.wrongs + phone.wrongs
    assert found == [], "\n".join(found)
    least = {"ana": 12, "paz": 3}[who]
    assert len(set(pages)) >= least, sorted(set(pages))


async def test_what_is_unreadable_or_out_of_reach_is_noticed(chrome: Browser) -> None:
    async with window(chrome) as shown:
        await shown.page.set_content(
            """<html lang="fr"><title>x</title><style>a:focus { outline: none } span { cursor: pointer }</style>
            <main><input id="nameless"><p style="color: #ccc; background: #fff">pâle</p><a href="/a">lien</a>
            <a href="/b" tabindex="-1">au clavier non</a><button tabindex="-1">hors</button><span id="s">clic</span>
            <div inert><button>inerte</button></div><button style="outline: 2px solid">bien</button></main></html>"""
        )
        everything, colours = await breaches(shown.page), await breaches(shown.page, colours=True)
        keyboard = await beyond_the_keyboard(shown.page)
    assert {each.partition(" ")[0] for each in everything} == {"label", "color-contrast"}
    assert {each.partition(" ")[0] for each in colours} == {"color-contrast"}
    assert keyboard == ["mouse only: span#s clic", "no focus shown: a lien"]


async def read_on(shown: Window, base: str) -> AsyncIterator[tuple[str, str]]:
    """Read one page of each kind and the parts that pages fetch, as the person who is signed in; yields address and text."""
    waiting, seen = ["/practices"], set[str]()
    while waiting and len(seen) < _ENOUGH:
        path = unescape(waiting.pop(0)).partition("#")[0]
        if kind_of(path) in seen or path.startswith(_NO_PAGES):
            continue
        seen.add(kind_of(path))
        answer = await shown.context.request.get(base + path, headers={"Accept": "text/html"})
        assert answer.status == 200, f"{path}: {answer.status}"
        content = await answer.text()
        yield path, unescape(content)
        waiting += re.findall(r' (?:href|hx-get)="(/[^"]*)"', content)


@pytest.mark.timeout(180)
async def test_who_sees_five_practices_meets_no_sixth_on_any_page(furnished: Furnished, chrome: Browser) -> None:
    base, pages = furnished.house.url, 0
    async with window(chrome) as shown:
        await shown.sign_in(base, *PEOPLE["tom"])
        me = await (await shown.context.request.get(f"{base}/v1/me")).json()
        hidden = {
            str(practice): name for practice, name in furnished.names.items() if str(practice) not in me["practices"]
        }
        assert len(hidden) == len(furnished.names) - 5
        async for path, text in read_on(shown, base):
            assert [name for practice, name in hidden.items() if practice in text or name in text] == [], path
            pages += 1
        assert pages >= 12
        for practice in hidden:
            for path in ("", "/checklist", "/incidents", "/reports", "/questionnaires"):
                answer = await shown.context.request.get(f"{base}/practices/{practice}{path}")
                assert answer.status == 404, f"{practice}{path}: {answer.status}"
        assert shown.wrongs == []
