"""`vigie isolation-check`: for the operator, with the settings of the service at hand."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import httpx
import orjson
import uvloop

from vigie.core.clock import SystemClock
from vigie.core.outbound import Transport
from vigie.isolation.check import CheckError, check_isolation
from vigie.isolation.outcomes import Report
from vigie.isolation.report import as_json, as_markdown
from vigie.isolation.throwaway import workshop
from vigie.runtime import with_database
from vigie.settings import Settings

_TIMEOUT_S = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the service and where the report goes."""
    parser.add_argument("--url", required=True, help="address of the running service; needs its database settings, too")
    parser.add_argument("--json", type=Path, help="write the report as JSON")
    parser.add_argument("--markdown", type=Path, help="write the report as a page (French and English)")


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Check, and print the report; the status is 1 when anything leaked."""
    with with_database(settings) as ready:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                report = runner.run(_check(ready, arguments.url))
        except CheckError as error:
            raise LookupError(str(error)) from error
        except (asyncio.CancelledError, KeyboardInterrupt) as error:
            raise LookupError("interrupted; what was made for the check was put away") from error
    page = as_markdown(report)
    if arguments.json is not None:
        arguments.json.write_bytes(orjson.dumps(as_json(report), option=orjson.OPT_INDENT_2) + b"\n")
    if arguments.markdown is not None:
        arguments.markdown.write_text(page, encoding="utf-8")
    sys.stdout.write(page)
    return 1 if report.findings.leaks else 0


async def _check(settings: Settings, url: str) -> Report:
    clock, task = SystemClock(), asyncio.current_task()
    if task is not None:  # a plain kill ends the check as Ctrl-C does: what it made is put away first
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    signs_as = url.rstrip("/") if url.rstrip("/") in settings.agent_urls else settings.public_url
    async with (
        httpx.AsyncClient(transport=Transport(trust_env=False), timeout=_TIMEOUT_S) as http,
        workshop(settings, clock) as shop,
    ):
        return await check_isolation(http, url, signs_as, shop, clock.now, _tell)


def _tell(line: str) -> None:
    sys.stderr.write(f"isolation-check: {line}\n")
