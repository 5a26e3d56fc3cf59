"""Take the checks of the sign-in out one by one, and see that the test named for each notices. Prints a table in Markdown.

Which check, which test: `tests/support/guards.py`. Each is taken out in a copy of the product (its body becomes `return`, or
`return True` where it answers yes or no), and the test is run against the copy; it must fail. Takes some minutes; needs the
environment of the tests. Exit code 1 when a check is missed by nobody, or when the tests fail with every check in place.
"""
# ruff: noqa: INP001, T201 (a program that is run by its path; what it prints is its output)

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = Path("services/api/vigie")


def guards() -> dict[str, str]:
    """Return the list that the tests keep."""
    sys.path.insert(0, str(ROOT))
    from tests.support.guards import GUARDS  # noqa: PLC0415 - the path to it is known only now

    return GUARDS


def function_of(text: str, name: str) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """Return the function of a module by its name; raises `LookupError`."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            return node
    raise LookupError(name)


def without_check(text: str, name: str) -> str:
    """Return a module in which a function lets everything pass."""
    node = function_of(text, name)
    says_yes_or_no = isinstance(node.returns, ast.Name) and node.returns.id == "bool"
    lines = text.splitlines(keepends=True)
    first, last = node.body[0].lineno - 1, node.body[-1].end_lineno
    indent = " " * node.body[0].col_offset
    return "".join([*lines[:first], f"{indent}return{' True' if says_yes_or_no else ''}\n", *lines[last:]])


def holds(text: str, name: str) -> str:
    """Return the first sentence of what a check says of itself."""
    said = (ast.get_docstring(function_of(text, name)) or "").split("\n\n")[0]
    return " ".join(said.split()).replace("|", "\\|")


def passes(copy: Path, *node_ids: str) -> bool:
    """Whether tests pass against a copy of the product; raises `RuntimeError` when they could not be run at all."""
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    # none of these tests needs the application, whose fixtures take seconds to import
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--noconftest", *node_ids]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode not in {0, 1}:
        raise RuntimeError(done.stdout + done.stderr)
    return done.returncode == 0


def missed_by_nobody(copy: Path, wanted: str) -> Iterator[str]:
    """Take each check out in turn, print its row, and yield those whose absence went unnoticed."""
    for guard, node_id in guards().items():
        if wanted not in guard:
            continue
        path, _, name = guard.partition(":")
        file = copy / "vigie" / path
        text = file.read_text()
        file.write_text(without_check(text, name))
        noticed = not passes(copy, node_id)
        file.write_text(text)
        test = node_id.removeprefix("tests/").replace("|", "\\|")
        print(
            f"| `{path}` `{name}` | {holds(text, name)} | `{test}` | {'fails' if noticed else '**passes**'} |",
            flush=True,
        )
        if not noticed:
            yield guard


def main() -> int:
    """Run over every check, or over those whose name holds the argument."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(ROOT / PRODUCT, copy / "vigie", ignore=shutil.ignore_patterns("__pycache__"))
        if not passes(copy, *dict.fromkeys(guards().values())):
            print("the tests fail with every check in place", file=sys.stderr)
            return 1
        print("| check | what it holds | test | without it |\n|---|---|---|---|")
        missed = list(missed_by_nobody(copy, wanted))
    for guard in missed:
        print(f"nobody misses {guard}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
