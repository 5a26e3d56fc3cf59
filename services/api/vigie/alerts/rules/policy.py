"""How a provider wants to be alerted: a value, with defaults that serve without anybody setting anything. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from vigie.alerts.rules.local_time import Span, Weekly

Cause = Literal[
    "line", "silent", "machine_off", "agent", "backup", "protection", "patch", "clone", "renewal", "opening"
]
CAUSES: Final[tuple[Cause, ...]] = (
    "line",
    "silent",
    "machine_off",
    "agent",
    "backup",
    "protection",
    "patch",
    "clone",
    "renewal",
)
"""What an alert can be about; `opening` is kept for the check before a working day, which opens no alert."""

Severity = Literal["critical", "warning", "info", "off"]
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "warning", "info", "off")
RANK: Final[Mapping[str, int]] = {name: number for number, name in enumerate(SEVERITIES)}


@dataclass(frozen=True, slots=True)
class CausePolicy:
    """How one cause is treated.

    ``open_after``: how long it holds before an alert opens; ``close_after``: how long it must be gone before the alert closes.
    ``while_closed``: whether its notifications wait while the practice is closed. ``ignore``: controls that raise nothing.
    """

    severity: Severity
    open_after: timedelta
    close_after: timedelta
    while_closed: Literal["wait", "send"] = "wait"
    ignore: frozenset[str] = frozenset()


def _cause(severity: Severity, open_min: int, close_min: int) -> CausePolicy:
    return CausePolicy(severity, timedelta(minutes=open_min), timedelta(minutes=close_min))


# A machine that was switched off cleanly is nobody's emergency, but should not be forgotten: ten days are longer than a week's
# leave. Whether it was the line that went down is known when the first device of a practice falls silent, or soon after.
DEFAULT_CAUSES: Final[Mapping[Cause, CausePolicy]] = {
    "line": _cause("critical", 0, 15),
    "silent": _cause("warning", 30, 15),
    "machine_off": _cause("info", 10 * 24 * 60, 15),
    "agent": _cause("warning", 30, 60),
    "backup": _cause("critical", 15, 15),
    "protection": _cause("critical", 30, 30),
    "patch": _cause("warning", 60, 60),
    "clone": _cause("warning", 0, 0),
    "renewal": _cause("info", 0, 0),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of the ladder: how long after the first, and who is told."""

    after: timedelta
    to: Literal["everyone", "on_call"] | tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody on the rota: the channels that reach them, and perhaps a member, who gets mail."""

    label: str
    channels: tuple[UUID, ...]
    member: UUID | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody stands in from one instant until another."""

    starts_at: datetime
    ends_at: datetime
    turn: Turn


@dataclass(frozen=True, slots=True)
class OnCall:
    """A rota of whole weeks, handed over at a local time; ``first``: a Monday's ordinal in whose week the first turn begins."""

    zone: ZoneInfo
    weekday: int
    minute: int
    first: int
    turns: tuple[Turn, ...]
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours in which the provider's people are left alone, but for the severities that pass."""

    zone: ZoneInfo
    weekly: Weekly
    passes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Flapping:
    """An alert that opened ``openings`` times ``within`` a time is kept open until its cause is gone for ``hold``."""

    openings: int = 4
    within: timedelta = timedelta(hours=24)
    hold: timedelta = timedelta(hours=12)


_NIGHT = (Span(0, 7 * 60), Span(20 * 60, 24 * 60))
_PARIS = ZoneInfo("Europe/Paris")
DEFAULT_QUIET: Final = Quiet(_PARIS, (_NIGHT,) * 6 + ((Span(0, 24 * 60),),), frozenset({"critical"}))
_EVERYONE: Final = Step(timedelta(0), "everyone")
DEFAULT_LADDERS: Final[Mapping[str, tuple[Step, ...]]] = {
    "critical": (_EVERYONE, Step(timedelta(hours=2), "everyone")),
    "warning": (_EVERYONE,),
    "info": (),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What a provider decided about alerts.

    ``server_silent``: severity of silence when a server or a NAS is among the silent. ``reopen_within``: a cause that comes back so
    soon reopens its alert instead of opening another. ``group``: how long further news of an alert are gathered before one message.
    """

    causes: Mapping[Cause, CausePolicy] = field(default_factory=lambda: DEFAULT_CAUSES)
    server_silent: Severity = "critical"
    ladders: Mapping[str, tuple[Step, ...]] = field(default_factory=lambda: DEFAULT_LADDERS)
    on_call: OnCall | None = None
    quiet: Quiet | None = DEFAULT_QUIET
    flapping: Flapping = Flapping()
    reopen_within: timedelta = timedelta(minutes=60)
    group: timedelta = timedelta(minutes=60)
    tell_closed: bool = True

    def with_causes(self, changed: Mapping[Cause, CausePolicy]) -> "Policy":
        """Return the policy with some causes treated otherwise."""
        return replace(self, causes={**self.causes, **changed})
