"""What the tests of the chart share: the check itself, loaded from `tools/`, and rendering with changed values."""

import copy
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
Manifests = list[dict[str, Any]]
Render = Callable[..., Manifests]


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `change` laid over it, maps merged, as Helm does with several files of values."""
    result = dict(base)
    for key, value in change.items():
        nested = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if nested else value
    return result


@pytest.fixture(scope="session")
def chart() -> Path:
    return ROOT / "helm" / "vigie"


@pytest.fixture(scope="session")
def chart_check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("chart_check", ROOT / "tools" / "chart_check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["chart_check"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def minimal() -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((ROOT / "tests/chart/values/minimal.yaml").read_text())
    return values


@pytest.fixture(scope="session")
def renderings() -> dict[tuple[str, ...], Manifests]:
    """What was rendered so far, by the values: many tests begin from the same."""
    return {}


@pytest.fixture
def render(
    chart_check: ModuleType,
    chart: Path,
    minimal: dict[str, Any],
    tmp_path: Path,
    renderings: dict[tuple[str, ...], Manifests],
) -> Render:
    """Render the minimal values with one thing changed; refusals raise `chart_check.ChartRefusedError`."""

    def rendered(change: Mapping[str, Any] | None = None, files: Sequence[Path] = ()) -> Manifests:
        text = yaml.safe_dump(merged(minimal, change or {}))
        asked = (text, *map(str, files))
        if asked not in renderings:
            values = tmp_path / "values.yaml"
            values.write_text(text)
            renderings[asked] = chart_check.render(chart, [values, *files], f"{chart_check.OLDEST_KUBERNETES}.0")
        return copy.deepcopy(renderings[asked])

    return rendered
