"""Findings, the materialised posture of each practice, the runs of its backups; what it is judged by: policies and exceptions."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vigie.core.db import TENANT, Base

_HEADLINE = "IN ('ok', 'warning', 'critical', 'unknown')"


class Finding(Base):
    """The state of one control on one device, or on the practice itself (`subject_id` is then the practice)."""

    __tablename__ = "finding"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        CheckConstraint("state IN ('pass', 'warn', 'fail', 'unknown', 'not_applicable')", name="state"),
        Index("ix_finding_practice", "provider_id", "practice_id", "control"),
        TENANT | {"postgresql_with": {"fillfactor": "60"}},
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    control: Mapped[str] = mapped_column(Text, primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()
    state: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    valid_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    assessed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    threshold: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Posture(Base):
    """The verdict on a practice, as lists read it; `controls` counts the devices per control and state.

    `answers`: control → state of what is judged for the practice itself, from attestations and dated records.
    """

    __tablename__ = "posture"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        *(CheckConstraint(f"{name} {_HEADLINE}", name=name) for name in ("patch", "backup", "checklist", "liveness")),
        CheckConstraint(f"overall {_HEADLINE}", name="overall"),
        Index("ix_posture_rank", "provider_id", "rank", "practice_id"),
        *(
            Index(f"ix_posture_{name}", "provider_id", name, "rank", "practice_id")
            for name in ("overall", "patch", "backup", "checklist", "liveness")
        ),
        Index("ix_posture_score", "provider_id", "score", "practice_id"),
        TENANT | {"postgresql_with": {"fillfactor": "70"}},
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    rank: Mapped[int] = mapped_column(SmallInteger)
    overall: Mapped[str] = mapped_column(Text)
    patch: Mapped[str] = mapped_column(Text)
    backup: Mapped[str] = mapped_column(Text)
    checklist: Mapped[str] = mapped_column(Text)
    liveness: Mapped[str] = mapped_column(Text)
    since: Mapped[dict[str, str]] = mapped_column(JSONB)
    controls: Mapped[dict[str, Any]] = mapped_column(JSONB)
    answers: Mapped[dict[str, str]] = mapped_column(JSONB)
    score: Mapped[int | None] = mapped_column(SmallInteger)
    devices: Mapped[dict[str, int]] = mapped_column(JSONB)
    assessed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class BackupRun(Base):
    """One finished run of a backup job of a device; a failure is not hidden by the next success."""

    __tablename__ = "backup_run"
    __table_args__ = (
        Index("ix_backup_run_ended_at", "provider_id", "ended_at"),
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(primary_key=True)
    job: Mapped[str] = mapped_column(Text, primary_key=True)
    ended_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()
    status: Mapped[str] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(Text)
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)


def _of_practice() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"])


class OwnPolicy(Base):
    """The thresholds that a provider, or one of its practices (`practice_id`), sets otherwise than the defaults.

    `subject_id`: the practice, or the provider itself. `thresholds`: family → key → value, only what is set.
    """

    __tablename__ = "policy"
    __table_args__ = (
        _of_practice(),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(
        Computed("coalesce(practice_id, provider_id)", persisted=True), primary_key=True
    )
    practice_id: Mapped[UUID | None] = mapped_column()
    thresholds: Mapped[dict[str, Any]] = mapped_column(JSONB)
    revision: Mapped[int] = mapped_column(Integer)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    changed_by: Mapped[str] = mapped_column(Text)


class ControlException(Base):
    """An accepted deviation of a practice, or of one of its devices, from one control; it always ends.

    `expiring_told_at`, `end_told_at`: when the events that say so were appended; null: not yet.
    """

    __tablename__ = "control_exception"
    __table_args__ = (
        _of_practice(),
        ForeignKeyConstraint(["provider_id", "device_id"], ["device.provider_id", "device.id"]),
        CheckConstraint("author_kind IN ('client', 'member')", name="author_kind"),
        CheckConstraint("starts_at < ends_at", name="period"),
        Index("ix_control_exception_practice", "provider_id", "practice_id", "ends_at"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()
    device_id: Mapped[UUID | None] = mapped_column()
    control: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(String(1000))
    document_ref: Mapped[str | None] = mapped_column(String(200))
    compensating_measure: Mapped[str | None] = mapped_column(String(1000))
    author_kind: Mapped[str] = mapped_column(Text)
    author_id: Mapped[str] = mapped_column(Text)
    author_name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_by: Mapped[str | None] = mapped_column(Text)
    expiring_told_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    end_told_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Reassessment(Base):
    """A practice to judge anew at `due_at`: its policy, an exception or a device's role changed, or will by then.

    `request` is another one each time it is asked for, so that whoever works on it sees that it was asked for again meanwhile.
    """

    __tablename__ = "reassessment"
    __table_args__ = (_of_practice(), Index("ix_reassessment_due_at", "due_at"), TENANT)

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    request: Mapped[UUID] = mapped_column()
    controls: Mapped[dict[str, bool] | None] = mapped_column(JSONB)
    failures: Mapped[int] = mapped_column(Integer)


class ScoreDay(Base):
    """The score of a practice at the end of a day (UTC) on which its points changed, with the half points it is made of."""

    __tablename__ = "score_day"
    __table_args__ = (_of_practice(), TENANT)

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    score: Mapped[int | None] = mapped_column(SmallInteger)
    earned: Mapped[int] = mapped_column(Integer)
    possible: Mapped[int] = mapped_column(Integer)
