"""What the documentation lists is what the code has, both ways; each comparison is shown to notice a difference."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

import vigie
from vigie.core import metrics
from vigie.core.errors import all_errors
from vigie.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTED_BY_HAND = {"PORT", "PROMETHEUS_MULTIPROC_DIR"}


def rows(page: str, width: int) -> list[list[str]]:
    """Cells of every row of the tables of this width, heads and rules left out."""
    found = []
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("|") and "`" in line and len(cells) == width:
            found.append([cell.strip("| ") for cell in cells])
    return found


def documented_errors(page: str) -> dict[str, int]:
    """Code → status of every row that also says what it means."""
    found = [(code.strip("`"), int(status)) for status, code, meaning, _do in rows(page, 4) if meaning]
    assert len(found) == len(dict(found)), "a code stands twice"
    return dict(found)


def documented_settings(page: str) -> dict[str, str]:
    """Variable → default of every row that also says what it does."""
    return {name.strip("`"): default.strip("`") for name, default, text in rows(page, 3) if text}


def documented_metrics(page: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Metric → its type and labels, of every row that also says what it tells."""
    return {
        name.strip("`"): (kind, tuple(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels, text in rows(page, 4)
        if text
    }


def real_errors() -> dict[str, int]:
    for module in pkgutil.walk_packages(vigie.__path__, "vigie."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found = [(error.code, error.status) for error in all_errors() if error.__module__.startswith("vigie.")]
    assert len(found) == len(dict(found)), "two errors share a code"
    return dict(found)


def real_settings() -> dict[str, str]:
    return {
        f"VIGIE_{name.upper()}": "\N{EN DASH}" if field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
    }


def real_metrics() -> dict[str, tuple[str, tuple[str, ...]]]:
    found = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
    return {
        metric._name + ("_total" if metric._type == "counter" else ""): (str(metric._type), tuple(metric._labelnames))
        for metric in found
    }


def test_every_error_code_is_documented_with_its_status() -> None:
    assert documented_errors((DOCS / "errors.md").read_text()) == real_errors()


def test_every_error_says_so_in_both_languages() -> None:
    real_errors()
    for error in all_errors():
        assert error.title.strip()
        assert error.title_fr.strip()
        assert error.title != error.title_fr, error.code
        assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", error.code), error.code


def test_every_setting_is_documented_with_its_default() -> None:
    assert documented_settings((DOCS / "operators" / "settings.md").read_text()) == real_settings()


def test_every_metric_is_documented_with_its_type_and_labels() -> None:
    assert documented_metrics((DOCS / "operators" / "metrics.md").read_text()) == real_metrics()


@pytest.mark.parametrize(
    ("page", "old", "new", "read"),
    [
        ("errors.md", "| 409 | `agent.sequence_behind`", "| 400 | `agent.sequence_behind`", documented_errors),
        ("errors.md", "`agent.busy` | the intake", "`agent.idle` | the intake", documented_errors),
        ("errors.md", "| no such token |", "|  |", documented_errors),
        ("operators/settings.md", "`VIGIE_POOL_SIZE` | `5`", "`VIGIE_POOL_SIZE` | `6`", documented_settings),
        ("operators/settings.md", "| `VIGIE_LOG_LEVEL`", "| `VIGIE_LOG_LEVELS`", documented_settings),
        ("operators/metrics.md", "| `vigie_sweep_held` | gauge", "| `vigie_sweep_held` | counter", documented_metrics),
        ("operators/metrics.md", "counter | `outcome` | heart", "counter | `tenant` | heart", documented_metrics),
    ],
)
def test_a_page_that_says_otherwise_would_be_noticed(page: str, old: str, new: str, read: object) -> None:
    text = (DOCS / page).read_text()
    assert text.count(old) == 1
    assert read(text) != read(text.replace(old, new))  # type: ignore[operator]


def test_no_label_names_a_tenant_a_device_or_an_address() -> None:
    labels = {label for _kind, names in real_metrics().values() for label in names}
    assert labels == {"method", "route", "status", "outcome", "job", "quota", "channel", "kind"}


def test_an_administrator_is_given_the_same_sql_on_both_pages() -> None:
    def sql(page: str) -> str:
        (block,) = re.findall(
            r"```sql\n(CREATE ROLE vigie_owner.*?)```", (DOCS / "operators" / page).read_text(), re.DOTALL
        )
        return str(block)

    assert sql("database.md") == sql("kubernetes.md")


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
