"""What a year of truth says: as JSON for machines, as a table for people, and whether the goals are met. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vigie.core.clock import wire_time
from vigie.truth.judge import ABOUT_DEVICES, Judgement, Told, by_cause, table, years
from vigie.truth.openings import when
from vigie.truth.truths import NEVER, Truth

_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal, what was reached, and whether that is enough."""

    name: str
    wanted: str
    reached: float
    met: bool


def goals_of(result: Judgement) -> list[Goal]:
    """Return the goals in the order of the table."""
    per_year = len(result.false) / years(result.world)
    wrong_cuts = len(result.wrong_cuts)
    return [
        Goal(
            "alerts about devices while their practice is closed",
            "0",
            len(result.while_closed),
            not result.while_closed,
        ),
        Goal("false alerts per practice and year", "at most 1", round(per_year, 3), per_year <= 1),
        Goal("true outages longer than their limit that were missed", "0", len(result.missed), not result.missed),
        Goal("line and power cuts with another number of alerts than one", "0", wrong_cuts, not wrong_cuts),
        Goal("alerts that come from our own outages", "0", len(result.from_ours), not result.from_ours),
    ]


def as_json(result: Judgement, ran: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that is known of a run; `ran`: with what it was run and what it took."""
    goals = goals_of(result)
    return {
        "run": dict(ran),
        "practice_years": round(years(result.world), 3),
        "goals": [{"goal": g.name, "wanted": g.wanted, "reached": g.reached, "met": g.met} for g in goals],
        "met": all(goal.met for goal in goals),
        "by_cause": by_cause(result),
        "by_truth": table(result),
        "alerts_by_severity": dict(sorted(Counter(told.severity for told in result.alerts).items())),
        "missed": [_truth(each) for each in result.missed[:_SHOWN]],
        "late": [{**_truth(each), "told_at": wire_time(when(at))} for each, at in result.late[:_SHOWN]],
        "false": [{**_told(told), "because": why} for told, why in result.false[:_SHOWN]],
        "while_closed": [_told(told) for told in result.while_closed[:_SHOWN]],
        "cuts_told_otherwise": [{**_truth(each), "alerts": count} for each, count in result.wrong_cuts[:_SHOWN]],
    }


def _truth(truth: Truth) -> dict[str, Any]:
    return {
        "kind": truth.kind,
        "practice": truth.practice,
        "devices": sorted(truth.places),
        "since": wire_time(when(truth.span.start)),
        "until": wire_time(when(truth.span.end)),
        "due_at": wire_time(when(truth.due_at)) if truth.due_at is not None else None,
    }


def _told(told: Told) -> dict[str, Any]:
    return {
        "practice": told.practice,
        "cause": told.cause,
        "severity": told.severity,
        "devices": sorted(told.members),
        "opened_at": wire_time(when(told.opened_at)),
        "closed_at": wire_time(when(told.closed_at)) if told.closed_at != NEVER else None,
        "reopened": told.again,
    }


def as_text(result: Judgement, ran: Mapping[str, Any]) -> str:
    """Return the run as a page of Markdown."""
    return "\n".join(_lines(result, ran)) + "\n"


def _lines(result: Judgement, ran: Mapping[str, Any]) -> Iterator[str]:
    yield ", ".join(f"{name} {value}" for name, value in ran.items())
    yield ""
    yield "| goal | wanted | reached | |"
    yield "|---|---|---:|---|"
    for goal in goals_of(result):
        yield f"| {goal.name} | {goal.wanted} | {goal.reached:g} | {'met' if goal.met else '**missed**'} |"
    yield ""
    yield "| cause | alerts | right | wrong | missed | precision | recall | right ones were about | wrong ones |"
    yield "|---|---:|---:|---:|---:|---:|---:|---|---|"
    for cause, row in by_cause(result).items():
        yield (
            f"| {cause} | {row['alerts']} | {row['true_positives']} | {row['false_positives']} | {row['misses']} "
            f"| {_share(row['precision'])} | {_share(row['recall'])} | {_counts(row['about'])} | {_counts(row['false_because'])} |"
        )
    yield ""
    yield "| what was wrong | times | to be told | told | missed | told as | below its limit, told all the same | median | 95 % |"
    yield "|---|---:|---:|---:|---:|---|---:|---:|---:|"
    for kind, row in table(result).items():
        yield (
            f"| {kind} | {row['happened']} | {row['due']} | {row['found']} | {row['missed']} | {_counts(row['told_as'])} "
            f"| {row['told_below_the_limit']} | {_minutes(row['median_minutes'])} | {_minutes(row['p95_minutes'])} |"
        )
    others = sum(1 for told in result.alerts if told.cause not in ABOUT_DEVICES)
    yield ""
    yield f"{len(result.alerts)} alerts in {years(result.world):.1f} practice-years, {others} of them not about devices."


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:.1f} %"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "-"


def _minutes(value: int | None) -> str:
    if value is None:
        return "-"
    days, rest = divmod(value, 24 * 60)
    return f"{days} d {rest // 60} h" if days else f"{rest // 60} h {rest % 60:02d}"
