"""`vigie provider add`: a provider, and a first partner client that may call before anybody can sign in."""

import argparse
import asyncio

from vigie.cli_actions import add_provider
from vigie.commands.client import show_client
from vigie.runtime import with_database
from vigie.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take `add NAME`."""
    add = parser.add_subparsers(required=True, metavar="ACTION").add_parser(
        "add", help="create a provider and a first partner client with every scope"
    )
    add.add_argument("name")
    add.add_argument("--json", action="store_true", help="print the answer as JSON")


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Create a provider with its first partner client, and print the secret."""
    with with_database(settings) as ready:
        found = asyncio.run(add_provider(ready, arguments.name))
    show_client(found, as_json=arguments.json)
    return 0
