"""`vigie demo`: forty practices, a month of history, a live fleet, and this machine."""

import argparse
import os

from vigie.demo import run_demo
from vigie.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the port."""
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8080")))


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Show it until told to stop."""
    return run_demo(settings, arguments.port)
