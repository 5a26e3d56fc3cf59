"""P16: every page of the console, for a provider of ten thousand practices; and the first load of the fleet in a browser."""

import asyncio
import gzip
import http.client
import re
import time
from dataclasses import dataclass
from typing import Final

from bench.pages_world import PRACTICES, World, furnish, make_world
from bench.report import Figure, median
from bench.service import Bed, Process
from tests.support.chromium import browser, window
from vigie.console.registry import PAGES
from vigie.console.rendering import STATIC

GOAL_MS, GOAL_LOAD_MS, GOAL_KB = 50, 1000, 150
OPEN: Final = {"limit_read": "1000000/second", "limit_read_provider": "1000000/second"}
"""Settings of the service: what is measured are the pages, not their quotas."""
PASSES, REQUESTS, WARM_UPS = 3, 30, 3
LOADS = 5
_PARAMETER: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
_SEARCHES: Final = (
    "/practices?q=tilleuls&overall=critical",
    "/alerts?group=cause",
    "/practices?control=ANS-2.2&state=fail",
)
"""Lists as people narrow them, beside every page as it opens."""
_TIMING: Final = """() => {
  const found = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
  return [found[0].loadEventEnd - found[0].startTime, found.reduce((sum, each) => sum + each.transferSize, 0)];
}"""


@dataclass
class Timed:
    """A page as somebody opens it (`path` as it is registered), with the p95 of each pass (ms) and the median of all requests."""

    who: str
    path: str
    p95: list[float]
    middle: float
    size: int


def pages(bed: Bed) -> list[Figure]:
    """Measure the time from the request to the end of the answer, one reader at a time, and then Chromium's."""
    provider_id, shown = make_world(bed)
    service = bed.serve(workers=1, **OPEN)
    world = furnish(service, provider_id, shown)
    bed.query("VACUUM ANALYZE")
    timed = sorted(measure(service, world), key=lambda each: -median(each.p95))
    loads, sizes = asyncio.run(_loads(service, world))
    worst = timed[0]
    over = [each for each in timed if median(each.p95) > GOAL_MS]
    notes = {
        "the slowest": f"{worst.path} ({worst.who})",
        "pages measured": len(timed),
        "pages over the goal": len(over),
    }
    notes["median of all pages (ms)"] = median([each.middle for each in timed])
    for place in (1, 2):
        notes[f"then {timed[place].path} ({timed[place].who})"] = median(timed[place].p95)
    fleet = next(each for each in timed if each.path == "/practices")
    notes["the fleet (ms)"] = median(fleet.p95)
    what = f"the slowest page of the console, {PRACTICES:,} practices, one reader: p95"
    loaded = {"transferred (kB)": median(sizes) / 1000}
    return [
        Figure("P16", what, median(worst.p95), GOAL_MS, "ms", "less", worst.p95, notes),
        Figure(
            "P16b", "first load of the fleet page in Chromium", median(loads), GOAL_LOAD_MS, "ms", "less", loads, loaded
        ),
    ]


def measure(service: Process, world: World) -> list[Timed]:
    """Ask for every page as everybody for whom it is, and some lists narrowed; a page that is nobody's is a mistake."""
    found, unseen = [], {address for address, _ in PAGES if not address.startswith(STATIC)} - {"/"}
    for who, cookie in world.cookies.items():
        connection = http.client.HTTPConnection("127.0.0.1", service.port)
        for address in (*(each for each, _ in PAGES), *_SEARCHES):
            path = _PARAMETER.sub(lambda match: world.values.get(match[1], ""), address)
            if address.startswith(STATIC) or _ask(connection, cookie, path)[0] != 200:
                continue  # somebody else's: a redirection to their own page, or a refusal
            unseen.discard(address)
            found.append(_time(connection, who, cookie, path, address))
        connection.close()
    if unseen:
        raise AssertionError(f"nobody was shown {sorted(unseen)}")
    return found


def _time(connection: http.client.HTTPConnection, who: str, cookie: str, path: str, address: str) -> Timed:
    for _ in range(WARM_UPS):
        size = _ask(connection, cookie, path)[2]
    passes, every = [], []
    for _ in range(PASSES):
        times = sorted(_ask(connection, cookie, path)[1] for _ in range(REQUESTS))
        passes.append(times[int(REQUESTS * 0.95)])
        every += times
    return Timed(who, address, passes, median(every), size)


def _ask(connection: http.client.HTTPConnection, cookie: str, path: str) -> tuple[int, float, int]:
    """Return the status, the milliseconds until the last byte, and how many bytes there were."""
    headers = {"Cookie": f"vigie={cookie}", "Accept": "text/html", "Accept-Language": "fr", "Accept-Encoding": "gzip"}
    started = time.perf_counter()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    took = (time.perf_counter() - started) * 1000
    if answer.status == 200 and b"</" not in gzip.decompress(body):
        raise AssertionError(f"{path} is no page")
    return answer.status, took, len(body)


async def _loads(service: Process, world: World) -> tuple[list[float], list[float]]:
    """Open the fleet page in windows that know nothing yet; return milliseconds until `load`, and bytes transferred."""
    loads, sizes = [], []
    base = service.settings.public_url
    async with browser() as started:
        for turn in range(LOADS + 1):
            async with window(started) as opened:
                await opened.context.add_cookies([{"name": "vigie", "value": world.cookies["owner"], "url": base}])
                await opened.page.goto(f"{base}/practices", wait_until="load")
                milliseconds, size = await opened.page.evaluate(_TIMING)
                if turn:  # the first one starts processes of the browser
                    loads.append(milliseconds)
                    sizes.append(size)
    return loads, sizes
