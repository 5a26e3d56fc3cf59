"""Holding what was told against what was true: who was right, who was not, and how long it took. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from vigie.truth.openings import DAY_S, HOUR_S, MINUTE_S, Openings, Span
from vigie.truth.spans import Spans, joined, within
from vigie.truth.truths import DEVICE_CAUSES, NEVER, Truth
from vigie.truth.world import World

CAUSES: Final = (
    "line",
    "silent",
    "machine_off",
    "agent",
    "backup",
    "protection",
    "patch",
    "clone",
    "renewal",
    "opening",
)
ABOUT_DEVICES: Final = DEVICE_CAUSES | {"line"}
_CUTS: Final = frozenset({"line_cut", "power_cut"})
_AFTER_OURS_S: Final = 6 * HOUR_S
_YEAR_S: Final = 365 * DAY_S
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Told:
    """An alert while it was open, `NEVER`: it still is. `members`: its devices, each since when; `again`: it had been closed."""

    alert: str
    practice: int
    cause: str
    severity: str
    opened_at: int
    closed_at: int
    members: dict[int, int]
    again: bool = False


@dataclass
class Judgement:
    """What came out. ``missed``: truths that had to be told and were not; ``false``: alerts that nothing true explains.

    ``cuts``: each cut with the number of its alerts.
    """

    world: World
    truths: Sequence[Truth]
    alerts: Sequence[Told]
    found: dict[int, Told] = field(default_factory=dict)
    missed: list[Truth] = field(default_factory=list)
    late: list[tuple[Truth, int]] = field(default_factory=list)
    false: list[tuple[Told, str]] = field(default_factory=list)
    while_closed: list[Told] = field(default_factory=list)
    from_ours: list[Told] = field(default_factory=list)
    cuts: list[tuple[Truth, int]] = field(default_factory=list)
    explained: dict[int, Truth] = field(default_factory=dict)

    @property
    def wrong_cuts(self) -> list[tuple[Truth, int]]:
        """Return the cuts with several alerts, and those that had to be told and have none."""
        return [(truth, count) for truth, count in self.cuts if count > 1 or (truth.due_at is not None and not count)]


def judge(world: World, truths: Sequence[Truth], alerts: Sequence[Told]) -> Judgement:
    """Judge the alerts of a world."""
    result = Judgement(world, truths, alerts)
    truths_at: dict[int, list[tuple[int, Truth]]] = defaultdict(list)
    for number, truth in enumerate(truths):
        truths_at[truth.practice].append((number, truth))
    alerts_at: dict[int, list[tuple[int, Told]]] = defaultdict(list)
    for number, told in enumerate(alerts):
        alerts_at[told.practice].append((number, told))
    for practice in world.practices:
        own = truths_at[practice.number]
        told_here = alerts_at[practice.number]
        _find(result, own, [told for _, told in told_here])
        _explain(result, [truth for _, truth in own], told_here, practice.openings)
        _count_cuts(result, [truth for _, truth in own], [told for _, told in told_here])
    return result


def _find(result: Judgement, truths: Iterable[tuple[int, Truth]], alerts: Sequence[Told]) -> None:
    """Look for the alert that told of each truth; the earliest that did."""
    for number, truth in truths:
        telling = [told for told in alerts if _speaks_of(told, truth)]
        if telling:
            result.found[number] = told = min(telling, key=lambda each: _told_at(each, truth))
            if truth.due_at is not None and _told_at(told, truth) > truth.due_at:
                result.late.append((truth, _told_at(told, truth)))
        elif truth.due_at is not None:
            result.missed.append(truth)


def _speaks_of(told: Told, truth: Truth) -> bool:
    """Whether an alert says what is true: of its cause, in its time, about one of its devices."""
    if told.cause not in truth.causes or told.closed_at < truth.span.start:
        return False
    return told.opened_at <= truth.seen_until + 10 * MINUTE_S and _is_about(told, truth)


def _is_about(told: Told, truth: Truth) -> bool:
    if told.cause not in DEVICE_CAUSES:
        return True
    return any(
        place in truth.places and since <= truth.seen_until + 10 * MINUTE_S for place, since in told.members.items()
    )


def _told_at(told: Told, truth: Truth) -> int:
    """Return when an alert that may have been open for another reason began to tell of a truth."""
    if told.cause in DEVICE_CAUSES:
        since = [since for place, since in told.members.items() if place in truth.places]
        return max(told.opened_at, min(since, default=told.opened_at))
    return max(told.opened_at, truth.span.start)


def _explain(
    result: Judgement, truths: Sequence[Truth], alerts: Iterable[tuple[int, Told]], openings: Openings
) -> None:
    """Say of each alert what explains it, or why it is wrong."""
    ours = joined(outage.span for outage in result.world.outages)
    for number, told in alerts:
        if told.cause in ABOUT_DEVICES and not openings.is_open(told.opened_at):
            result.while_closed.append(told)
        truth = next((each for each in truths if _justifies(each, told)), None)
        if truth is not None:
            result.explained[number] = truth
            continue
        why = _why_false(told, truths, openings, ours)
        result.false.append((told, why))
        if why == "our_outage":
            result.from_ours.append(told)


def _justifies(truth: Truth, told: Told) -> bool:
    """Whether an alert could rightly open: the trouble had begun, and nobody could know yet that it was over."""
    if told.cause not in truth.causes or not _is_about(told, truth):
        return False
    return truth.span.start <= told.opened_at <= truth.seen_until + 10 * MINUTE_S


def _why_false(told: Told, truths: Sequence[Truth], openings: Openings, ours: Spans) -> str:
    """Name what a false alert may come from, for whoever looks into it."""
    if within(ours, Span(told.opened_at - _AFTER_OURS_S, told.opened_at + 1)):
        return "our_outage"
    near = [t for t in truths if t.span.start <= told.opened_at <= max(t.seen_until, t.span.end) + DAY_S]
    if near:
        return f"near {near[0].kind}"
    if not openings.works(openings.day_of(told.opened_at)):
        return "closed" if not openings.told(openings.day_of(told.opened_at)) else "untold_closure"
    return "nothing"


def _count_cuts(result: Judgement, truths: Sequence[Truth], alerts: Sequence[Told]) -> None:
    """Count the alerts of each cut: those about devices that nothing else explains."""
    for truth in truths:
        if truth.kind not in _CUTS:
            continue
        others = [each for each in truths if each is not truth and each.causes & DEVICE_CAUSES]
        own = {
            told.alert
            for told in alerts
            if _justifies(truth, told) and not any(_justifies(each, told) for each in others)
        }
        line = {told.alert for told in alerts if told.cause == "line" and _speaks_of(told, truth)}
        result.cuts.append((truth, len(own | line)))


def delays(result: Judgement, kind: str) -> list[int]:
    """Return how long after its beginning each truth of a kind that had to be told was told, in seconds, in order."""
    return sorted(
        max(_told_at(told, truth) - truth.span.start, 0)
        for number, told in result.found.items()
        if (truth := result.truths[number]).kind == kind and truth.due_at is not None
    )


def table(result: Judgement) -> dict[str, dict[str, Any]]:
    """Return per kind of truth how often it happened, had to be told and was, as what, and how fast."""
    found: dict[str, dict[str, Any]] = {}
    for kind in sorted({truth.kind for truth in result.truths}):
        own = [(number, truth) for number, truth in enumerate(result.truths) if truth.kind == kind]
        due = [(number, truth) for number, truth in own if truth.due_at is not None]
        told = [result.found[number].cause for number, _ in due if number in result.found]
        waits = delays(result, kind)
        found[kind] = {
            "happened": len(own),
            "due": len(due),
            "found": len(told),
            "missed": len(due) - len(told),
            "late": sum(1 for truth, _ in result.late if truth.kind == kind),
            "told_as": dict(sorted(Counter(told).items())),
            "told_below_the_limit": sum(1 for number, truth in own if truth.due_at is None and number in result.found),
            "median_minutes": round(median(waits) / 60) if waits else None,
            "p95_minutes": round(waits[min(int(len(waits) * 0.95), len(waits) - 1)] / 60) if waits else None,
        }
    return found


def by_cause(result: Judgement) -> dict[str, dict[str, Any]]:
    """Return the confusion by cause: of the alerts of each, how many were right and what they were about."""
    found: dict[str, dict[str, Any]] = {}
    for cause in CAUSES:
        own = [number for number, told in enumerate(result.alerts) if told.cause == cause]
        right = [result.explained[number] for number in own if number in result.explained]
        due = [(number, t) for number, t in enumerate(result.truths) if t.due_at is not None and _expected(t) == cause]
        hit = sum(1 for number, _ in due if number in result.found)
        found[cause] = {
            "alerts": len(own),
            "true_positives": len(right),
            "false_positives": len(own) - len(right),
            "misses": len(due) - hit,
            "precision": round(len(right) / len(own), 4) if own else None,
            "recall": round(hit / len(due), 4) if due else None,
            "about": dict(sorted(Counter(truth.kind for truth in right).items())),
            "false_because": dict(sorted(Counter(why for told, why in result.false if told.cause == cause).items())),
        }
    return found


def _expected(truth: Truth) -> str:
    """Return the cause that says best what a truth is."""
    if truth.kind in _CUTS:
        return "line"
    if truth.causes == DEVICE_CAUSES:
        return "silent" if truth.kind.endswith("_server") else "machine_off"
    return next(iter(sorted(truth.causes)), "")


def years(world: World) -> float:
    """Return how many practice-years a world lasts."""
    return max(len(world.practices) * (world.span.end - world.span.start) / _YEAR_S, 1e-9)


def is_still_open(told: Told) -> bool:
    """Whether an alert was open when the world ended."""
    return told.closed_at == NEVER
