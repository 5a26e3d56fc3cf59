"""The command line: which commands there are. What each does is loaded when it is called.

A worker or a migration starts in a fraction of the time that loading all of them took.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Final, Protocol

from pydantic import ValidationError

from vigie.core.collector import uncollected
from vigie.core.faults import OperatorError
from vigie.core.logging import configure_logging
from vigie.settings import Settings

COMMANDS: Final = {
    "serve": "run the API",
    "worker": "run the background jobs",
    "migrate": "bring the database to this release's schema",
    "provider": "manage providers",
    "client": "manage partner clients",
    "member": "let people in",
    "keys": "make keys",
    "audit": "export and verify the audit",
    "incident": "verify the sealed evidence of an incident",
    "posture-check": "judge every practice again from what is stored; say what differs, change nothing",
    "isolation-check": "let one throw-away provider attack another on a running service, and report",
    "simulate": "drive a simulated fleet against a running service, by its public API",
    "truth": "live through a simulated year in a database of its own; say which alerts were right, wrong or missed",
    "demo": "forty practices, a month of history, a live fleet, and this machine",
    "openapi": "write the published API documents",
    "settings": "list every setting",
}
"""Every command, with what it is for. Its module in vigie.commands has the same name."""


class Command(Protocol):
    """What a module of vigie.commands offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Say which arguments the command takes."""

    def run(self, settings: Settings, arguments: argparse.Namespace) -> int:
        """Do it; return the exit status. `LookupError` and `OperatorError` are shown as a sentence."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    words = sys.argv[1:] if argv is None else argv
    command, parser = _called(next((word for word in words if not word.startswith("-")), None))
    arguments = parser.parse_args(words)
    if command is None:
        parser.error("which command?")
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors(include_input=False):
            sys.stderr.write(f"VIGIE_{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}\n")
        return 2
    configure_logging(settings.log_level)
    try:
        return command.run(settings, arguments)
    except (OperatorError, LookupError) as error:
        sys.stderr.write(f"vigie: {error}\n")
        return 1


def _called(name: str | None) -> tuple[Command | None, argparse.ArgumentParser]:
    """Return the command of that name, loaded, and a parser that knows its arguments and the names of all others."""
    parser = argparse.ArgumentParser(
        prog="vigie", description="Patch, backup and checklist status of health practices."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    found: Command | None = None
    for each, help_text in COMMANDS.items():
        arguments = commands.add_parser(each, help=help_text, description=help_text)
        if each == name:
            with uncollected():
                found = importlib.import_module(f"vigie.commands.{each.replace('-', '_')}")
            found.add_arguments(arguments)
    return found, parser
