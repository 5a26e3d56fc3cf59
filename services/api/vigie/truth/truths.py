"""What was really wrong in the simulated world, since when, until when it could be seen, and by when it has to be told.

Derived from the world and from the promises of the documentation (`limits`), never from the rules under test. Pure.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from vigie.truth import limits
from vigie.truth.life import Life, life_of, runs_of, slots_between
from vigie.truth.openings import DAY_S, HOUR_S, MINUTE_S, Openings, Span
from vigie.truth.spans import at, joined, within, without
from vigie.truth.troubles import BATTERY_S, Trouble
from vigie.truth.world import DeviceWorld, PracticeWorld, World

NEVER: Final = 2**40
DEVICE_CAUSES: Final = frozenset({"silent", "machine_off", "agent"})
_BACKUP_CAUSES, _PATCH_CAUSES, _PROTECTION_CAUSES = (frozenset({name}) for name in ("backup", "patch", "protection"))


@dataclass(frozen=True, slots=True)
class Truth:
    """Something that was really wrong.

    ``places``: the devices concerned. ``causes``: the alerts that say so. ``seen_until``: when at last the service could know that
    it was over. ``due_at``: by when an alert must have opened, None: it was over before its limit, or has none; an alert may then
    speak of it, and need not.
    """

    kind: str
    practice: int
    places: frozenset[int]
    span: Span
    causes: frozenset[str]
    seen_until: int
    due_at: int | None = None


class Sight:
    """When each device of a practice was really heard."""

    def __init__(self, practice: PracticeWorld, world: World) -> None:
        """Look at all its devices."""
        away = joined(outage.span for outage in world.outages)
        cut = practice.without_line()
        self.practice = practice
        self.openings: Openings = practice.openings
        self.end = world.span.end
        self.heard: list[list[int]] = []
        for device in practice.devices:
            broken = device.befallen("agent_broken")
            self.heard.append(
                [run for run in runs_of(device) if not (at(cut, run) or at(away, run) or at(broken, run))]
            )
        self.away = away

    def last_heard(self, place: int, instant: int) -> int | None:
        """Return when a device was heard last before an instant."""
        found = bisect_left(self.heard[place], instant)
        return self.heard[place][found - 1] if found else None

    def next_heard(self, place: int, instant: int) -> int:
        """Return when a device is heard next, from an instant on."""
        found = bisect_left(self.heard[place], instant)
        return self.heard[place][found] if found < len(self.heard[place]) else NEVER

    def missed(self, device: DeviceWorld, since: int, until: int) -> Iterator[int]:
        """Yield the slots at which a device was expected, between two instants: open, and for half an hour."""
        for span in self.openings.spans_from(since):
            if span.start >= until:
                return
            start = max(span.start + limits.SETTLE_S, since + limits.GRACE_S)
            yield from slots_between(device, start, min(span.end, until))

    def nth_missed(self, device: DeviceWorld, since: int, number: int) -> int:
        """Return when the report of a device that is not heard after an instant is missing for the n-th time."""
        for count, slot in enumerate(self.missed(device, since, min(since + 60 * DAY_S, self.end)), 1):
            # No silence begins as the practice closes: the next report is waited for.
            if count >= number and self.openings.is_open(slot + limits.GRACE_S + MINUTE_S):
                return slot + limits.GRACE_S
        return NEVER

    def is_present(self, device: DeviceWorld, instant: int) -> bool:
        """Whether a device is a member of the fleet that the service has heard lately, so that its silence is news."""
        if device.joins_at > instant or (device.leaves_at is not None and device.leaves_at <= instant):
            return False
        last = self.last_heard(device.place, instant)
        return last is not None and len(list(self.missed(device, last, instant))) < 2  # noqa: PLR2004

    def settled(self, instant: int) -> int:
        """Return the first instant from this one on at which the practice has been open for long enough, or soon closes."""
        for span in self.openings.spans_from(instant):
            return max(instant, min(span.start + limits.OPEN_SETTLE_S, span.end - 1))
        return NEVER


def truths_of(world: World) -> list[Truth]:
    """Return everything that was wrong, by practice and time."""
    found: list[Truth] = []
    for practice in world.practices:
        sight = Sight(practice, world)
        found += _cuts(sight)
        for device in practice.devices:
            found += _gone(sight, device)
            found += _unused(sight, device)
            found += _backups(sight, device)
            found += _patches(sight, device)
            found += _antivirus(sight, device)
    return sorted(found, key=lambda truth: (truth.practice, truth.span))


def _cuts(sight: Sight) -> Iterator[Truth]:
    """Lines that were cut, and power: every machine that stays in the practice is gone together."""
    for cut in sight.practice.cuts:
        staying = [d for d in sight.practice.devices if d.role != "laptop" and sight.is_present(d, cut.span.start)]
        places = frozenset(device.place for device in sight.practice.devices)
        causes = DEVICE_CAUSES | {"line"}
        seen = max((sight.next_heard(d.place, cut.span.end) for d in sight.practice.devices), default=NEVER)
        seen = min(seen, _next_working_day(sight, cut.span.end))
        yield Truth(cut.kind, sight.practice.number, places, cut.span, causes, seen, _cut_due(sight, cut, staying))


def _cut_due(sight: Sight, cut: Trouble, staying: Sequence[DeviceWorld]) -> int | None:
    """Return by when a cut must be told: each machine is missing, the first of them for the second time.

    None when it is over before, when it concerns a single machine, or when we were away ourselves.
    """
    gone = cut.span.start + (BATTERY_S if cut.kind == "power_cut" else 0)
    back = min((sight.next_heard(device.place, gone) for device in staying), default=NEVER)
    if len(staying) < 2 or back < cut.span.end:  # noqa: PLR2004 - together means two
        return None
    heard = [(d, sight.last_heard(d.place, gone) or gone) for d in staying]
    second = min(sight.nth_missed(device, last, 2) for device, last in heard)
    by = max(second, *(sight.nth_missed(device, last, 1) for device, last in heard)) + limits.SLACK_S
    return by if by < back and not _ours(sight, cut.span.start, by) else None


def _ours(sight: Sight, start: int, end: int) -> bool:
    """Whether we were away ourselves for a part of a time: then nothing has to be told by its end."""
    return bool(within(sight.away, Span(start - HOUR_S, end)))


def _next_working_day(sight: Sight, instant: int) -> int:
    """Return the end of the first opening time that a machine has had a chance to be heard in."""
    for number, span in enumerate(sight.openings.spans_from(instant)):
        if number == 2:  # noqa: PLR2004
            return span.end
    return NEVER


def _gone(sight: Sight, device: DeviceWorld) -> Iterator[Truth]:
    """Machines that are broken or lost, and agents that do not run."""
    for trouble in device.troubles:
        if trouble.kind not in {"broken", "lost", "agent_broken"}:
            continue
        end = trouble.span.end
        seen = device.leaves_at if trouble.kind == "lost" and device.leaves_at is not None else 0
        seen = seen or sight.next_heard(device.place, end)
        kind = f"{trouble.kind}_{'server' if device.role in limits.SERVER_ROLES else device.role}"
        due_at = _gone_due(sight, device, trouble.span.start)
        due_at = due_at if due_at is not None and due_at < min(seen, end, sight.end) else None
        yield Truth(kind, sight.practice.number, frozenset({device.place}), trouble.span, DEVICE_CAUSES, seen, due_at)


def _gone_due(sight: Sight, device: DeviceWorld, start: int) -> int | None:
    """Return by when the disappearance of a device must be told; None where something else is in the way."""
    last = sight.last_heard(device.place, start)
    if last is None:
        return None
    if device.role in limits.SERVER_ROLES:
        told = sight.settled(sight.nth_missed(device, last, 2) + limits.SERVER_OPEN_AFTER_S) + limits.SLACK_S
    else:
        days = limits.LAPTOP_DAYS if device.role == "laptop" else 0
        silent = sight.nth_missed(device, sight.openings.opening_days(last, days), 2)
        told = sight.settled(silent + limits.WORKSTATION_OFF_S) + limits.SLACK_S
    around = [cut.span for cut in sight.practice.cuts]
    if within(joined(around), Span(last, told + DAY_S)) or _ours(sight, last, told):
        return None
    return told


def _unused(sight: Sight, device: DeviceWorld) -> Iterator[Truth]:
    """Machines that nobody switched on for so long that to be told of it is right, though nothing is broken."""
    patience = limits.WORKSTATION_OFF_S
    for one, following in pairwise((*device.on, Span(sight.end, NEVER))):
        if following.start - one.end >= patience and device.role not in limits.SERVER_ROLES:
            span = Span(one.end, following.start)
            seen = sight.next_heard(device.place, following.start)
            yield Truth(
                "unused", sight.practice.number, frozenset({device.place}), span, frozenset({"machine_off"}), seen
            )


def _backups(sight: Sight, device: DeviceWorld) -> Iterator[Truth]:
    """Backups that failed twice in a row, or are too old; those that nobody can read; a practice that has none any more."""
    life = life_of(sight.practice, device)
    if not life.nights:
        return
    number, places = sight.practice.number, frozenset({device.place})
    installed = min(each.joins_at for each in sight.practice.devices)
    if device.place == 0 and installed < device.joins_at:  # others report, and none of them has a backup
        span = Span(installed, device.joins_at)
        yield Truth("backup_not_yet_seen", number, places, span, _BACKUP_CAUSES, span.end + HOUR_S)
    if device.leaves_at is not None:
        following = min(
            (d.joins_at for d in sight.practice.devices if d.joins_at > device.leaves_at), default=sight.end
        )
        span = Span(device.leaves_at, max(following, device.leaves_at + 1))
        yield Truth("backup_gone", number, places, span, _BACKUP_CAUSES, span.end + 2 * DAY_S)
    for span in life.unreadable:
        seen = sight.next_heard(device.place, span.end)
        yield Truth("backup_unreadable", number, places, span, frozenset(), seen)
    failed = 0
    began = last_ok = device.joins_at
    for night in (*life.nights, sight.end):
        outcome = life.outcome(night) if night < sight.end else "ok"
        if outcome == "failed":
            failed += 1
            continue
        if outcome is None:
            continue
        if failed >= limits.FAILED_RUNS:
            began = _nth_failure(life, last_ok, night, limits.FAILED_RUNS)
            yield _backup_truth(sight, device, "backup_failing", Span(began, night))
        late = sight.openings.opening_days(last_ok, limits.BACKUP_DAYS)
        copied = max(last_ok + limits.COPY_DAYS * DAY_S, sight.openings.opening_days(last_ok, limits.COPY_DAYS / 2))
        late = min(late, copied)
        if late < night:
            yield _backup_truth(sight, device, "backup_late", Span(late, night))
        failed, last_ok = 0, night


def _nth_failure(life: Life, after: int, before: int, count: int) -> int:
    """Return the night of the n-th failure between two good nights."""
    failures = [night for night in life.nights if after < night < before and life.outcome(night) == "failed"]
    return failures[count - 1]


def _backup_truth(sight: Sight, device: DeviceWorld, kind: str, span: Span) -> Truth:
    first = sight.next_heard(device.place, span.start)
    seen = sight.next_heard(device.place, span.end)
    due: int | None = first + limits.BACKUP_OPEN_AFTER_S + limits.SLACK_S
    readable = not within(device.befallen("backup_unreadable"), Span(span.start - DAY_S, span.end))
    if due is None or due >= min(span.end, sight.end) or not readable:
        due = None
    return Truth(kind, sight.practice.number, frozenset({device.place}), span, _BACKUP_CAUSES, seen, due)


def _patches(sight: Sight, device: DeviceWorld) -> Iterator[Truth]:
    """Security updates that have been missing for more than thirty days."""
    overdue = joined(
        Span(released + (limits.PATCH_DAYS - 1) * DAY_S, min(installed, sight.end))
        for released, installed in life_of(sight.practice, device).releases
        if installed >= device.joins_at
    )
    for span in without(overdue, [Span(0, device.joins_at)]):
        seen = sight.next_heard(device.place, span.end + HOUR_S)
        due: int | None = span.start + 2 * DAY_S + limits.PATCH_OPEN_AFTER_S + limits.SLACK_S
        # It must have been heard within the week before, and after the update was missing, for anybody to know.
        heard = sight.last_heard(device.place, due or 0)
        if due is None or due >= min(span.end, sight.end) or heard is None or heard < due - 4 * DAY_S:
            due = None
        number = sight.practice.number
        yield Truth("patch_overdue", number, frozenset({device.place}), span, _PATCH_CAUSES, seen + DAY_S, due)


def _antivirus(sight: Sight, device: DeviceWorld) -> Iterator[Truth]:
    """Protection that somebody switched off."""
    if device.role == "nas":
        return
    for span in device.befallen("antivirus_off"):
        first = sight.next_heard(device.place, span.start)
        seen = sight.next_heard(device.place, span.end)
        due: int | None = first + limits.PROTECTION_OPEN_AFTER_S + limits.SLACK_S
        if due is None or due >= min(span.end, seen, sight.end):
            due = None
        number = sight.practice.number
        yield Truth("antivirus_off", number, frozenset({device.place}), span, _PROTECTION_CAUSES, seen, due)
