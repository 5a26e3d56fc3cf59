"""Alerts and their course, the engine's memory, the policy of alerting, maintenance windows."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vigie.core.db import TENANT, Base


def _of_practice() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"])


class Alert(Base):
    """Something a person must look at: one per practice and cause while it lives. Written by the engine alone.

    `rank` orders lists, worst first. `members`: what it is about, each with since when and the number of the event that says so.
    """

    __tablename__ = "alert"
    __table_args__ = (
        _of_practice(),
        ForeignKeyConstraint(["provider_id", "assignee_id"], ["member.provider_id", "member.id"]),
        CheckConstraint(
            "cause IN ('line', 'silent', 'machine_off', 'agent', 'backup', 'protection', 'patch', 'clone', 'renewal',"
            " 'opening')",
            name="cause",
        ),
        CheckConstraint("severity IN ('critical', 'warning', 'info')", name="severity"),
        CheckConstraint("status IN ('open', 'acknowledged', 'snoozed', 'resolved', 'closed')", name="status"),
        CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        Index("ix_alert_rank", "provider_id", "rank", "opened_at", "id"),
        Index("ix_alert_practice", "provider_id", "practice_id", "rank", "opened_at", "id"),
        Index(
            "uq_alert_living",
            "provider_id",
            "practice_id",
            "cause",
            unique=True,
            postgresql_where="status <> 'closed'",
        ),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()
    cause: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    rank: Mapped[int] = mapped_column(SmallInteger)
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    condition_since: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    clears_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    acknowledged_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    acknowledged_by: Mapped[str | None] = mapped_column(Text)
    assignee_id: Mapped[UUID | None] = mapped_column()
    snoozed_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    next_step_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    waits_for: Mapped[str | None] = mapped_column(Text)
    flapping: Mapped[bool] = mapped_column()
    reopenings: Mapped[int] = mapped_column(Integer)
    members: Mapped[dict[str, Any]] = mapped_column(JSONB)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class AlertEntry(Base):
    """One line of the course of an alert: what happened, by whom, what they said. `number`: the event behind it."""

    __tablename__ = "alert_entry"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "alert_id"], ["alert.provider_id", "alert.id"]),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    alert_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    kind: Mapped[str] = mapped_column(Text)
    number: Mapped[int | None] = mapped_column(BigInteger)
    by: Mapped[str | None] = mapped_column(Text)
    by_name: Mapped[str | None] = mapped_column(String(160))
    comment: Mapped[str | None] = mapped_column(String(2000))
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)


class AlertState(Base):
    """What the engine knows of a practice after event `number`; `busy`: something is under way; `failures`: pushed aside."""

    __tablename__ = "alert_state"
    __table_args__ = (
        _of_practice(),
        Index("ix_alert_state_due_at", "due_at", postgresql_where="due_at IS NOT NULL"),
        TENANT | {"postgresql_with": {"fillfactor": "60"}},
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[dict[str, Any]] = mapped_column(JSONB)
    busy: Mapped[bool] = mapped_column()
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    checked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    failures: Mapped[int] = mapped_column(Integer)


class AlertCheckpoint(Base):
    """What the engine knew of a practice at an instant: where a rehearsal begins."""

    __tablename__ = "alert_checkpoint"
    __table_args__ = (_of_practice(), TENANT)

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    state: Mapped[dict[str, Any]] = mapped_column(JSONB)


class AlertCursor(Base):
    """How far the engine has read the log of a provider; whoever holds the row is the one who reads."""

    __tablename__ = "alert_cursor"
    __table_args__ = (TENANT,)

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)


class AlertingPolicy(Base):
    """A revision of how a provider wants to be alerted: the draft, the one that applies, those that applied before."""

    __tablename__ = "alerting_policy"
    __table_args__ = (
        CheckConstraint("status IN ('draft', 'active', 'superseded')", name="status"),
        CheckConstraint("(status = 'draft') = (activated_at IS NULL)", name="activated"),
        *(
            Index(f"uq_alerting_policy_{status}", "provider_id", unique=True, postgresql_where=f"status = '{status}'")
            for status in ("draft", "active")
        ),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    revision: Mapped[int] = mapped_column(Integer, primary_key=True)
    status: Mapped[str] = mapped_column(Text)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    changed_by: Mapped[str] = mapped_column(Text)
    activated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class MaintenanceWindow(Base):
    """Announced work: once, or every week; of the provider, of a practice, or of a device. Never deleted: replays read it."""

    __tablename__ = "maintenance_window"
    __table_args__ = (
        _of_practice(),
        ForeignKeyConstraint(["provider_id", "device_id"], ["device.provider_id", "device.id"]),
        CheckConstraint("device_id IS NULL OR practice_id IS NOT NULL", name="device"),
        CheckConstraint("author_kind IN ('client', 'member')", name="author_kind"),
        CheckConstraint("(weekly IS NULL) = (starts_at IS NOT NULL AND ends_at IS NOT NULL)", name="shape"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID | None] = mapped_column()
    device_id: Mapped[UUID | None] = mapped_column()
    starts_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    weekly: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    causes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    controls: Mapped[list[str]] = mapped_column(ARRAY(Text))
    reason: Mapped[str] = mapped_column(String(1000))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    author_kind: Mapped[str] = mapped_column(Text)
    author_id: Mapped[str] = mapped_column(Text)
    author_name: Mapped[str] = mapped_column(Text)
    cancelled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    cancelled_by: Mapped[str | None] = mapped_column(Text)
