"""What a report is made from: plain values, gathered by whoever may read every slice (`overview/reporting.py`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from vigie.reports.rules import Period

Language = Literal["fr", "en"]
Party = Literal["supplier", "practitioner"]
Way = Literal["session", "recorded"]


@dataclass(frozen=True, slots=True)
class DeviceFact:
    """A device: what it is called, what it is, and when it was last heard."""

    id: str
    alias: str
    role: str
    system: str | None
    last_seen_at: datetime | None
    silent: bool


@dataclass(frozen=True, slots=True)
class Change:
    """Something that changed: an event's kind, when it became true, the device it is about, what it says."""

    kind: str
    happened_at: datetime
    device_id: str | None
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExceptionFact:
    """A deviation that somebody accepted, for a device or the whole practice."""

    control: str
    device: str | None
    reason: str
    measure: str | None
    author: str
    starts_at: datetime
    ends_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class SignatureFact:
    """Who signed a questionnaire, for which party, when, and how that is known."""

    party: Party
    name: str
    signed_on: date
    way: Way
    content_hash: str


@dataclass(frozen=True, slots=True)
class QuestionnaireFact:
    """A questionnaire of a supplier: its title, where it stands, who signed its current revision."""

    title: str
    supplier: str
    status: str
    revision: int
    signatures: Sequence[SignatureFact]


@dataclass(frozen=True, slots=True)
class RestoreFact:
    """A restore that somebody tried."""

    tested_on: date
    scope: str
    result: str
    minutes: int | None
    tested_by: str


@dataclass(frozen=True, slots=True)
class IncidentFact:
    """A declared incident: its kind, since when it is known, when it was closed."""

    kind: str
    known_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class AlertFact:
    """Alerts of one cause that were opened in the period, and how many of them are still open."""

    cause: str
    opened: int
    living: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a report of a practice is made from.

    `checklist`: as `GET /v1/practices/{id}/checklist` shows it, in the language of the report. `changes`: the latest first, at
    most as many as were asked for; `more_changes`: how many were left out.
    """

    provider: str
    practice: str
    city: str | None
    profession: str
    as_of: datetime
    period: Period
    checklist: Mapping[str, Any]
    score: Sequence[tuple[date, int | None]]
    devices: Sequence[DeviceFact]
    changes: Sequence[Change]
    more_changes: int
    exceptions: Sequence[ExceptionFact]
    questionnaires: Sequence[QuestionnaireFact]
    restores: Sequence[RestoreFact]
    incidents: Sequence[IncidentFact]
    alerts: Sequence[AlertFact]
