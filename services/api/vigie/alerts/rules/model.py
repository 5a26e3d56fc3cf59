"""What the engine remembers of a practice, what it is told, and what it brings about. Pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from vigie.alerts.rules.policy import RANK, Cause, Policy, Severity
from vigie.alerts.rules.windows import Window

Status = Literal["open", "acknowledged", "snoozed", "resolved", "closed"]


@dataclass(slots=True)
class Member:
    """One thing an alert is about: a device or a control, since when it is so, and the event that says so.

    `held`: covered by the practice's line being down; it keeps an open alert open and opens none.
    """

    since: datetime
    number: int
    detail: dict[str, Any] = field(default_factory=dict)
    held: bool = False


@dataclass(slots=True)
class Alert:
    """An alert as the engine keeps it.

    `step`: the next rung of the ladder, tried at `step_at`; `base`: the instant the rungs are counted from. `update_at`: when
    gathered news are sent. `told`: targets that were told, to be told of the end, too. `waits`: why the last attempt was held
    back, and until when.
    """

    id: UUID
    cause: Cause
    severity: Severity
    opened_at: datetime
    since: datetime
    status: Status = "open"
    assignee: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    snoozed_until: datetime | None = None
    closed_at: datetime | None = None
    clears_at: datetime | None = None
    base: datetime | None = None
    step: int = 0
    step_at: datetime | None = None
    update_at: datetime | None = None
    told_at: datetime | None = None
    told: list[str] = field(default_factory=list)
    waits: str | None = None
    flapping: bool = False
    reopenings: int = 0


@dataclass(slots=True)
class Track:
    """One cause at one practice: what it is about now, when an alert opens, the alert, and when alerts of it opened lately."""

    members: dict[str, Member] = field(default_factory=dict)
    opens_at: datetime | None = None
    alert: Alert | None = None
    openings: list[datetime] = field(default_factory=list)

    @property
    def living(self) -> Alert | None:
        """Return the alert that is not closed."""
        return self.alert if self.alert is not None and self.alert.status != "closed" else None


@dataclass(slots=True)
class Silence:
    """A silent device: what is known of why, and whether the line explains it."""

    since: datetime
    number: int
    cause: str
    role: str
    alias: str


@dataclass(slots=True)
class State:
    """What the engine knows of a practice after event `number` and everything due until `at`.

    `hours`: the opening hours as they were told, JSON; None: the practice never closes. `line`: devices behind a line that is down.
    """

    at: datetime | None = None
    number: int = 0
    hours: str | None = None
    zone: str = "Europe/Paris"
    line: frozenset[str] | None = None
    silences: dict[str, Silence] = field(default_factory=dict)
    tracks: dict[Cause, Track] = field(default_factory=dict)

    def due_at(self) -> datetime | None:
        """Return the next instant at which something happens without anybody doing anything."""
        return min((at for track in self.tracks.values() for at in deadlines(track)), default=None)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way: then what changed for all changes nothing here."""
        return not any(track.members or track.living for track in self.tracks.values())


def deadlines(track: Track) -> list[datetime]:
    """Return the instants at which something about a cause is due."""
    alert = track.living
    found = [track.opens_at]
    if alert is not None:
        found += [alert.clears_at, alert.step_at, alert.update_at, alert.snoozed_until]
    return [at for at in found if at is not None]


@dataclass(frozen=True, slots=True)
class Input:
    """An event as the engine reads it. `recorded_at` is its time; `happened_at` is shown."""

    number: int
    kind: str
    device_id: str | None
    happened_at: datetime
    recorded_at: datetime
    payload: Mapping[str, Any]


class Calendar(Protocol):
    """When a practice is open (`vigie.practices.calendar`)."""

    def span_at(self, at: datetime) -> tuple[datetime, datetime] | None:
        """Return from when until when it is open around an instant; None when it is closed then."""
        ...

    def next_opening(self, at: datetime) -> datetime | None:
        """Return when it opens next; None when it does not for years."""
        ...


@dataclass(frozen=True, slots=True)
class Channel:
    """Where alerts go: what it wants to hear of, and from when until when it was there."""

    id: UUID
    created_at: datetime
    ended_at: datetime | None
    minimum: Severity
    causes: frozenset[str] | None
    practices: frozenset[UUID] | None

    def lives(self, at: datetime) -> bool:
        """Whether it was there at an instant."""
        return self.created_at <= at and (self.ended_at is None or at < self.ended_at)

    def refuses(self, cause: str, severity: str, practice_id: UUID) -> str | None:
        """Return why it does not want to hear of an alert; None when it does."""
        if RANK[severity] > RANK[self.minimum]:
            return "below_severity"
        chosen = (self.causes is None or cause in self.causes) and (
            self.practices is None or practice_id in self.practices
        )
        return None if chosen else "not_chosen"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a provider decided, as it held at each instant: policies by the instant they began, windows, channels."""

    policies: tuple[tuple[datetime, Policy], ...]
    windows: tuple[Window, ...]
    channels: tuple[Channel, ...]
    calendar_of: Callable[[str, str], Calendar]

    def policy_at(self, at: datetime) -> Policy:
        """Return the policy of an instant; before the first, the defaults."""
        found: Policy | None = None
        for begins_at, policy in self.policies:
            if begins_at > at:
                break
            found = policy
        return found or _DEFAULT


_DEFAULT = Policy()


@dataclass(frozen=True, slots=True)
class Change:
    """Something happened to an alert. `by_event`: a person did it and the log has it already. `members`: what it was about then."""

    alert: Alert
    kind: str
    at: datetime
    number: int | None
    detail: Mapping[str, Any]
    severity: Severity
    members: tuple[str, ...]
    by_event: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A notification: wanted, or (`why`) held back. `target`: `channel:<id>`, `member:<id>`, or None when nobody was chosen."""

    alert_id: UUID
    kind: str
    at: datetime
    step: int | None
    target: str | None
    why: str | None
    until: datetime | None
    data: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Return what makes it this notification and no other."""
        return f"{self.alert_id}|{self.kind}|{self.at.isoformat()}|{self.step}|{self.target}|{self.why or ''}"


Effect = Change | Note


def members_shown(members: Mapping[str, Member]) -> Collection[str]:
    """Return the members that open alerts and are told of."""
    return [key for key, member in members.items() if not member.held]
