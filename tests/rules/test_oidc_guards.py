"""The list of checks and tests is whole: a check that nobody would miss has no place in it, and no check is left out."""

import ast
import re
from pathlib import Path

from tests.support.guards import GUARDS

ROOT = Path(__file__).parents[2]
API = ROOT / "services" / "api" / "vigie"
GUARDED = [*sorted((API / "auth" / "oidc").glob("*.py")), API / "core" / "outbound.py"]
# Answers to questions rather than checks: which number it is, which kind of value a file holds.
NO_CHECKS = re.compile(r"^(?:auth/oidc/profiles_file\.py:_is_\w+|core/outbound\.py:_within)$")


def checks(file: Path) -> set[str]:
    """Functions of a file that check: by their name, or because all they say is yes or no."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            says_yes_or_no = isinstance(node.returns, ast.Name) and node.returns.id == "bool"
            if says_yes_or_no or re.match(r"_?(?:check|refuse)_", node.name):
                found.add(f"{file.relative_to(API)}:{node.name}")
    return {name for name in found if not NO_CHECKS.match(name)}


def test_every_check_has_its_test_and_every_test_its_check() -> None:
    ours = set().union(*map(checks, GUARDED)) - {
        "auth/oidc/party.py:claim",  # a promise of others
        "auth/oidc/professional.py:has_luhn_key",  # for reports only
        "core/outbound.py:check_address",  # of webhooks and channels, when they are made
    }
    assert set(GUARDS) == ours


def test_no_test_is_named_that_is_not_there() -> None:
    for node_id in GUARDS.values():
        path, _, test = node_id.partition("::")
        assert f"def {test.partition('[')[0]}(" in (ROOT / path).read_text(), node_id
