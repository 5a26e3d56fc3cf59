"""`vigie client add`: another partner client."""

import argparse
import asyncio
import sys
from uuid import UUID

import orjson

from vigie.auth.principal import SCOPES, Permission
from vigie.cli_actions import add_client
from vigie.runtime import with_database
from vigie.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take `add PROVIDER NAME`."""
    add = parser.add_subparsers(required=True, metavar="ACTION").add_parser(
        "add", help="create a partner client of a provider"
    )
    add.add_argument("provider", type=UUID)
    add.add_argument("name")
    add.add_argument("--scope", action="append", choices=sorted(SCOPES), help="repeat for several; default: all")
    add.add_argument("--json", action="store_true", help="print the answer as JSON")


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Create a partner client, and print its secret."""
    scopes = frozenset(map(Permission, arguments.scope)) if arguments.scope else SCOPES
    with with_database(settings) as ready:
        found = asyncio.run(add_client(ready, arguments.provider, arguments.name, scopes))
    show_client(found, as_json=arguments.json)
    return 0


def show_client(found: dict[str, str], *, as_json: bool) -> None:
    """Print what was made; the secret is among it."""
    if as_json:
        sys.stdout.write(orjson.dumps(found).decode() + "\n")
        return
    for name, value in found.items():
        sys.stdout.write(f"{name:14} {value}\n")
    sys.stdout.write("The secret is shown this once and stored only as a hash.\n")
