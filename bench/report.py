"""What a benchmark found, as a table for people and a file for scripts."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One line of the table. `value` is the median of `runs`; `better` says which side of the goal is good.

    `pace`: what the machine took for the same small work before and after (ms); a shared one is now fast, now slow.
    """

    key: str
    what: str
    value: float
    goal: float
    unit: str
    better: str
    runs: list[float]
    notes: dict[str, Any] = field(default_factory=dict)
    pace: list[float] = field(default_factory=list)

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.better == "more" else self.value <= self.goal


def pace() -> float:
    """Return how long this machine takes now for a million steps of Python: milliseconds, the best of three."""
    times = []
    for _ in range(3):
        started, total = time.perf_counter(), 0
        for step in range(1_000_000):
            total += step * step
        times.append((time.perf_counter() - started) * 1000)
    return min(times)


def median(values: list[float]) -> float:
    """Return the median."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(figures: list[Figure]) -> str:
    """Return the Markdown table."""
    lines = ["| # | what | goal | figure | met | runs | pace |", "|---|---|---|---|---|---|---|"]
    for figure in figures:
        sign = "≥" if figure.better == "more" else "≤"
        runs = " · ".join(_number(run) for run in figure.runs)
        lines.append(
            f"| {figure.key} | {figure.what} | {sign} {_number(figure.goal)} {figure.unit} | **{_number(figure.value)}** "
            f"| {'yes' if figure.met else '**no**'} | {runs} | {' · '.join(map(_number, figure.pace))} |"
        )
        for name, value in figure.notes.items():
            lines.append(f"| | {name} | | {_number(value) if isinstance(value, int | float) else value} | | | |")
    return "\n".join(lines)


def write(figures: list[Figure], machine: str) -> None:
    """Write `latest.json` and `latest.md`; a partial run replaces only its own lines."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "latest.json"
    known: dict[str, Any] = orjson.loads(path.read_bytes()) if path.exists() else {}
    for figure in figures:
        known[figure.key] = {
            "what": figure.what,
            "value": figure.value,
            "goal": figure.goal,
            "unit": figure.unit,
            "better": figure.better,
            "met": figure.met,
            "runs": figure.runs,
            "notes": figure.notes,
            "pace": figure.pace,
        }
    ordered = dict(sorted(known.items(), key=lambda item: _order(item[0])))
    path.write_bytes(orjson.dumps(ordered, option=orjson.OPT_INDENT_2) + b"\n")
    rows = [
        Figure(
            key,
            entry["what"],
            entry["value"],
            entry["goal"],
            entry["unit"],
            entry["better"],
            entry["runs"],
            entry["notes"],
            entry.get("pace", []),
        )
        for key, entry in ordered.items()
    ]
    (RESULTS / "latest.md").write_text(f"# Benchmarks\n\n{machine}\n\n{table(rows)}\n")


def _order(key: str) -> tuple[str, int, str]:
    digits = "".join(c for c in key if c.isdigit())
    return key[:1], int(digits or 0), key
