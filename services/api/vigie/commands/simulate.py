"""`vigie simulate`: a fleet that does not exist, against a service that does."""

import argparse
import asyncio
import os
import signal
import sys

from vigie.settings import Settings
from vigie.simulator.client import SimulationError
from vigie.simulator.drive import Options, Pace, Summary, simulate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the service, the client, and how large and how fast the fleet is."""
    parser.add_argument("--url", required=True)
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--client-secret", default=os.environ.get("VIGIE_CLIENT_SECRET"), help="or VIGIE_CLIENT_SECRET")
    parser.add_argument("--practices", type=int, default=10)
    parser.add_argument("--devices", type=int, default=4, help="devices per practice (default 4)")
    parser.add_argument("--speed", type=float, default=1.0, help="divide the server's waiting times by this")
    parser.add_argument("--rate", type=float, help="heartbeats per second of the whole fleet, instead of its cadence")
    parser.add_argument("--duration", type=float, help="seconds; default: until Ctrl-C")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seed", default="vigie", help="the same seed makes the same fleet")


def run(_settings: Settings, arguments: argparse.Namespace) -> int:
    """Simulate until told to stop; `LookupError` when the service refuses what the simulation cannot do without."""
    if not arguments.client_secret:
        raise LookupError("--client-secret or VIGIE_CLIENT_SECRET is needed")
    options = Options(
        url=arguments.url,
        client_id=arguments.client_id,
        client_secret=arguments.client_secret,
        practices=arguments.practices,
        devices=arguments.devices,
        pace=Pace(arguments.speed, arguments.rate, arguments.duration, arguments.connections),
        seed=arguments.seed,
    )
    try:
        summary = asyncio.run(_simulate_until_told(options))
    except SimulationError as error:
        raise LookupError(str(error)) from error
    sys.stdout.write(
        f"{summary.practices} practices, {summary.devices} devices: {summary.acknowledged} heartbeats acknowledged in "
        f"{summary.seconds:.1f} s, {summary.resyncs} resyncs, {summary.unreachable} unreachable, "
        f"refused {dict(summary.refused) or 'none'}\n"
    )
    return 0


async def _simulate_until_told(options: Options) -> Summary:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await simulate(options, stop=stop)
