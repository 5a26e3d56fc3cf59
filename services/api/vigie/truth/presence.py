"""When machines are switched on, as the people in front of them go about it; troubles come on top. Pure, drawn by seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from vigie.truth.openings import DAY_S, HOUR_S, MINUTE_S, Openings, Span
from vigie.truth.spans import Spans, joined

_DAY = timedelta(days=1)
_WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class Habit:
    """How one desktop is used. Shares are chances per day; ``unused``: weekdays on which nobody sits there.

    ``always_on``: nobody ever switches it off. ``away``: days on which its person is on leave although the practice is open.
    """

    always_on: bool
    early_s: int
    late: float
    half_day: float
    forgotten: float
    sleeps_at_lunch: bool
    naps: float
    unused: frozenset[int]
    away: frozenset[date]


def draw_habit(dice: Random, days: list[date], *, reception: bool) -> Habit:
    """Draw the habits of a desktop; that of the reception is used whenever the practice is open."""
    unused: frozenset[int] = frozenset()
    if not reception and dice.random() < 0.15:  # noqa: PLR2004 - somebody works part-time
        unused = frozenset(dice.sample(range(5), dice.choice((1, 1, 2))))
    away: set[date] = set()
    for _ in range(0 if reception else len(days) // 180):
        first = dice.choice(days)
        away |= {first + _DAY * n for n in range(dice.choice((2, 5, 8)))}
    return Habit(
        always_on=dice.random() < 0.12,  # noqa: PLR2004
        early_s=dice.randrange(-5, 25) * MINUTE_S,
        late=0.01 if reception else 0.04,
        half_day=0.0 if reception else 0.01,
        forgotten=0.03,
        sleeps_at_lunch=dice.random() < 0.1,  # noqa: PLR2004
        naps=0.15 if not reception and dice.random() < 0.06 else 0.0,  # noqa: PLR2004 - an eager power plan
        unused=unused,
        away=frozenset(away),
    )


def desktop(habit: Habit, openings: Openings, days: list[date], dice: Random) -> Spans:
    """Return when a desktop is on: from about opening to about closing, and not at all when nobody comes."""
    if habit.always_on:
        return (Span(openings.at(days[0], 0), openings.at(days[-1], 24 * 60)),)
    found: list[Span] = []
    forgotten_since: int | None = None
    for day in days:
        spans = openings.works(day)
        if not spans or day in habit.away or day.weekday() in habit.unused:
            continue
        session = _session(habit, spans, dice)
        if forgotten_since is not None:
            found.append(Span(forgotten_since, session.start))
            forgotten_since = None
        found.extend(_less_sleep(habit, session, spans, dice))
        if dice.random() < habit.forgotten:
            forgotten_since = session.end
    if forgotten_since is not None:
        found.append(Span(forgotten_since, openings.at(days[-1], 24 * 60)))
    return joined(found)


def _session(habit: Habit, spans: tuple[Span, ...], dice: Random) -> Span:
    """Return from when to when a machine is on during a working day."""
    start = spans[0].start - habit.early_s + dice.randrange(-5, 6) * MINUTE_S + dice.randrange(MINUTE_S)
    if dice.random() < habit.late:
        start += dice.randrange(20, 90) * MINUTE_S
    if len(spans) > 1 and dice.random() < habit.half_day:
        start = spans[-1].start - dice.randrange(10 * MINUTE_S)
    end = spans[-1].end + dice.randrange(0, 40 * MINUTE_S)
    return Span(start, end)


def _less_sleep(habit: Habit, session: Span, spans: tuple[Span, ...], dice: Random) -> Iterator[Span]:
    """Yield what a machine that falls asleep by itself leaves of its day."""
    start = session.start
    if habit.sleeps_at_lunch and len(spans) > 1 and start < spans[0].end:
        yield Span(start, spans[0].end + dice.randrange(10, 30) * MINUTE_S)
        start = spans[1].start + dice.randrange(0, 15) * MINUTE_S
    elif habit.naps and dice.random() < habit.naps:
        asleep = start + dice.randrange(1, 5) * HOUR_S
        if asleep < session.end:
            yield Span(start, asleep)
            start = asleep + dice.randrange(30, 150) * MINUTE_S
    yield Span(start, session.end)


def laptop(openings: Openings, days: list[date], dice: Random) -> Spans:
    """Return when a laptop is on: some hours on some days, at the practice or at home, and now and then not for a week or two."""
    found: list[Span] = []
    resting = 0
    share = dice.uniform(0.35, 0.9)
    for day in days:
        if resting:
            resting -= 1
            continue
        if dice.random() < 0.006:  # noqa: PLR2004
            resting = dice.randrange(4, 2 * _WEEK_DAYS)
            continue
        spans = openings.works(day)
        if spans and dice.random() < share:
            start = spans[0].start + dice.randrange(4 * HOUR_S)
            found.append(Span(start, start + dice.randrange(HOUR_S, 7 * HOUR_S)))
        if dice.random() < 0.2:  # noqa: PLR2004 - an evening at home
            start = openings.at(day, 20 * 60) + dice.randrange(HOUR_S)
            found.append(Span(start, start + dice.randrange(HOUR_S // 2, 2 * HOUR_S)))
    return joined(found)


def server(days: list[date], openings: Openings) -> Spans:
    """Return when a server is on: always."""
    return (Span(openings.at(days[0], 0) - DAY_S, openings.at(days[-1], 24 * 60)),)
