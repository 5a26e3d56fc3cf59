"""Rules about the source itself that no linter knows: sizes, docstrings of packages, the first lock on tenancy, one clock."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from vigie.core.db import Base

SERVICES = Path(__file__).parents[2] / "services"
API = SERVICES / "api" / "vigie"
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 400, 50
# Raising a limit is one line here, and a reason.
LONGER: dict[str, int] = {}
# Where a statement may compare with the provider of the caller outside `queries.py`, and why.
OWN_PREDICATES = {
    # channels belong to no practice
    *(
        f"alerts/channel_queries.py:{name}"
        for name in ("attempts_of", "count_channels", "get_channel", "list_channels")
    ),
    "alerts/policies.py:activate_draft",  # how a provider alerts belongs to no practice
    "alerts/rehearsal.py:what_happened",  # of the practices that were rehearsed, which are visible ones
    "checklist/record_queries.py:visible_suppliers",  # the one door to a supplier, which may belong to no practice
    "devices/enrolment.py:revoke_token",  # an UPDATE … RETURNING cannot start from a SELECT; the practice is checked after
    "devices/fleet.py:get_device",  # the one door to a device: the join repeats `visible`
    "overview/cause_queries.py:_JUDGED",  # of practices whose alerts were found under `visible`
    # of practices not well under `visible`, or of a page of them
    *(f"overview/gap_queries.py:{name}" for name in ("_BEHIND", "_of_practices_not_well", "ending_systems")),
    "overview/gap_queries.py:missing_updates",
    *(f"overview/reason_queries.py:{name}" for name in ("_HEARD", "_TOLD")),  # of practices the list has found
    *(f"people/views.py:{name}" for name in ("remove", "views_of")),  # a member's own
    # of a practice that `get_practice` has shown
    "checklist/record_queries.py:_CONTACTS",
    *(f"overview/checklist_queries.py:{name}" for name in ("_ANSWERS", "_IN_FORCE", "_OF_PRACTICE", "_part")),
    "overview/checklist_queries.py:count_controls",  # two statements share what `visible` says, and the key they begin with
}
Found = list[str]
pytestmark = pytest.mark.xdist_group("source")  # parsed once, not once per process


@cache
def parsed(text: str) -> ast.Module:
    """Return what a file says: a dozen rules look at each."""
    return ast.parse(text)


@cache
def walked(tree: ast.Module) -> list[ast.AST]:
    """Return every node of a file."""
    return list(ast.walk(tree))


@cache
def functions_of(tree: ast.Module) -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Return every function of a file, with the classes it is in."""
    return list(functions(tree))


@pytest.fixture(scope="module", autouse=True)
def _parsed_for_these_rules_only() -> Iterator[None]:
    """Let go of a hundred megabytes of parsed code once all rules have looked at it."""
    yield
    for kept in (parsed, walked, functions_of):
        kept.cache_clear()


def modules(folder: Path) -> Iterator[tuple[str, ast.Module, str]]:
    for file in sorted(folder.rglob("*.py")):
        text = file.read_text()
        yield str(file.relative_to(folder)), parsed(text), text


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        name = getattr(node, "name", "")
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + name, node
        yield from functions(node, f"{prefix}{name}." if isinstance(node, ast.ClassDef) else prefix)


def too_long(folder: Path) -> Found:
    found = []
    for name, tree, text in modules(folder):
        if (lines := len(text.splitlines())) > LONGER.get(name, MOST_LINES):
            found.append(f"{name}: {lines} lines")
        for function, node in functions_of(tree):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LONGER.get(f"{name}:{function}", MOST_LINES_OF_A_FUNCTION):
                found.append(f"{name}:{function}: {lines} lines")
    return found


def packages_that_say_nothing(folder: Path) -> Found:
    """Folders with code but no `__init__.py`, or one without a docstring."""
    found = []
    for parent in sorted({file.parent for file in folder.rglob("*.py")}):
        marker = parent / "__init__.py"
        if not marker.exists() or not ast.get_docstring(parsed(marker.read_text())):
            found.append(str(parent.relative_to(folder)))
    return found


def tenants_bound_by_hand(folder: Path) -> Found:
    """`set_config(…)` and the setting's name: only `bind_provider` reaches the shards of a Citus cluster."""
    found = []
    for name, tree, _text in modules(folder):
        docstrings = {id(node.value) for node in walked(tree) if isinstance(node, ast.Expr)}
        for node in walked(tree):
            said = node.value if isinstance(node, ast.Constant) and id(node) not in docstrings else ""
            called = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            if called == "set_config" or (
                isinstance(said, str) and re.search(r"set_config\s*\(|vigie\.provider_id", said)
            ):
                found.append(f"{name}:{getattr(node, 'lineno', 0)}")
    return found


def _is_provider_of_the_caller(node: ast.expr) -> bool:
    """Whether this is `….principal.provider_id`, or what stands for it in a statement that is made once."""
    if isinstance(node, ast.Name):
        return node.id == "PROVIDER"
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "provider_id"
        and isinstance(node.value, ast.Attribute | ast.Name)
        and (node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id) == "principal"
    )


def predicates_written_by_hand(folder: Path) -> Found:
    """Comparisons with the caller's provider outside `queries.py`: the copy by hand is the one that forgets a condition."""
    found = []
    for name, tree, _text in modules(folder):
        if Path(name).name == "queries.py":
            continue
        made_once = [(ast.unparse(node.target), node) for node in tree.body if isinstance(node, ast.AnnAssign)]
        for function, node in [*functions_of(tree), *made_once]:
            if any(
                isinstance(inner, ast.Compare)
                and any(map(_is_provider_of_the_caller, [inner.left, *inner.comparators]))
                for inner in ast.walk(node)
            ):
                found.append(f"{name}:{function}")
    return found


def sql_without_provider(folder: Path) -> Found:
    """Texts of SQL that read or write a tenant table and never name its provider: the second lock, and the router on Citus."""
    tenants = [name for name, table in Base.metadata.tables.items() if table.info.get("placement") == "tenant"]
    touches = re.compile(rf"\b(?:FROM|JOIN|UPDATE|INTO)\s+(?:{'|'.join(tenants)})\b")
    return [
        f"{name}:{node.lineno}"
        for name, tree, _text in modules(folder)
        for node in walked(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and touches.search(node.value)
        and "provider_id" not in node.value
    ]


def clocks_of_their_own(folder: Path) -> Found:
    """Calls that ask the machine what time it is: time comes from a `Clock`, so that tests and history can move it."""
    asking = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("time", "time")}
    return [
        f"{name}:{node.lineno}"
        for name, tree, _text in modules(folder)
        for node in walked(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (getattr(node.func.value, "id", ""), node.func.attr) in asking
    ]


def refusals_in_one_language(folder: Path) -> Found:
    """`raise ValueError(…)` among wire shapes: whoever reads it may read French (`vigie.core.sentences.BadValueError`)."""
    return [
        f"{name}:{node.lineno}"
        for name, tree, text in modules(folder)
        if "BaseModel" in text
        for node in walked(tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and ast.unparse(node.exc.func) == "ValueError"
    ]


def _calls_outside_lambdas(node: ast.AST) -> Iterator[ast.Call]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield child
        if not isinstance(child, ast.Lambda):
            yield from _calls_outside_lambdas(child)


def parameters_that_differ(folder: Path) -> Found:
    """Cases of a test named by chance or by the clock: two processes of one run would not collect the same tests."""
    restless = {
        "uuid1",
        "uuid4",
        "uuid7",
        "now",
        "today",
        "token_hex",
        "token_urlsafe",
        "new_secret",
        "random",
        "urandom",
    }
    return [
        f"{name}:{call.lineno}"
        for name, tree, _text in modules(folder)
        for _function, node in functions_of(tree)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "attr", "") == "parametrize"
        for call in _calls_outside_lambdas(decorator)
        if getattr(call.func, "attr", getattr(call.func, "id", "")) in restless
    ]


def test_no_file_and_no_function_outgrows_a_page() -> None:
    assert too_long(SERVICES) == []


def test_every_package_says_what_it_owns() -> None:
    assert packages_that_say_nothing(API) == []
    assert packages_that_say_nothing(SERVICES / "agent" / "vigie_agent") == []


def test_a_tenant_is_bound_by_one_function_only() -> None:
    assert tenants_bound_by_hand(API) == []


def test_the_callers_provider_is_compared_in_few_places() -> None:
    assert set(predicates_written_by_hand(API)) == OWN_PREDICATES


# What looks at all providers on purpose, before or without working on any.
ACROSS_PROVIDERS = ("devices/silence_statements.py",)


def test_every_statement_names_its_provider() -> None:
    assert [place for place in sql_without_provider(API) if not place.startswith(ACROSS_PROVIDERS)] == []
    assert len(sql_without_provider(API)) == 2  # whether this is a fleet at all, and whether a silence is withheld


def test_time_comes_from_the_clock() -> None:
    outside = ("core/clock.py", "simulator/", "demo/")  # the clock itself; programs that drive the product from outside
    assert [place for place in clocks_of_their_own(API) if not place.startswith(outside)] == []


def test_what_a_wire_shape_refuses_is_told_in_both_languages() -> None:
    assert refusals_in_one_language(API) == []


def test_every_process_of_a_run_collects_the_same_tests() -> None:
    assert parameters_that_differ(SERVICES.parent / "tests") == []


@pytest.mark.parametrize(
    ("check", "planted", "clean"),
    [
        (too_long, "x = 1\n" * 401, "x = 1\n" * 400),
        (too_long, "def f():\n" + "    x = 1\n" * 50, "def f():\n" + "    x = 1\n" * 49),
        (too_long, "class A:\n    def f(self):\n" + "        x = 1\n" * 50, "x = 1\n"),
        (packages_that_say_nothing, "x = 1\n", None),
        (tenants_bound_by_hand, "f('SELECT set_config($1, $2, true)')\n", "'''Never set_config() here.'''\n"),
        (tenants_bound_by_hand, "func.set_config('a', 'b', True)\n", "func.bind_provider('a')\n"),
        (tenants_bound_by_hand, "f('SET LOCAL vigie.provider_id = 1')\n", "f('SET LOCAL lock_timeout = 1')\n"),
        (
            predicates_written_by_hand,
            "def f(call):\n    return A.provider_id == call.principal.provider_id\n",
            "def f(call):\n    return B(provider_id=call.principal.provider_id)\n",
        ),
        (
            predicates_written_by_hand,
            "def f(principal):\n    return principal.provider_id == A.provider_id\n",
            "def f(device):\n    return A.provider_id == device.provider_id\n",
        ),
        (
            predicates_written_by_hand,
            "ONE: Final = select(A).where(A.provider_id == PROVIDER)\n",
            "ONE: Final = select(A).where(A.provider_id == B.provider_id)\n",
        ),
        (
            sql_without_provider,
            "f('SELECT 1 FROM device WHERE id = $1')\n",
            "f('SELECT 1 FROM device WHERE provider_id = $1')\n",
        ),
        (sql_without_provider, "f('UPDATE posture SET rank = 1')\n", "f('SELECT 1 FROM alembic_version')\n"),
        (
            parameters_that_differ,
            "@pytest.mark.parametrize('x', [str(uuid4())])\ndef test(x): ...\n",
            "@pytest.mark.parametrize('x', [lambda: uuid4()])\ndef test(x):\n    uuid4()\n",
        ),
        (clocks_of_their_own, "x = datetime.now(UTC)\n", "x = clock.now()\n"),
        (
            refusals_in_one_language,
            "from pydantic import BaseModel\nraise ValueError('no')\n",
            "from pydantic import BaseModel\nraise BadValueError('no', 'non')\n",
        ),
    ],
)
def test_what_is_refused_is_noticed(
    tmp_path: Path, check: Callable[[Path], Found], planted: str, clean: str | None
) -> None:
    file = tmp_path / "module.py"
    file.write_text(planted)
    assert len(check(tmp_path)) == 1
    if clean is None:
        (tmp_path / "__init__.py").write_text('"""Owns the module."""\n')
    else:
        file.write_text(clean)
    assert check(tmp_path) == []
