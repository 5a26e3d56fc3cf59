"""Change the rules of the posture one small thing at a time, and see that some test notices. Prints a report in Markdown.

A comparison shifts by one, an `and` becomes an `or`, a number grows, a word changes… in a copy of the product; then the pure
tests of the rules run against the copy and must fail. A change that no test notices survives. The sample is drawn with a fixed
seed, so that a second run looks at the same changes. Needs the environment of the tests::

    python tools/mutate_rules.py --sample 200 --minutes 25
"""
# ruff: noqa: INP001, T201 (a program that is run by its path; what it prints is its output)

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = Path("services/api/vigie")
RULES = Path("posture/rules")
LEFT_OUT = frozenset({"__init__", "reasons"})  # nothing that does anything
TESTS = (
    *("access", "antivirus", "exposure", "protection", "patch", "equipment", "backup", "record", "contract"),
    *("exception", "answer", "practice", "score", "timeline", "rule_traps", "bounds", "explaining", "prefill"),
)
LAST = (
    "lifecycle_data",
    "shown_evidence",
    "control_evidence",
    "catalogue_coverage",
    "simulated_posture",
    "verdict_properties",
)
NEAREST = {
    "accounts": "access", "sessions": "access", "antivirus": "antivirus", "encryption": "protection",
    "firewall": "protection", "exposure": "exposure", "patch": "patch", "support": "patch", "lifecycle": "patch",
    "backup": "backup", "copies": "backup", "jobs": "backup", "equipment": "equipment", "freshness": "equipment",
    "restore": "record", "records": "record", "contracts": "contract", "answers": "answer", "exceptions": "exception",
    "practice": "practice", "score": "score", "bounds": "bounds", "prefill": "prefill",
}  # fmt: skip
"""Which tests to begin with, for speed: the others follow in any case."""

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
OPERATIONS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr, ast.Mod: ast.Mult,
}  # fmt: skip
EXTREMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One change: where, what, and the module as it then reads."""

    module: str
    line: int
    change: str
    text: str


def code_of(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is executed and decides something: neither annotations, nor documentation, nor messages of exceptions."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "type_params"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.Raise | ast.Import | ast.ImportFrom):
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue
            if isinstance(child, ast.Assign) and any(isinstance(kind, ast.Subscript) for kind in [child.value]):
                continue  # an alias of a type
            yield child
            yield from code_of(child)


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield each way in which a node can be changed, in words and as a node."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        yield _told(node, ast.Compare(node.left, [COMPARISONS[type(node.ops[0])]()], node.comparators))
    if isinstance(node, ast.BoolOp):
        yield _told(node, ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield _told(node, node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        yield _told(node, ast.BinOp(node.left, OPERATIONS[type(node.op)](), node.right))
    if isinstance(node, ast.Name) and node.id in EXTREMES:
        yield _told(node, ast.Name(EXTREMES[node.id]))
    if isinstance(node, ast.IfExp):
        yield _told(node, ast.IfExp(node.test, node.orelse, node.body))
    if isinstance(node, ast.Constant) and (other := _other_value(node.value)) is not None:
        yield _told(node, ast.Constant(other))


def _other_value(value: object) -> bool | int | str | None:
    """Return a value that is not this one; None for one that is left alone."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return value + "_" if isinstance(value, str) and value else None


def _told(before: ast.AST, after: ast.AST) -> tuple[str, ast.AST]:
    return f"{ast.unparse(before)} → {ast.unparse(after)}", after


class _Exchange(ast.NodeTransformer):
    """Replaces one node by its number in the order of `ast.walk`."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self.old:
            return ast.copy_location(self.new, node)
        return super().generic_visit(node)


def places() -> list[tuple[Path, int]]:
    """Return every change there is, as a module and a number."""
    found = []
    for path in sorted((ROOT / PRODUCT / RULES).glob("*.py")):
        if path.stem not in LEFT_OUT:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found += [(path, number) for number, _ in enumerate(one for node in code_of(tree) for one in changes(node))]
    return found


def mutant_of(path: Path, number: int) -> Mutant:
    """Return one change of a module by its number."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = ((node, told, new) for node in code_of(tree) for told, new in changes(node))
    node, told, new = next(islice(found, number, None))
    changed = ast.fix_missing_locations(_Exchange(node, copy.deepcopy(new)).visit(tree))
    return Mutant(path.stem, getattr(node, "lineno", 0), told, ast.unparse(changed))


def tests_of(module: str) -> list[str]:
    """Return the files of tests, the likeliest to notice first."""
    nearest = NEAREST.get(module)
    names = [*([nearest] if nearest else []), *(name for name in TESTS if name != nearest)]
    files = [f"tests/rules/test_{name}_rules.py" for name in names]
    files += [f"tests/rules/test_{name}.py" for name in (*names, *LAST)]
    return [file for file in files if (ROOT / file).exists()]


def notices(product: Path, module: str) -> bool:
    """Whether some test fails against a copy of the product; one that hangs counts as failed."""
    environment = {**os.environ, "PYTHONPATH": str(product), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--noconftest", "-p", "no:xdist", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [*command, *tests_of(module)], cwd=ROOT, env=environment, capture_output=True, check=False, timeout=180
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def main() -> int:
    """Try a sample of the changes; print the report; status 1 when the tests fail with no change at all."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--minutes", type=float, default=25.0)
    arguments = parser.parse_args()
    every = places()
    sample = random.Random(arguments.seed).sample(every, min(arguments.sample, len(every)))  # noqa: S311 - no secret
    until = time.monotonic() + arguments.minutes * 60
    survivors: list[Mutant] = []
    tried = Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        product = Path(folder)
        shutil.copytree(ROOT / PRODUCT, product / "vigie", ignore=shutil.ignore_patterns("__pycache__"))
        if notices(product, "model"):
            print("the tests fail with nothing changed", file=sys.stderr)
            return 1
        for place in sample:
            if time.monotonic() > until:
                break
            mutant = mutant_of(*place)
            file = product / "vigie" / RULES / f"{mutant.module}.py"
            before = file.read_text(encoding="utf-8")
            file.write_text(mutant.text, encoding="utf-8")
            tried[mutant.module] += 1
            if not notices(product, mutant.module):
                survivors.append(mutant)
                print(f"survives: {mutant.module}:{mutant.line} {mutant.change}", file=sys.stderr, flush=True)
            file.write_text(before, encoding="utf-8")
    report(len(every), tried, survivors, arguments.seed)
    return 0


def report(every: int, tried: Counter[str], survivors: list[Mutant], seed: int) -> None:
    """Print what was found."""
    total = sum(tried.values())
    killed = total - len(survivors)
    share = f"{killed * 100 / total:.1f} %" if total else "none"
    print(f"{total} of {every} changes tried (seed {seed}), {killed} noticed: **{share}**.\n")
    print("| module | tried | noticed |\n|---|---|---|")
    for module, count in sorted(tried.items()):
        print(f"| `{module}` | {count} | {count - sum(one.module == module for one in survivors)} |")
    print("\n| survives | change |\n|---|---|")
    for one in sorted(survivors, key=lambda each: (each.module, each.line)):
        change = one.change.replace("|", "\\|").replace("\n", " ")
        print(f"| `{one.module}.py:{one.line}` | `{change}` |")


if __name__ == "__main__":
    raise SystemExit(main())
