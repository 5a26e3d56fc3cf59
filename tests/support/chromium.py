"""A real browser: headless Chromium that signs in as a person does, and remembers what a page did wrong."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright

AXE = Path(__file__).parents[2] / "tests" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
# The same browser without its own windows comes first: it takes a third less of a processor.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")
# Windows nobody looks at have an address bar, whose two pages of suggestions take 1.5 s of a processor for each window.
# The list takes the place of the one that Playwright gives; that one's part about Chromium is repeated.
_NOT_WANTED = (
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,"
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,"
    "OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch"
)
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={_NOT_WANTED}",
]
# Only the rules that can find something serious: the others cost as much and would be thrown away.
_SERIOUS = """async (colours) => {
  const meant = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const grave = ({ impact, tags }) => ['serious', 'critical'].includes(impact)
    && tags.some((tag) => meant.includes(tag)) && !tags.includes('experimental') && !tags.includes('deprecated')
    && (!colours || tags.includes('cat.color'));
  const values = axe._audit.rules.filter(grave).map(({ id }) => id);
  if (!values.length) throw new Error('axe-core has no such rules any more');
  const { violations } = await axe.run(document, { runOnly: { type: 'rule', values }, resultTypes: ['violations'] });
  const told = ({ id, impact, nodes }) => nodes.map((node) => `${id} (${impact}): ${node.target} ${node.failureSummary}`);
  return violations.flatMap(told);
}"""
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1440, "height": 900}


def chromium() -> str | None:
    """Return where Chromium is; `VIGIE_CHROMIUM` says it where it has another name."""
    return os.environ.get("VIGIE_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


@dataclass
class Window:
    """A window of somebody's: a page, and what went wrong on it (script errors, refused content, failed requests)."""

    page: Page
    context: BrowserContext
    wrongs: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note what goes wrong from here on."""
        self.page.on("pageerror", lambda error: self.wrongs.append(f"script: {error}"))
        self.page.on(
            "console", lambda said: self.wrongs.append(f"console: {said.text}") if said.type == "error" else None
        )

    async def sign_in(self, base_url: str, door: str, person: str, return_to: str = "/") -> None:
        """Come in by a door of the sign-in page, as a person of the simulated issuers."""
        await self.page.goto(f"{base_url}/auth/login?return_to={return_to}")
        await self.page.get_by_role("link", name=door).click()
        await self.page.get_by_role("button", name=person).first.click()
        await self.page.wait_for_url(lambda url: url.startswith(base_url) and "/auth/callback" not in url)


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Start Chromium; it ends with the block."""
    async with async_playwright() as kit:
        started = await kit.chromium.launch(executable_path=chromium(), args=_ARGUMENTS)
        try:
            yield started
        finally:
            await started.close()


@contextlib.asynccontextmanager
async def window(started: Browser, **options: Any) -> AsyncIterator[Window]:
    """Open a window with cookies of its own."""
    context = await started.new_context(**{"viewport": DESK, "locale": "fr-FR", **options})
    try:
        opened = Window(await context.new_page(), context)
        opened.watch()
        yield opened
    finally:
        await context.close()


async def breaches(page: Page, *, colours: bool = False) -> list[str]:
    """Return what axe-core finds grave on a page (WCAG 2.2 A and AA); only of `colours` where nothing else has changed."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = await page.evaluate(_SERIOUS, colours)
    return found
