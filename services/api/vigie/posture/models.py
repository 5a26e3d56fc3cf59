"""Findings, the materialised posture of each practice, and the runs of its backups."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKeyConstraint, Index, SmallInteger, Text
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
