"""`vigie openapi`: the published documents."""

import argparse
from pathlib import Path

from vigie import documents
from vigie.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the folder."""
    parser.add_argument("--check", action="store_true", help="only say what is stale")
    parser.add_argument("folder", type=Path)


def run(_settings: Settings, arguments: argparse.Namespace) -> int:
    """Write the documents, or say which are stale."""
    return documents.run(arguments.folder, check=arguments.check)
