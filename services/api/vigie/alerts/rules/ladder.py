"""Who is told of an alert, when, and what is held back: the rungs of the ladder, gathered news, the end. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from vigie.alerts.rules.gates import Gate, gate_of
from vigie.alerts.rules.model import Alert, Calendar, Change, Effect, Note, Terms, Track, members_shown
from vigie.alerts.rules.policy import Policy, Step
from vigie.alerts.rules.rota import on_call_at

_SHOWN = 20


class Ladder:
    """Turns the course of an alert into changes and notifications. `calendar`: when the practice is open, at this instant."""

    def __init__(self, terms: Terms, practice_id: UUID, effects: list[Effect]) -> None:
        self.terms = terms
        self.practice_id = practice_id
        self.effects = effects
        self.calendar: Calendar | None = None

    def change(
        self,
        alert: Alert,
        track: Track,
        kind: str,
        at: datetime,
        number: int | None,
        detail: dict[str, Any],
    ) -> None:
        """Note that something happened to an alert. `detail` with `by`: a person did it, and the log has it already."""
        alert.since = min((each.since for each in track.members.values()), default=alert.since)
        members = tuple(sorted(members_shown(track.members)))
        by_event = "by" in detail
        self.effects.append(Change(alert, kind, at, number, detail, alert.severity, members, by_event=by_event))

    def begin(self, alert: Alert, track: Track, at: datetime) -> None:
        """Start the ladder from its first rung."""
        policy = self.terms.policy_at(at)
        steps = policy.ladders.get(alert.severity, ())
        alert.step, alert.base, alert.update_at, alert.waits = 0, at, None, None
        if not steps:
            alert.step_at = None
            self._note(alert, track, self._kind(alert), at, (None, None), Gate("below_severity", at))
            return
        alert.step_at = at + steps[0].after
        if alert.step_at <= at:
            self.climb(alert, track, at, policy)

    def climb(self, alert: Alert, track: Track, at: datetime, policy: Policy) -> None:
        """Try the rung that is due, and the news that are."""
        if alert.step_at is not None and alert.step_at <= at:
            self._try_step(alert, track, at, policy)
        if alert.update_at is not None and alert.update_at <= at:
            self._try_update(alert, track, at, policy)

    def _try_step(self, alert: Alert, track: Track, at: datetime, policy: Policy) -> None:
        steps = policy.ladders.get(alert.severity, ())
        if alert.step >= len(steps):
            alert.step_at = None
            return
        step, kind = steps[alert.step], self._kind(alert)
        gate = self._gate(alert, track, at, policy)
        if gate is not None:
            if self._is_news(alert, gate):
                self._note(alert, track, kind, at, (alert.step, None), gate)
            alert.step_at = gate.until
            return
        alert.waits = None
        self._tell(alert, track, kind, at, alert.step, self._targets(step, at, policy))
        if alert.step:
            self.change(alert, track, "escalated", at, None, {"step": alert.step})
        late = at - ((alert.base or at) + step.after)  # what was held back holds the following rungs back, too
        alert.base = (alert.base or at) + late
        alert.step += 1
        alert.step_at = alert.base + steps[alert.step].after if alert.step < len(steps) else None

    def gather(self, alert: Alert, track: Track, at: datetime) -> None:
        """Tell of further news, at once or together with what else comes within the time that news are gathered for."""
        policy = self.terms.policy_at(at)
        if not alert.told or alert.told_at is None or alert.status == "resolved" or alert.update_at is not None:
            return  # nobody was told yet: the first message will say it, or the next one gathers it
        alert.update_at = max(at, alert.told_at + policy.group)
        if alert.update_at > at:
            self._note(alert, track, "alert.updated", at, (None, None), Gate("grouped", alert.update_at))
        else:
            self._try_update(alert, track, at, policy)

    def _try_update(self, alert: Alert, track: Track, at: datetime, policy: Policy) -> None:
        gate = self._gate(alert, track, at, policy)
        if gate is not None:
            self._note(alert, track, "alert.updated", at, (None, None), gate)
            alert.update_at = gate.until
            return
        alert.update_at = None
        self._tell(alert, track, "alert.updated", at, None, list(alert.told))

    def end(self, alert: Alert, track: Track, at: datetime) -> None:
        """Tell those who were told that it is over; at night they learn it from the digest."""
        policy = self.terms.policy_at(at)
        if policy.tell_closed and alert.told:
            gate = self._gate(alert, track, at, policy)
            if gate is not None:
                self._note(alert, track, "alert.closed", at, (None, None), gate)
            else:
                self._tell(alert, track, "alert.closed", at, None, list(alert.told))
        alert.told, alert.waits = [], None

    def reconsider(self, alert: Alert | None, track: Track, at: datetime) -> None:
        """Try again at once what waits for a window, the practice's or the provider's hours: they may have changed."""
        if alert is None or alert.status != "open" or alert.waits is None or alert.step_at is None:
            return
        if alert.step_at > at:
            self._try_step(alert, track, at, self.terms.policy_at(at))

    def hold_back(self, alert: Alert, track: Track, kind: str, at: datetime, why: str) -> None:
        """Note in the ledger that something is not told of."""
        self._note(alert, track, kind, at, (None, None), Gate(why, at))

    def _gate(self, alert: Alert, track: Track, at: datetime, policy: Policy) -> Gate | None:
        members = members_shown(track.members)
        return gate_of(alert, members, at, (self.practice_id, self.calendar), (self.terms, policy))

    @staticmethod
    def _is_news(alert: Alert, gate: Gate) -> bool:
        """Whether the ledger does not say it yet."""
        said = f"{gate.why} {gate.until.isoformat()}"
        if alert.waits == said:
            return False
        alert.waits = said
        return True

    @staticmethod
    def _kind(alert: Alert) -> str:
        if alert.step:
            return "alert.escalated"
        if alert.told:
            return "alert.updated"
        return "alert.reopened" if alert.reopenings else "alert.opened"

    def _targets(self, step: Step, at: datetime, policy: Policy) -> list[str]:
        if step.to == "everyone":
            return [f"channel:{each.id}" for each in self.terms.channels if each.lives(at)]
        if step.to == "on_call":
            turn = on_call_at(policy.on_call, at)
            if turn is None:
                return []
            found = [f"channel:{each}" for each in turn.channels]
            return [*found, f"member:{turn.member}"] if turn.member is not None else found
        return [f"channel:{each}" for each in step.to]

    def _tell(
        self, alert: Alert, track: Track, kind: str, at: datetime, step: int | None, targets: Sequence[str]
    ) -> None:
        channels = {f"channel:{each.id}": each for each in self.terms.channels if each.lives(at)}
        reached = []
        for target in targets:
            channel = channels.get(target)
            if channel is None and target.startswith("channel:"):
                continue
            why = channel.refuses(alert.cause, alert.severity, self.practice_id) if channel is not None else None
            if why is None:
                reached.append(target)
            self._note(alert, track, kind, at, (step, target), Gate(why, at) if why else None)
        if not any(target in channels or target.startswith("member:") for target in targets):
            self._note(alert, track, kind, at, (step, None), Gate("no_channel", at))
        if reached:
            alert.told_at = at
            alert.told = sorted({*alert.told, *reached})

    def _note(
        self,
        alert: Alert,
        track: Track,
        kind: str,
        at: datetime,
        where: tuple[int | None, str | None],
        gate: Gate | None,
    ) -> None:
        step, target = where
        why, until = gate if gate is not None else (None, None)
        data = _told_of(alert, track)
        self.effects.append(Note(alert.id, kind, at, step, target, why, until if until != at else None, data))


def _told_of(alert: Alert, track: Track) -> dict[str, Any]:
    """Return what a message says of an alert: codes and instants; the words are chosen when it is written."""
    shown = {key: track.members[key] for key in sorted(members_shown(track.members))}
    devices = [
        {"id": key, "alias": each.detail["alias"]}
        for key, each in shown.items()
        if each.detail.get("alias") is not None
    ]
    # What is to be renewed may be an exception: then it is about the control it excepts.
    controls = [
        {"control": each.detail.get("control", key), "reason": each.detail["reason"]}
        for key, each in shown.items()
        if "reason" in each.detail
    ]
    return {
        "cause": alert.cause,
        "severity": alert.severity,
        "since": alert.since,
        "opened_at": alert.opened_at,
        "closed_at": alert.closed_at,
        "devices": devices[:_SHOWN],
        "controls": controls[:_SHOWN],
        "count": len(shown),
        "step": alert.step,
    }
