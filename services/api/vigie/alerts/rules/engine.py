"""The state machine: events and deadlines in, changes of alerts and notifications out. Pure and deterministic.

`advance` walks through the events of one practice in the order of their numbers. Before each it fires the deadlines that passed by
the time the event was recorded, each at its own instant; so what comes out does not depend on when anybody looks. The worker feeds
it event by event, a rehearsal feeds it a month at once: the same inputs give the same effects.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID, uuid5

from vigie.alerts.rules.causes import BY_PEOPLE, DEVICE_CAUSES, SERVERS
from vigie.alerts.rules.codec import copy_state
from vigie.alerts.rules.gates import SETTLE, watchful
from vigie.alerts.rules.ladder import Ladder
from vigie.alerts.rules.model import Alert, Calendar, Effect, Input, State, Terms, Track, deadlines, members_shown
from vigie.alerts.rules.people import act
from vigie.alerts.rules.policy import CAUSES, RANK, Cause, Policy, Severity
from vigie.alerts.rules.reading import read_event

_NAMESPACE: Final = UUID(
    "6f0c5c2e-6f43-5e4c-8f0a-9f5d1f3b7a55"
)  # ours, chosen once: ids must not change between releases
RETURN: Final = timedelta(minutes=75)
"""How long after a line came back its devices may take to report again: each has its own minute of the hour."""

_MOST_FIRINGS: Final = 100_000


def advance(
    state: State, events: Iterable[Input], terms: Terms, practice_id: UUID, until: datetime
) -> tuple[State, list[Effect]]:
    """Return the state of a practice after events and after every deadline due at `until`, and what that brings about.

    Events that the state knows already are passed over. `state` is left as it is.
    """
    machine = _Machine(copy_state(state), terms, practice_id)
    for event in events:
        if event.number > machine.state.number:
            machine.fire(until=event.recorded_at)
            machine.take(event)
    machine.fire(until=until)
    return machine.state, machine.effects


class _Before(NamedTuple):
    """What a cause was about before an event: what was told of, and what a line that was down explained."""

    shown: frozenset[str]
    held: frozenset[str]

    @classmethod
    def of(cls, track: Track) -> "_Before":
        """Note what a track holds."""
        shown = frozenset(members_shown(track.members))
        return cls(shown, frozenset(track.members) - shown)


_NOTHING: Final = _Before(frozenset(), frozenset())


class _Machine:
    """One run of `advance`."""

    def __init__(self, state: State, terms: Terms, practice_id: UUID) -> None:
        self.state = state
        self.terms = terms
        self.practice_id = practice_id
        self.effects: list[Effect] = []
        self.ladder = Ladder(terms, practice_id, self.effects)

    def fire(self, until: datetime) -> None:
        """Fire what is due, earliest first, each at its own instant."""
        for _ in range(_MOST_FIRINGS):
            at = self.state.due_at()
            if at is None or at > until:
                return
            at = self._reach(at)
            policy = self.terms.policy_at(at)
            for cause, track in list(self.state.tracks.items()):
                if any(due <= at for due in deadlines(track)):
                    self._fire(cause, track, at, policy)
        raise RuntimeError(f"deadlines of practice {self.practice_id} do not come to rest")

    def take(self, event: Input) -> None:
        """Apply one event at the time it was recorded."""
        at = self._reach(event.recorded_at)
        policy = self.terms.policy_at(at)
        before = {cause: _Before.of(track) for cause, track in self.state.tracks.items()}
        if event.kind in BY_PEOPLE:
            act(self.state, event, at, self.ladder)
        else:
            read_event(self.state, event, policy)
        self.state.number = event.number
        for cause in CAUSES:
            track = self.state.tracks.get(cause)
            if track is not None:
                self._settle(cause, track, before.get(cause, _NOTHING), at, event.number)

    def _reach(self, at: datetime) -> datetime:
        """Move the engine's time on; it never goes back, even where two transactions were recorded the other way round."""
        self.state.at = at = max(at, self.state.at or at)
        self.ladder.calendar = self._calendar()
        return at

    def _calendar(self) -> Calendar | None:
        hours = self.state.hours
        return self.terms.calendar_of(hours, self.state.zone) if hours is not None else None

    def _settle(self, cause: Cause, track: Track, before: "_Before", at: datetime, number: int) -> None:
        """Bring the alert of a cause in line with what the cause is about now."""
        policy = self.terms.policy_at(at)
        shown = frozenset(members_shown(track.members))
        severity = severity_of(cause, track, policy)
        alert = track.living
        if severity == "off":
            track.opens_at = None
            if alert is not None:
                self._close(track, alert, at, number, {"because": "policy"})
            return
        if alert is not None:
            self._keep(track, alert, (shown - before.shown, before.shown - shown), at, number)
        elif not shown:
            track.opens_at = None
        elif not before.shown or track.opens_at is None:
            back = RETURN if shown <= before.held else timedelta(0)
            track.opens_at = self._opening(cause, at + max(policy.causes[cause].open_after, back))
            if track.opens_at is not None and track.opens_at <= at:
                self._open(cause, track, at, number)
        self.ladder.reconsider(alert, track, at)

    def _opening(self, cause: Cause, at: datetime) -> datetime | None:
        """Return when an alert opens that could open at an instant: about devices and lines while the practice is open."""
        if cause == "line":
            return watchful(self.ladder.calendar, at)
        return watchful(self.ladder.calendar, at, SETTLE) if cause in DEVICE_CAUSES else at

    def _fire(self, cause: Cause, track: Track, at: datetime, policy: Policy) -> None:
        if track.opens_at is not None and track.opens_at <= at:
            later = self._opening(cause, at)  # the opening hours may have changed since
            if later is None or later > at:
                track.opens_at = later
            else:
                self._open(cause, track, at, None)
        alert = track.living
        if alert is None:
            return
        if alert.clears_at is not None and alert.clears_at <= at:
            self._close(track, alert, at, None, {})
            return
        if alert.snoozed_until is not None and alert.snoozed_until <= at:
            alert.snoozed_until = None
            if alert.status == "snoozed":
                alert.status = "open"
                self.ladder.change(alert, track, "updated", at, None, {"because": "snooze_ended"})
                self.ladder.begin(alert, track, at)
        self.ladder.climb(alert, track, at, policy)

    def _open(self, cause: Cause, track: Track, at: datetime, number: int | None) -> None:
        policy = self.terms.policy_at(at)
        track.opens_at = None
        shown = members_shown(track.members)
        since = min(track.members[key].since for key in shown)
        severity = severity_of(cause, track, policy)
        last = track.alert
        track.openings = [each for each in track.openings if at - each < policy.flapping.within] + [at]
        flapping = len(track.openings) >= policy.flapping.openings
        if (
            last is not None
            and last.closed_at is not None
            and (flapping or at - last.closed_at <= policy.reopen_within)
        ):
            last.flapping, last.severity = last.flapping or flapping, severity
            self._reopen(track, last, at, number, because="again")
            return
        name = f"{self.practice_id}|{cause}|{at.isoformat()}"
        alert = Alert(uuid5(_NAMESPACE, name), cause, severity, opened_at=at, since=since)
        track.alert = alert
        self.ladder.change(alert, track, "opened", at, number, {})
        self.ladder.begin(alert, track, at)

    def _reopen(self, track: Track, alert: Alert, at: datetime, number: int | None, *, because: str) -> None:
        alert.status, alert.closed_at, alert.clears_at = "open", None, None
        alert.acknowledged_at = alert.acknowledged_by = alert.snoozed_until = None
        alert.reopenings += 1
        alert.told = []  # whoever is told now hears of it as of something that came back
        self.ladder.change(alert, track, "reopened", at, number, {"because": because})
        self.ladder.begin(alert, track, at)

    def _keep(
        self, track: Track, alert: Alert, moved: tuple[frozenset[str], frozenset[str]], at: datetime, number: int
    ) -> None:
        """Bring a living alert in line: somebody joined, somebody left, nobody is left, or it became graver."""
        joined, left = moved
        policy = self.terms.policy_at(at)
        if not track.members:
            if alert.clears_at is None:
                wait = policy.flapping.hold if alert.flapping else policy.causes[alert.cause].close_after
                alert.clears_at = at + wait
                if alert.clears_at <= at:
                    self._close(track, alert, at, number, {})
                else:
                    self.ladder.change(alert, track, "updated", at, number, {"left": sorted(left)})
            return
        if alert.clears_at is not None and alert.flapping:
            self.ladder.hold_back(alert, track, "alert.reopened", at, "flapping")
        alert.clears_at = None
        severity = severity_of(alert.cause, track, policy)
        graver = RANK[severity] < RANK[alert.severity]
        detail = {
            "joined": sorted(joined),
            "left": sorted(left),
            "severity": severity if severity != alert.severity else "",
        }
        alert.severity = severity
        if any(detail.values()):
            self.ladder.change(alert, track, "updated", at, number, detail)
        if joined and alert.status == "resolved":
            self._reopen(track, alert, at, number, because="more")
        elif graver:
            alert.status = "snoozed" if alert.snoozed_until is not None else "open"
            self.ladder.begin(alert, track, at)
        elif joined:
            self.ladder.gather(alert, track, at)

    def _close(self, track: Track, alert: Alert, at: datetime, number: int | None, detail: dict[str, str]) -> None:
        alert.status, alert.closed_at = "closed", at
        alert.clears_at = alert.step_at = alert.update_at = alert.snoozed_until = None
        alert.flapping = False
        self.ladder.change(alert, track, "closed", at, number, detail)
        self.ladder.end(alert, track, at)


def severity_of(cause: Cause, track: Track, policy: Policy) -> Severity:
    """Return how grave a cause is at a practice now."""
    severity = policy.causes[cause].severity
    if cause == "silent" and severity != "off":
        roles = {track.members[key].detail.get("role") for key in members_shown(track.members)}
        if roles & SERVERS and policy.server_silent != "off":
            return min(severity, policy.server_silent, key=RANK.__getitem__)
    return severity
