"""Every page, by the links each person finds: nothing breaks, nobody meets what is not theirs, everybody can read it."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.browser.conftest import Furnished
from tests.support.chromium import DESK, PHONE, Window, breaches, window
from tests.support.house import PSC, STAFF

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NO_PAGES = ("/v1/", "/auth/", "/openapi/", "/console/", "/docs", "/verify")
_ENOUGH = 80
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


async def walk(shown: Window, base: str) -> AsyncIterator[str]:
    """Go to one page of each kind that can be reached by links, beginning at the start; yields where one is."""
    waiting, seen = ["/"], set[str]()
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


@pytest.mark.timeout(300)
@pytest.mark.parametrize("who", ["ana", "paz"])
async def test_every_page_is_whole_readable_and_fits(furnished: Furnished, chrome: Browser, who: str) -> None:
    base, found, pages = furnished.house.url, list[str](), list[str]()
    async with window(chrome) as shown:
        await shown.sign_in(base, *PEOPLE[who])
        async for here in walk(shown, base):
            pages.append(kind_of(here))
            for theme, size in (("light", DESK), ("dark", PHONE)):
                await shown.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                await shown.page.set_viewport_size(size)  # type: ignore[arg-type]
                found += [f"{here} ({theme}): {each}" for each in await breaches(shown.page)]
                wider = await shown.page.evaluate("document.documentElement.scrollWidth - innerWidth")
                found += [f"{here} ({size['width']} px): {wider} px too wide"] if wider > 0 else []
            await shown.page.set_viewport_size(DESK)  # type: ignore[arg-type]
        found += shown.wrongs
    assert found == []
    least = {"ana": 12, "paz": 3}[who]
    assert len(set(pages)) >= least, sorted(set(pages))


@pytest.mark.timeout(180)
async def test_in_english_every_page_is_english(furnished: Furnished, chrome: Browser) -> None:
    base, pages = furnished.house.url, 0
    async with window(chrome, locale="en-GB") as shown:
        await shown.sign_in(base, "Continue with", "Ana Lopes")
        async for _ in walk(shown, base):
            assert await shown.page.get_attribute("html", "lang") == "en"
            pages += 1
    assert shown.wrongs == []
    assert pages >= 12


@pytest.mark.timeout(180)
async def test_who_sees_five_practices_meets_no_sixth_on_any_page(furnished: Furnished, chrome: Browser) -> None:
    base = furnished.house.url
    async with window(chrome) as shown:
        await shown.sign_in(base, *PEOPLE["tom"])
        me = await (await shown.context.request.get(f"{base}/v1/me")).json()
        hidden = {
            str(practice): name for practice, name in furnished.names.items() if str(practice) not in me["practices"]
        }
        assert len(hidden) == len(furnished.names) - 5
        async for here in walk(shown, base):
            content = await shown.page.content()
            met = [
                name
                for practice, name in hidden.items()
                if practice in content or name in await shown.page.inner_text("body")
            ]
            assert met == [], here
        assert shown.wrongs == []
        for practice in hidden:
            for path in ("", "/checklist", "/incidents", "/reports", "/questionnaires"):
                answer = await shown.page.goto(f"{base}/practices/{practice}{path}")
                assert answer is not None
                assert answer.status == 404, f"{practice}{path}: {answer.status}"
