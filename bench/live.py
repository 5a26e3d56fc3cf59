"""P17: how long after a heartbeat is acknowledged an open page shows what it changed, in headless Chromium."""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

from playwright.async_api import BrowserContext, Page, async_playwright

from bench.fleet import BenchDevice, load_fleet
from bench.intake import full_sections
from bench.report import Figure, median
from bench.service import Bed, Process
from vigie.auth.oidc.identity import Identity
from vigie.auth.sessions import NewSession, open_session
from vigie.core.db import Database, role_url
from vigie.people.doorstep import Doorstep
from vigie.people.members import Standing, add_member

TIMES, PRACTICES, DEVICES = 10, 40, 4
GOAL_S = 2
_PATIENCE_MS = 20_000
_ARGUMENTS: Final = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# The instant, by the machine's clock, of the first picture in which an element is in another state than before.
_CHANGED: Final = """([selector, before]) => new Promise((tell) => {
  const look = () => {
    if (document.querySelector(selector)?.dataset.state === before) return;
    observer.disconnect();
    requestAnimationFrame(() => tell((performance.timeOrigin + performance.now()) / 1000));
  };
  const observer = new MutationObserver(look);
  observer.observe(document.body, { subtree: true, childList: true, attributes: true });
  look();
})"""


class NotShownError(Exception):
    """A page did not show what a heartbeat changed."""


def chromium() -> str | None:
    """Return where Chromium is; `VIGIE_CHROMIUM` says it where it has another name."""
    return os.environ.get("VIGIE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def shown_after_heartbeats(bed: Bed) -> list[Figure]:
    """Measure two open pages, the practice's and the fleet's, each in a window of its own, while one device turns."""
    devices = load_fleet(bed, providers=1, practices=PRACTICES, devices=DEVICES)
    service = bed.serve(workers=2)
    bed.work()
    practice = bed.query("SELECT practice_id FROM device WHERE id = $1", devices[0].device_id)[0]["practice_id"]
    return asyncio.run(_measure(bed, service, devices, practice))


async def _measure(bed: Bed, service: Process, devices: list[BenchDevice], practice: UUID) -> list[Figure]:
    for place, device in enumerate(devices):
        await _report(service, device, place, 0)
    turning = devices[0]
    secret = await _sign_in(bed, turning.provider_id)
    base = f"http://{service.host}"
    async with _windows(base, secret) as (one, other):
        pages = {f"/practices/{practice}": (one, "#light-patch"), "/practices": (other, f"#p-{practice}")}
        for path, (page, selector) in pages.items():
            await page.goto(base + path)
            await page.wait_for_selector(selector)
            await page.wait_for_function("document.getElementById('live')?.dataset.liveState !== 'off'")
        await asyncio.sleep(3)  # the streams are open
        found: dict[str, list[float]] = {path: [] for path in pages}
        dice = Random(17)
        for turn in range(TIMES + 1):
            waiting = {path: await _watch(page, selector) for path, (page, selector) in pages.items()}
            acknowledged = await _report(service, turning, 0, 1 - turn % 2)
            for path, task in waiting.items():
                seconds = await asyncio.wait_for(task, _PATIENCE_MS / 1000) - acknowledged
                if turn:  # the first one warms up
                    found[path].append(seconds)
            await asyncio.sleep(2 + dice.random())  # at every phase of what asks once a second
    practices, fleet = (found[path] for path in pages)
    what = f"from the acknowledgement of a heartbeat until the open page shows the turned light, slowest of {TIMES}"
    return [
        Figure(
            "P17", f"the practice's page: {what}", max(practices), GOAL_S, "s", "less", practices, _notes(practices)
        ),
        Figure("P17b", "the same, the fleet's page", max(fleet), GOAL_S, "s", "less", fleet, _notes(fleet)),
    ]


def _notes(found: list[float]) -> dict[str, float]:
    return {"median (s)": median(found)}


async def _report(service: Process, device: BenchDevice, place: int, flip: int) -> float:
    """Send a full report; return when it was acknowledged, by the machine's clock."""
    signed = device.signed(service.host, device.heartbeat(full_sections(place, flip)), compressed=True)
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    try:
        writer.write(signed)
        head = await reader.readuntil(b"\r\n\r\n")
        acknowledged = time.time()
        if head.split(b" ", 2)[1] != b"200":
            raise NotShownError((head + await reader.read(400)).decode())
    finally:
        writer.close()
    return acknowledged


async def _watch(page: Page, selector: str) -> asyncio.Task[float]:
    before = await page.get_attribute(selector, "data-state")
    return asyncio.create_task(page.evaluate(_CHANGED, [selector, before]))


@contextlib.asynccontextmanager
async def _windows(base: str, secret: str) -> AsyncIterator[tuple[Page, Page]]:
    """Open two windows that share nothing but who is signed in: each holds a stream of its own."""

    async def opened(context: BrowserContext) -> Page:
        await context.add_cookies([{"name": "vigie", "value": secret, "url": base}])
        return await context.new_page()

    async with async_playwright() as kit:
        started = await kit.chromium.launch(executable_path=chromium(), args=_ARGUMENTS)
        try:
            one, other = [await opened(await started.new_context(locale="fr-FR")) for _ in range(2)]
            yield one, other
        finally:
            await started.close()


async def _sign_in(bed: Bed, provider_id: UUID) -> str:
    """Return the secret of a session of an owner of the provider."""
    settings, now = bed.settings(0), datetime.now(UTC)
    doorstep, database = Database(*role_url(settings, "vigie_signin"), 1), Database(*role_url(settings, "vigie_app"), 1)
    try:
        who = Identity(idp="staff", issuer="urn:bench", subject="owner", id_token="", name="Bench")
        account = await Doorstep(doorstep).account_of(who, now)
        async with database.session(provider_id, write=True) as session:
            member = await add_member(session, provider_id, account.id, Standing("owner"), name="Bench", now=now)
            hours = timedelta(hours=8)
            _, secret = await open_session(session, NewSession(member, "staff", "urn:bench", hours, hours), now=now)
    finally:
        await doorstep.close()
        await database.close()
    return secret
