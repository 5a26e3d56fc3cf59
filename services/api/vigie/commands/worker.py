"""`vigie worker`: the background jobs."""

import argparse
import asyncio

import uvloop

from vigie import worker
from vigie.runtime import with_database, with_sealing_key
from vigie.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the port of the probes."""
    parser.add_argument("--health-port", type=int, help="answer /livez and /metrics on this port")


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run the jobs until told to stop."""
    with with_database(settings) as ready, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        own = settings.database_url is None and settings.worker_database_url is None
        runner.run(worker.run(with_sealing_key(ready) if own else ready, arguments.health_port))
    return 0
