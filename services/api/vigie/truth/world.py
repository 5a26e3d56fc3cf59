"""The simulated world: practices, their hours, their machines, and everything that befalls them. Pure, drawn by seed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from zoneinfo import ZoneInfo

from vigie.simulator.fleet import PracticePlan, plan_practice
from vigie.simulator.machines import Machine
from vigie.simulator.profiles import OFFSITE_RESTIC, PROFILES
from vigie.truth import presence, troubles
from vigie.truth.openings import DAY_S, HOUR_S, MINUTE_S, WEEKS, Openings, Span, when
from vigie.truth.spans import Spans, joined, without
from vigie.truth.troubles import BATTERY_S, Fate, Outage, Trouble

_DAY = timedelta(days=1)
_LATER_S = 20 * 365 * DAY_S  # beyond the end of every world
_PARIS, _REUNION, _GUADELOUPE = ZoneInfo("Europe/Paris"), ZoneInfo("Indian/Reunion"), ZoneInfo("America/Guadeloupe")
_TERRITORIES = (("metropolitan", _PARIS),) * 16 + (
    *(("alsace_moselle", _PARIS),) * 2,
    ("reunion", _REUNION),
    ("guadeloupe", _GUADELOUPE),
)
_SERVERS = ("windows_server_2022", "windows_server_2022", "windows_server_2022", "linux_server", "nas")
_DESKTOP = "windows_11_25h2"
_LAPTOPS = ("macbook", _DESKTOP)


@dataclass(frozen=True)
class DeviceWorld:
    """One machine. ``on``: when it really runs; ``wanted``: when its people would have it run.

    ``joins_at``: its agent is installed, when it runs for the first time; ``leaves_at``: taken out of the fleet, None: stays.
    """

    place: int
    machine: Machine
    role: str
    slot_s: int
    wanted: Spans
    on: Spans
    troubles: tuple[Trouble, ...]
    joins_at: int
    leaves_at: int | None

    def befallen(self, *kinds: str) -> Spans:
        """Return when one of these troubles befalls it."""
        return joined(each.span for each in self.troubles if each.kind in kinds)


@dataclass(frozen=True)
class PracticeWorld:
    """One practice. ``plan``: its name and place; ``cuts``: when its line or its power fails."""

    plan: PracticePlan
    openings: Openings
    devices: tuple[DeviceWorld, ...]
    cuts: tuple[Trouble, ...]

    @property
    def number(self) -> int:
        """Return its place in the world."""
        return self.plan.number

    def without_line(self) -> Spans:
        """Return when nothing can leave the practice although machines run."""
        return joined(each.span for each in self.cuts if each.kind == "line_cut")


@dataclass(frozen=True)
class World:
    """Everything, from an instant until another."""

    seed: str
    span: Span
    practices: tuple[PracticeWorld, ...]
    outages: tuple[Outage, ...]


def make_world(seed: str, practices: int, first: date, days: int, *, intensity: float = 1.0) -> World:
    """Make a world that begins with the first instant of a day in UTC. ``intensity``: troubles are so many times as frequent."""
    start = int((first - date(1970, 1, 1)).total_seconds())
    span = Span(start, start + days * DAY_S)
    made = tuple(_practice(seed, number, span, intensity) for number in range(practices))
    # The first day is left in peace: every device is heard before anything can happen to it.
    fate = Fate(_dice(seed, "service"), Span(start + DAY_S, span.end), intensity)
    return World(seed, span, made, troubles.of_service(fate))


def _dice(*names: object) -> Random:
    return Random(":".join(map(str, names)))  # noqa: S311 - a plausible world, not a secret


def _practice(seed: str, number: int, span: Span, intensity: float) -> PracticeWorld:
    dice = _dice(seed, number)
    plan = plan_practice(number, 2, now=when(span.start), seed=seed)
    territory, zone = dice.choice(_TERRITORIES)
    days = [when(span.start).date() + _DAY * n for n in range(-1, (span.end - span.start) // DAY_S + 1)]
    openings = Openings(dice.choice(WEEKS), zone, territory, _closures(dice, days), _untold(dice, days))
    quiet = Span(span.start + DAY_S, span.end)
    cuts = tuple(troubles.of_practice(Fate(dice, quiet, intensity)))
    devices: list[DeviceWorld] = []
    for place, kind in enumerate(_kinds(dice)):
        own = _dice(seed, number, place)
        noon = openings.at(days[1], 12 * 60) % DAY_S if place == 0 and kind == _DESKTOP else None
        machine = _machine(own, kind, place, noon=noon, start=span.start)
        devices.append(_device(Fate(own, quiet, intensity), place, machine, openings, days, cuts))
    for lost in [device for device in devices if device.leaves_at is not None and device.leaves_at < span.end - DAY_S]:
        devices.append(_replacement(_dice(seed, number, lost.place, "next"), len(devices), lost, openings, days, cuts))
    return PracticeWorld(replace(plan, time_zone=zone.key), openings, tuple(devices), cuts)


def _closures(dice: Random, days: Sequence[date]) -> tuple[tuple[date, date], ...]:
    """Draw the closures a practice tells: August, Christmas, a week in winter or spring."""
    found = []
    for year in sorted({day.year for day in days}):
        summer = date(year, 8, dice.randrange(1, 11))
        found.append((summer, summer + _DAY * dice.choice((13, 20, 20))))
        if dice.random() < 0.7:  # noqa: PLR2004
            found.append((date(year, 12, 24), date(year + 1, 1, 2)))
        if dice.random() < 0.5:  # noqa: PLR2004
            winter = date(year, dice.choice((2, 4, 10)), dice.randrange(10, 20))
            found.append((winter, winter + _DAY * 6))
    return tuple(found)


def _untold(dice: Random, days: Sequence[date]) -> frozenset[date]:
    """Draw the days on which a practice stays closed and tells nobody: an illness, a training, a forgotten bridge day."""
    found: set[date] = set()
    for day in days:
        if dice.random() < 0.3 / 365:
            found |= {day + _DAY * n for n in range(dice.choice((1, 1, 2)))}
    return frozenset(found)


def _kinds(dice: Random) -> list[str]:
    """Draw the machines of a practice: mostly one that keeps the data, desktops, sometimes a laptop."""
    count = dice.choice((2, 3, 3, 4, 4, 5, 6))
    kinds = [dice.choice(_SERVERS)] if dice.random() < 0.85 else [_DESKTOP]  # noqa: PLR2004
    laptop = [dice.choice(_LAPTOPS) + ":laptop"] if count > 2 and dice.random() < 0.35 else []  # noqa: PLR2004
    return [*kinds, *(_DESKTOP,) * (count - 1 - len(laptop)), *laptop]


def _machine(dice: Random, kind: str, place: int, *, noon: int | None, start: int) -> Machine:
    """Make a machine; backups end at night, Paris time or about; at `noon` where no machine runs at night."""
    name, _, role = kind.partition(":")
    profile = PROFILES[name]
    if role:
        profile = replace(profile, role=role)
    total = dice.choice((465, 931)) if profile.role in {"workstation", "laptop"} else dice.choice((931, 1862))
    return Machine(
        profile=profile,
        alias=f"{'portable' if role else profile.aliases[place % len(profile.aliases)]}-{place + 1}",
        number=dice.randrange(10**6),
        joined_at=when(start),
        backed_up_since=when(start) - 400 * _DAY,
        search_second=(11 * HOUR_S + dice.randrange(4 * HOUR_S)) % DAY_S,
        backup_second=dice.randrange(4 * HOUR_S) if noon is None else (noon - dice.randrange(HOUR_S)) % DAY_S,
        patch_lag_days=1 if profile.rhythm == "weekly" else dice.randrange(2, 10),
        total_gib=total,
        free_gib=total * dice.randrange(35, 75) // 100,
        jobs=profile.jobs if noon is None else (OFFSITE_RESTIC,),
    )


def _wanted(dice: Random, machine: Machine, place: int, openings: Openings, days: list[date]) -> Spans:
    if machine.profile.role in {"server", "nas"}:
        return presence.server(days, openings)
    if machine.profile.role == "laptop":
        return presence.laptop(openings, days, dice)
    habit = presence.draw_habit(dice, days, reception=place <= 1)
    if machine.jobs:  # the machine of the reception keeps the data where there is no server: it is on before noon
        habit = replace(habit, sleeps_at_lunch=False, unused=frozenset(), naps=0.0)
    return presence.desktop(habit, openings, days, dice)


def _device(
    fate: Fate, place: int, machine: Machine, openings: Openings, days: list[date], cuts: Sequence[Trouble]
) -> DeviceWorld:
    dice, quiet = fate.dice, fate.bounds
    wanted = _wanted(dice, machine, place, openings, days)
    role = machine.profile.role
    own = troubles.of_device(fate, place, role, openings)
    lost = next((each for each in own if each.kind == "lost"), None)
    if machine.jobs:
        own += troubles.of_backup(fate, place)
    holes = [each.span for each in own if each.kind in {"broken", "feature_update"}]
    if lost is not None:
        holes.append(Span(lost.span.start, quiet.end + DAY_S))
    holes += [_darkness(dice, each.span, role, openings) for each in cuts if each.kind == "power_cut"]
    on = without(wanted, holes)
    return DeviceWorld(
        place=place,
        machine=machine,
        role=role,
        slot_s=dice.randrange(HOUR_S),
        wanted=wanted,
        on=on,
        troubles=tuple(own),
        joins_at=_installed(on, quiet.start - DAY_S),
        leaves_at=lost.span.end if lost is not None else None,
    )


def _installed(on: Spans, earliest: int) -> int:
    """Return when an agent is installed: the first time the machine runs, from an instant on; after the end if it never does."""
    return next((max(span.start, earliest) for span in on if span.end > earliest + HOUR_S), earliest + _LATER_S)


def _darkness(dice: Random, cut: Span, role: str, openings: Openings) -> Span:
    """Return for how long a power cut keeps a machine off: servers have a battery, and some wait for somebody to press a button."""
    if role in {"server", "nas"}:
        if cut.end - cut.start < BATTERY_S:
            return Span(cut.start, cut.start)
        if dice.random() < 0.25:  # noqa: PLR2004
            opens = next(iter(openings.spans_from(cut.end)), cut)
            return Span(cut.start + BATTERY_S, max(cut.end, opens.start) + dice.randrange(10, 90) * MINUTE_S)
        return Span(cut.start + BATTERY_S, cut.end + 5 * MINUTE_S)
    if role == "laptop":
        return Span(cut.start, cut.start)
    return Span(cut.start, cut.end + dice.randrange(2, 15) * MINUTE_S)


def _replacement(
    dice: Random,
    place: int,
    lost: DeviceWorld,
    openings: Openings,
    days: list[date],
    cuts: Sequence[Trouble],
) -> DeviceWorld:
    """Return the machine that takes the place of a lost one, an hour after that was taken out of the fleet."""
    earliest = (lost.leaves_at or 0) + HOUR_S
    machine = replace(lost.machine, number=dice.randrange(10**6), alias=f"{lost.machine.alias[:24]}-bis")
    wanted = _wanted(dice, machine, place, openings, days)
    role = machine.profile.role
    holes = [Span(0, earliest), *(_darkness(dice, c.span, role, openings) for c in cuts if c.kind == "power_cut")]
    on = without(wanted, holes)
    return DeviceWorld(
        place=place,
        machine=machine,
        role=role,
        slot_s=dice.randrange(HOUR_S),
        wanted=wanted,
        on=on,
        troubles=(),
        joins_at=_installed(on, earliest),
        leaves_at=None,
    )
