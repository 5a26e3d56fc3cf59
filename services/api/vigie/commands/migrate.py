"""`vigie migrate`: the database of this release."""

import argparse

from vigie.core.migrate import migrate
from vigie.runtime import with_database
from vigie.settings import Settings


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Take no arguments."""


def run(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Bring the database to this release's schema; the embedded one is brought there by starting it."""
    if settings.database_url is None:
        with with_database(settings):
            return 0
    migrate(settings.database_url.get_secret_value())
    return 0
