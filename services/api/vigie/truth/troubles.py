"""What goes wrong in the simulated world: how often, for how long. Pure, drawn by seed.

Rates are per year, of a practice, a device or the whole service. They are chosen to be plausible and rather too high than too low:
a year must bring enough of each to be counted (docs/truth.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, log
from random import Random
from typing import Final, Literal

from vigie.truth.openings import DAY_S, HOUR_S, MINUTE_S, Openings, Span

Kind = Literal[
    "line_cut",
    "power_cut",
    "broken",
    "lost",
    "agent_broken",
    "clock_wrong",
    "backup_failing",
    "backup_not_run",
    "backup_unreadable",
    "patch_drift",
    "disk_full",
    "antivirus_off",
    "feature_update",
]
"""``broken``: repaired after some days; ``lost``: stolen or dead, taken out of the fleet (and replaced) after some days."""

BATTERY_S: Final = 20 * MINUTE_S  # for how long servers go on when the power is cut
_YEAR_S = 365 * DAY_S


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something wrong from an instant until another. ``place``: of the device in its practice, None: the whole practice.

    ``size``: seconds by which a clock is wrong.
    """

    kind: Kind
    span: Span
    place: int | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Outage:
    """Our own: nothing is accepted. ``everything``: the database is away, too, and no sweep runs."""

    span: Span
    everything: bool


@dataclass(frozen=True, slots=True)
class Fate:
    """The dice, from when until when they fall, and how many times as often as in an ordinary year."""

    dice: Random
    bounds: Span
    intensity: float = 1.0

    def times(self, per_year: float) -> Iterator[int]:
        """Yield the instants of something that happens so often, on average."""
        at = float(self.bounds.start)
        while True:
            at += self.dice.expovariate(per_year * self.intensity / _YEAR_S)
            if at >= self.bounds.end:
                return
            yield int(at)


def _between(dice: Random, least: int, most: int) -> int:
    """Return a duration, short ones being as likely as long ones on a logarithmic scale."""
    return int(exp(dice.uniform(log(least), log(most))))


def of_service(fate: Fate) -> tuple[Outage, ...]:
    """Draw our own outages: five a year, from ten minutes to eight hours."""
    dice = fate.dice
    found: list[Outage] = []
    for start in fate.times(5.0):
        if found and start < found[-1].span.end + DAY_S:
            continue
        span = Span(start, start + _between(dice, 10 * MINUTE_S, 8 * HOUR_S))
        found.append(Outage(span, everything=dice.random() < 0.5))  # noqa: PLR2004
    return tuple(found)


def of_practice(fate: Fate) -> list[Trouble]:
    """Draw what befalls a whole practice; two cuts of a kind keep a day's distance."""
    dice = fate.dice
    found = []
    for start in _spaced(fate.times(4.0)):
        length = _between(dice, 2 * MINUTE_S, 2 * DAY_S)
        found.append(Trouble("line_cut", Span(start, start + length)))
    for start in _spaced(fate.times(1.0)):
        length = _between(dice, MINUTE_S, 6 * HOUR_S)
        found.append(Trouble("power_cut", Span(start, start + length)))
    return found


def _spaced(times: Iterator[int]) -> Iterator[int]:
    last = 0
    for at in times:
        if at - last > 3 * DAY_S:
            last = at
            yield at


def of_device(fate: Fate, place: int, role: str, openings: Openings) -> list[Trouble]:
    """Draw what befalls one device; nothing befalls it twice at once."""
    dice, bounds = fate.dice, fate.bounds
    found: list[Trouble] = []

    def befall(kind: Kind, per_year: float, least: int, most: int) -> None:
        last = bounds.start
        for start in fate.times(per_year):
            if start > last:
                span = Span(start, start + _between(dice, least, most))
                found.append(Trouble(kind, span, place, _wrong_by(dice) if kind == "clock_wrong" else 0))
                last = span.end + DAY_S

    befall("broken", 0.12, DAY_S // 2, 5 * DAY_S)
    befall("agent_broken", 0.15, DAY_S // 2, 10 * DAY_S)
    befall("clock_wrong", 0.2, DAY_S, 60 * DAY_S)
    befall("patch_drift", 0.2, 25 * DAY_S, 110 * DAY_S)
    befall("disk_full", 0.1, 2 * DAY_S, 20 * DAY_S)
    if role not in {"server", "nas"}:
        found += [_switched_off(dice, openings, at, place) for at in fate.times(0.5)]
        for at in fate.times(1.0):
            span = Span(at, at + dice.randrange(20, 100) * MINUTE_S)
            found.append(Trouble("feature_update", span, place))
    for at in fate.times(0.06):
        found.append(Trouble("lost", Span(at, at + dice.randrange(DAY_S, 12 * DAY_S)), place))
        break
    return found


def of_backup(fate: Fate, place: int) -> list[Trouble]:
    """Draw what befalls the backups of a device that has some."""
    dice = fate.dice
    found: list[Trouble] = []
    last = fate.bounds.start
    kinds: tuple[Kind, ...] = ("backup_failing", "backup_failing", "backup_not_run", "backup_unreadable")
    for at in fate.times(2.5):
        if at > last:
            span = Span(at, at + _between(dice, DAY_S, 14 * DAY_S))
            found.append(Trouble(dice.choice(kinds), span, place))
            last = span.end + 5 * DAY_S
    return found


def _wrong_by(dice: Random) -> int:
    """Return by how much a clock is wrong: mostly behind by days, an empty battery being the usual cause."""
    return dice.choice((-3 * DAY_S, -DAY_S - HOUR_S, -2 * HOUR_S, HOUR_S, 3 * HOUR_S))


def _switched_off(dice: Random, openings: Openings, at: int, place: int) -> Trouble:
    """Return an antivirus that somebody switched off, mostly for a morning, sometimes for days."""
    span = next(iter(openings.spans_from(at)), Span(at, at + HOUR_S))
    start = max(at, span.start) + dice.randrange(HOUR_S)
    length = dice.randrange(2 * HOUR_S, 5 * HOUR_S) if dice.random() < 0.7 else dice.randrange(DAY_S, 5 * DAY_S)  # noqa: PLR2004
    return Trouble("antivirus_off", Span(start, start + length), place)
