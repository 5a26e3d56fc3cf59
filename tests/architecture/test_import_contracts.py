"""The import contracts hold, and each would notice a fault: a rule that matches nothing looks like a rule that holds."""

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
API, AGENT = "services/api/vigie", "services/agent/vigie_agent"
LINT = Path(sys.executable).with_name("lint-imports")

# For each contract: the file that breaks it, and the line that does. `{}` is never read: only that the import stands there.
FAULTS = {
    "slices": (f"{API}/practices/models.py", "import vigie.devices.models"),
    "inside-a-slice": (f"{API}/practices/models.py", "import vigie.practices.queries"),
    "rules-are-pure": (f"{API}/posture/rules/patch.py", "import sqlalchemy"),
    "oidc": (f"{API}/auth/oidc/callback.py", "import vigie.auth.models"),
    "heartbeat-document": (f"{API}/devices/hb1/values.py", "import vigie.core.ids"),
    "simulator": (f"{API}/simulator/fleet.py", "import vigie.devices.digests"),
    "console": (f"{API}/console/fleet.py", "import vigie.overview.queries"),
    "isolation": (f"{API}/isolation/attacks.py", "import vigie.devices.digests"),
    "truth": (f"{API}/truth/openings.py", "import vigie.practices.calendar"),
    "agent": (f"{AGENT}/digest.py", "import vigie.devices.digests"),
    "settings": (f"{API}/devices/intake.py", "import vigie.settings"),
    "address-of-asyncpg": (f"{API}/overview/queries.py", "import asyncpg"),
    "address-of-fastapi": (f"{API}/practices/service.py", "import fastapi"),
    "address-of-jwt": (f"{API}/auth/dependencies.py", "import jwt"),
    "address-of-authlib": (f"{API}/auth/oidc/callback.py", "import authlib"),
    "address-of-limits": (f"{API}/auth/routes.py", "import limits"),
    "address-of-holidays": (f"{API}/devices/cadence.py", "import holidays"),
    "address-of-nacl": (f"{API}/devices/agent_requests.py", "import nacl.bindings"),
    "address-of-prometheus": (f"{API}/devices/intake.py", "import prometheus_client"),
    "address-of-alembic": (f"{API}/health.py", "import alembic"),
    "address-of-jinja2": (f"{API}/people/auth_routes.py", "import jinja2"),
    "address-of-yaml": (f"{API}/posture/rules/support.py", "import yaml"),
    "address-of-apprise": (f"{API}/alerts/sending.py", "import apprise"),
    "address-of-aiosmtplib": (f"{API}/alerts/sending.py", "import aiosmtplib"),
    "address-of-typst": (f"{API}/alerts/layout.py", "import typst"),
    "address-of-httpx": (f"{API}/devices/sweep.py", "import httpx"),
}


def contracts() -> dict[str, str]:
    """Return the name of each contract by its id, in the order in which they are reported."""
    found = configparser.ConfigParser()
    found.read(ROOT / ".importlinter")
    prefix = "importlinter:contract:"
    return {each.removeprefix(prefix): found[each]["name"] for each in found.sections() if each.startswith(prefix)}


def lint(tree: Path, contract: str | None = None) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(str(tree / folder) for folder in ("services/api", "services/agent"))
    return subprocess.run(
        [LINT, "--no-cache", "--no-logo", *(("--contract", contract) if contract else ())],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code that a test may spoil."""
    copy = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / ".importlinter", copy)
    for folder in (API, AGENT):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def test_every_contract_has_its_fault() -> None:
    assert sorted(FAULTS) == sorted(contracts())


def test_the_contracts_hold(tree: Path) -> None:
    result = lint(tree)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


def plant(tree: Path, path: str, line: str) -> str:
    """Add a line to a file; return how the report tells of it: the module that imports, and in which line."""
    file = tree / path
    text = f"{file.read_text()}\n{line}\n"
    file.write_text(text)
    module = str(Path(path).relative_to(Path(path).parents[-3]).with_suffix("")).replace("/", ".")
    return rf"{re.escape(module)} -> \S+ \((?:l\.\d+, )*l\.{len(text.splitlines())}[,)]"


def reports(output: str) -> dict[str, str]:
    """Return what is told of each broken contract, by its id."""
    told, found = " ".join(output.partition("Broken contracts")[2].split()), {}
    for contract, name in reversed(contracts().items()):
        told, heading, found[contract] = told.rpartition(f"{name} ---")
        assert heading, f"{name}: not broken"
    return found


def test_each_planted_fault_breaks_its_contract(tree: Path) -> None:
    """All are planted at once, because the code is read once then: each contract has to name its own, by file and line."""
    before = {path: (tree / path).read_text() for path, _line in FAULTS.values()}
    try:
        planted = {contract: plant(tree, *FAULTS[contract]) for contract in FAULTS}
        result = lint(tree)
    finally:
        for path, text in before.items():
            (tree / path).write_text(text)
    assert result.returncode == 1, result.stdout + result.stderr
    assert f"0 kept, {len(FAULTS)} broken" in result.stdout
    told = reports(result.stdout)
    assert [contract for contract in FAULTS if not re.search(planted[contract], told[contract])] == []


def test_a_new_folder_must_be_given_its_place(tree: Path) -> None:
    folder = tree / API / "gossip"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""A slice nobody placed."""\n')
    try:
        result = lint(tree, "slices")
    finally:
        shutil.rmtree(folder)
    assert result.returncode == 1
    assert "gossip" in result.stdout + result.stderr


def foreign_imports(folder: Path, own: str) -> list[str]:
    """Modules that the files of a folder import, beside the standard library and the folder itself."""
    found = []
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "."]
            found += [
                f"{file.name}: {name}"
                for name in names
                if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith(own)
            ]
    return found


def test_rules_import_the_standard_library_and_each_other_only(tmp_path: Path) -> None:
    found = foreign_imports(ROOT / API / "posture" / "rules", "vigie.posture.rules")
    pure = ["model.py: vigie.core.sentences", "model.py: vigie.practices.calendar"]  # held to it by the same contract
    assert found == pure
    (tmp_path / "patch.py").write_text("from vigie.core.clock import SystemClock\n")
    assert foreign_imports(tmp_path, "vigie.posture.rules") == ["patch.py: vigie.core.clock"]
