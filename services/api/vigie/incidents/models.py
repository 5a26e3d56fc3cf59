"""Incidents: what was declared, its steps, its two notices, its log, its sealed evidence."""

from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vigie.auth.models import one_of
from vigie.core.db import TENANT, Base

Kind = Literal["ransomware", "intrusion", "phishing", "data_leak", "theft_or_loss", "outage", "other"]
EntryKind = Literal["declared", "note", "step_done", "step_undone", "notified", "frozen", "closed"]
KINDS: tuple[str, ...] = get_args(Kind)
ENTRY_KINDS: tuple[str, ...] = get_args(EntryKind)


def _of_incident() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["provider_id", "incident_id"], ["incident.provider_id", "incident.id"])


class Incident(Base):
    """An attack or a breach that somebody declared. `known_at`: when it became known; `edition`: of the steps that go with it."""

    __tablename__ = "incident"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        CheckConstraint(one_of("kind", KINDS), name="kind"),
        CheckConstraint("known_at <= declared_at", name="known_at"),
        CheckConstraint("(closed_at IS NULL) = (lessons IS NULL)", name="closed"),
        Index("ix_incident_practice", "provider_id", "practice_id", "id"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()
    kind: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(String(2000))
    known_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    edition: Mapped[str] = mapped_column(String(16))
    declared_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    declared_by: Mapped[str] = mapped_column(Text)
    declared_by_name: Mapped[str] = mapped_column(String(160))
    declared_by_role: Mapped[str | None] = mapped_column(Text)
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_by: Mapped[str | None] = mapped_column(Text)
    closed_by_name: Mapped[str | None] = mapped_column(String(160))
    lessons: Mapped[str | None] = mapped_column(String(4000))


class IncidentStep(Base):
    """Whether a step was ticked, and who last said so. A step nobody touched has no row."""

    __tablename__ = "incident_step"
    __table_args__ = (_of_incident(), TENANT)

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(String(40), primary_key=True)
    done: Mapped[bool] = mapped_column(Boolean)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    by: Mapped[str] = mapped_column(Text)
    by_name: Mapped[str] = mapped_column(String(160))


class IncidentNotice(Base):
    """What was done about a clock: `at` when complaint or notification was made, or when it was decided that none is due."""

    __tablename__ = "incident_notice"
    __table_args__ = (
        _of_incident(),
        CheckConstraint("clock IN ('complaint', 'cnil')", name="clock"),
        CheckConstraint("outcome IN ('done', 'not_required')", name="outcome"),
        CheckConstraint("outcome = 'done' OR reason IS NOT NULL", name="reason"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(primary_key=True)
    clock: Mapped[str] = mapped_column(Text, primary_key=True)
    outcome: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    reference: Mapped[str | None] = mapped_column(String(120))
    reason: Mapped[str | None] = mapped_column(String(1000))
    noted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    by: Mapped[str] = mapped_column(Text)
    by_name: Mapped[str] = mapped_column(String(160))


class IncidentEntry(Base):
    """A line of the log: `at` when it happened, `recorded_at` when it was written. Never changed, never removed."""

    __tablename__ = "incident_entry"
    __table_args__ = (
        _of_incident(),
        CheckConstraint(one_of("kind", ENTRY_KINDS), name="kind"),
        CheckConstraint("(kind = 'note') = (text IS NOT NULL)", name="text"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    text: Mapped[str | None] = mapped_column(String(2000))
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)
    by: Mapped[str] = mapped_column(Text)
    by_name: Mapped[str] = mapped_column(String(160))


class IncidentEvidence(Base):
    """The sealed archive of an incident: made once, kept as it is. `complete`: nothing had to be left out for its size."""

    __tablename__ = "incident_evidence"
    __table_args__ = (_of_incident(), CheckConstraint("size = octet_length(content)", name="size"), TENANT)

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(primary_key=True)
    frozen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    from_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    until_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    lines: Mapped[dict[str, int]] = mapped_column(JSONB)
    complete: Mapped[bool] = mapped_column(Boolean)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int] = mapped_column(Integer)
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    by: Mapped[str] = mapped_column(Text)
    by_name: Mapped[str] = mapped_column(String(160))
