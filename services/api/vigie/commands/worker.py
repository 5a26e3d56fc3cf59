"""`vigie worker`: the background jobs."""

import argparse
import asyncio

from vigie import worker
from vigie.runtime import with_database
from vigie.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the port of the probes."""
    parser.add_argument("--health-port", type=int, help="answer /livez and /metrics on this port")


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run the jobs until told to stop."""
    with with_database(settings) as ready:
        asyncio.run(worker.run(ready, arguments.health_port))
    return 0
