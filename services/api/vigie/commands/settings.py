"""`vigie settings`: every setting there is."""

import argparse
import sys

from vigie.settings import Settings


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Take no arguments."""


def run(_settings: Settings, _arguments: argparse.Namespace) -> int:
    """List the settings with their defaults and what they mean."""
    for name, field in Settings.model_fields.items():
        default = "" if field.is_required() or field.default is None else f" (default {field.default})"
        sys.stdout.write(f"VIGIE_{name.upper()}{default}\n    {field.description}\n")
    return 0
