"""`vigie truth`: live through a simulated year with the real code, and hold what was told against what was true."""

import argparse
import os
import signal
import sys
from datetime import date
from pathlib import Path

import orjson

from vigie.settings import Settings
from vigie.truth.report import as_json, as_text
from vigie.truth.simulation import FIRST, Asked, simulate_apart


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which year to live through."""
    parser.add_argument("--seed", default="1", help="the same seed makes the same year")
    parser.add_argument("--practices", type=_positive, default=100)
    parser.add_argument("--days", type=_positive, default=365)
    parser.add_argument("--first", type=date.fromisoformat, default=FIRST, help=f"first day (default {FIRST})")
    parser.add_argument("--intensity", type=float, default=1.0, help="troubles are so many times as frequent")
    parser.add_argument(
        "--processes",
        type=_positive,
        default=os.cpu_count() or 1,
        help="so many providers are lived through at once (default: one per processor)",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--out", type=Path, help="write the JSON to a file as well")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a positive number")
    return number


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run a simulation; the status is 1 when a goal is missed. The configured database is never touched."""
    asked = Asked(arguments.seed, arguments.practices, arguments.days, arguments.first, arguments.intensity)
    signal.signal(signal.SIGTERM, _end)  # a plain kill ends it as Ctrl-C does: its database is thrown away
    result, ran = simulate_apart(settings, asked, _tell, arguments.processes)
    document = as_json(result, ran)
    written = orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"
    if arguments.out is not None:
        arguments.out.write_bytes(written)
    sys.stdout.write(written.decode() if arguments.json else as_text(result, ran))
    return 0 if document["met"] else 1


def _end(_number: int, _frame: object) -> None:
    raise SystemExit(130)


def _tell(line: str) -> None:
    sys.stderr.write(f"truth: {line}\n")
