"""A device on its way through the deadlines it has passed, as the sweep walks it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vigie.devices.cadence import Outage, first_missed, patience_of, silent_after
from vigie.posture.assessment import PracticeKey
from vigie.posture.terms import Terms


@dataclass(frozen=True, slots=True)
class SweepTime:
    """When the sweep looks, which outages of ours it allows for, and whether one goes on, so that silence is not told."""

    now: datetime
    outages: tuple[Outage, ...] = ()
    hold: bool = False


@dataclass(slots=True, eq=False)
class Course:
    """A claimed device: its liveness and what it is, its sections, and the instants it has yet to pass."""

    row: Mapping[str, Any]
    terms: Terms
    outages: Sequence[Outage]
    review_at: datetime | None  # its findings, or the inventory of its practice, change by themselves
    silent_after: datetime | None  # it counts as silent; None: it is already
    due: bool  # its stored deadline has passed; others are only there to fall silent with one that is
    told: bool  # whether silence may be told now
    carried: datetime | None = None  # of one that is not due: when the inventory of its practice changes by its silence
    sections: Mapping[str, Any] | None = None  # read when they are looked at: silence looks at none

    @property
    def practice(self) -> PracticeKey:
        """Return the key of the practice."""
        return self.row["provider_id"], self.row["practice_id"]

    @property
    def fell_silent(self) -> bool:
        """Whether its silence was told since it was claimed."""
        return self.silent_after is None and self.row["silent_since"] is None

    @property
    def may_tell_of_the_line(self) -> bool:
        """Whether it stays in its practice and was alive until now: then its silence says something about the line."""
        return self.row["role"] != "laptop" and self.row["last_seen_at"] is not None and self.silent_after is not None

    @property
    def missed_at(self) -> datetime:
        """Return when the first report of a device that was ever heard was missing."""
        return first_missed(self.row["last_seen_at"], self.row["slot_s"], self.terms.calendar, self.outages)

    def next_instant(self, now: datetime) -> datetime | None:
        """Return the earliest instant that has passed and is not dealt with."""
        silent = self.silent_after if self.told else None
        review = self.review_at if self.due else None
        return min((at for at in (review, silent) if at is not None and at <= now), default=None)


def course_of(row: Mapping[str, Any], deadline: Mapping[str, Any], terms: Terms, time: SweepTime) -> Course:
    """Return the course of a device; its stored deadline is a lower bound, because quiet heartbeats do not move it."""
    expected: datetime | None = deadline["silent_after"]
    if row["silent_since"] is not None:
        expected = None
    elif expected is not None:
        patience = patience_of(row["role"], terms.policy.silence)
        heard = row["last_seen_at"]
        exact = silent_after(heard or row["enrolled_at"], row["slot_s"], terms.calendar, patience, time.outages)
        # One that was never heard is expected since it was enrolled or approved: the later of the two.
        expected = exact if heard is not None else max(exact, expected)
    at = deadline["review_at"] if time.hold else deadline["due_at"]
    is_due = at is not None and at <= time.now
    return Course(row, terms, time.outages, deadline["review_at"], expected, is_due, told=not time.hold)
