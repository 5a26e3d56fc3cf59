"""`vigie keys`: fresh keys, each into a file that only its owner may read."""

import argparse
from pathlib import Path

from vigie.auth.signing_keys import new_signing_key
from vigie.core.sealing import new_sealing_key
from vigie.runtime import write_private
from vigie.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take `new FILE` and `new-sealing FILE`."""
    keys = parser.add_subparsers(required=True, metavar="ACTION")
    signing = keys.add_parser("new", help="write a fresh key for VIGIE_TOKEN_KEY_FILE")
    sealing = keys.add_parser("new-sealing", help="write a fresh key for VIGIE_SEALING_KEY_FILE")
    for action, make in ((signing, new_signing_key), (sealing, new_sealing_key)):
        action.add_argument("file", type=Path)
        action.set_defaults(make=make)


def run(_settings: Settings, arguments: argparse.Namespace) -> int:
    """Write a key; `LookupError` when the file is there already."""
    if arguments.file.exists():
        raise LookupError(f"{arguments.file} exists: a key in use is not overwritten")
    write_private(arguments.file, arguments.make())
    return 0
