"""The course of a machine's life in the simulated world: starts, searches, installations, nightly backups. Pure."""

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import UTC, datetime

from vigie.simulator.backups import Outcome
from vigie.simulator.course import second_tuesday
from vigie.truth.openings import DAY_S, HOUR_S, MINUTE_S, when
from vigie.truth.spans import Spans, at
from vigie.truth.world import DeviceWorld, PracticeWorld

_BACK_S = 90 * DAY_S  # updates published before the world began are known, and installed
_ROUND_THE_CLOCK_S = 20 * HOUR_S


@dataclass(frozen=True)
class Life:
    """What happens in a machine, in order of time. ``releases``: published at, really installed at."""

    boots: tuple[int, ...]
    searches: tuple[int, ...]
    releases: tuple[tuple[int, int], ...]
    nights: tuple[int, ...]
    disk_full: Spans
    antivirus_off: Spans
    unreadable: Spans
    began: int
    _outcomes: dict[int, Outcome | None] = field(repr=False)

    def outcome(self, night: int) -> Outcome | None:
        """Return what the backup of a night brought; before the world began all went well."""
        return self._outcomes.get(night, "ok" if night < self.began else None)


def life_of(practice: PracticeWorld, device: DeviceWorld) -> Life:
    """Return the life of a device."""
    releases = _releases(device)
    boots = {span.start for span in device.on}
    boots |= {installed + 10 * MINUTE_S for _, installed in releases if at(device.on, installed + 10 * MINUTE_S)}
    nights = _nights(device)
    return Life(
        boots=tuple(sorted(boots)),
        searches=_searches(device),
        releases=releases,
        nights=tuple(nights),
        disk_full=device.befallen("disk_full"),
        antivirus_off=device.befallen("antivirus_off"),
        unreadable=device.befallen("backup_unreadable"),
        began=device.joins_at,
        _outcomes=_outcomes(practice, device, nights),
    )


def _searches(device: DeviceWorld) -> tuple[int, ...]:
    """Return when a machine looks for updates: soon after it starts, and daily at its second when it runs then."""
    found = {span.start + 20 * MINUTE_S for span in device.on if span.end - span.start > HOUR_S}
    for span in device.on:
        if span.end - span.start > _ROUND_THE_CLOCK_S:
            day = span.start - span.start % DAY_S + device.machine.search_second
            found |= {instant for instant in range(day, span.end, DAY_S) if instant >= span.start}
    return tuple(sorted(found)) or (device.joins_at,)


def _releases(device: DeviceWorld) -> tuple[tuple[int, int], ...]:
    """Return each update with the instant at which the machine installs it: some days later, running, and willing."""
    drift = device.befallen("patch_drift")
    found = []
    for released in _published(device):
        ready = released + device.machine.patch_lag_days * DAY_S
        if ready < device.joins_at:
            found.append((released, ready))
            continue
        found.append((released, _next_chance(device, drift, ready)))
    return tuple(found)


def _published(device: DeviceWorld) -> list[int]:
    last = max((span.end for span in device.on), default=device.joins_at)
    first = device.joins_at - _BACK_S
    if device.machine.profile.rhythm == "monthly":
        begin, end = when(first), when(last)
        months = range(begin.year * 12 + begin.month - 1, end.year * 12 + end.month)
        return [int(second_tuesday(month // 12, month % 12 + 1).timestamp()) for month in months]
    thursday = int(datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp())  # 1 January 2026 is one
    start = first - (first - thursday) % (7 * DAY_S)
    return list(range(start, last, 7 * DAY_S))


def _next_chance(device: DeviceWorld, drift: Spans, ready: int) -> int:
    """Return when something that is ready gets installed: at night where it runs, else half an hour after it is switched on."""
    number = device.machine.number
    for span in device.on:
        if span.end <= ready:
            continue
        if span.end - span.start > _ROUND_THE_CLOCK_S:
            night = max(span.start, ready)
            night += (2 * HOUR_S + number % 3000 - night) % DAY_S
            while night < span.end and at(drift, night):
                night += DAY_S
            if night < span.end:
                return night
            continue
        chance = max(span.start + 30 * MINUTE_S, ready)
        if chance < span.end and not at(drift, chance):
            return chance
    return 2**40


def _nights(device: DeviceWorld) -> list[int]:
    """Return the ends of the nightly backups that the world sees, whether they run or not."""
    if not device.machine.jobs:
        return []
    last = max((span.end for span in device.on), default=device.joins_at)
    first = device.joins_at - device.joins_at % DAY_S + device.machine.backup_second
    return list(range(first if first >= device.joins_at else first + DAY_S, last, DAY_S))


def _outcomes(practice: PracticeWorld, device: DeviceWorld, nights: list[int]) -> dict[int, Outcome | None]:
    """Return what became of each night: nothing while the machine is off, a failure while the copy cannot leave."""
    failing, idle = device.befallen("backup_failing"), device.befallen("backup_not_run")
    cut = practice.without_line()
    found: dict[int, Outcome | None] = {}
    for night in nights:
        if at(device.on, night) is None or at(idle, night):
            found[night] = None
        elif at(failing, night) or at(cut, night):
            found[night] = "failed"
        else:
            found[night] = "ok"
    return found


def slots_between(device: DeviceWorld, start: int, end: int) -> list[int]:
    """Return the slots of a device between two instants, the first one included."""
    first = start + (device.slot_s - start) % HOUR_S
    return list(range(first, end, HOUR_S))


def runs_of(device: DeviceWorld) -> list[int]:
    """Return when the agent of a device runs: a little after the machine starts, and at each slot at least five minutes later."""
    found: list[int] = []
    for span in device.on:
        start = max(span.start, device.joins_at)
        woken = start + 60 + (device.machine.number + start) % 240
        if woken >= span.end:
            continue
        found.append(woken)
        found.extend(slots_between(device, woken + 5 * MINUTE_S, span.end))
    return found if device.leaves_at is None else found[: bisect_left(found, device.leaves_at)]
