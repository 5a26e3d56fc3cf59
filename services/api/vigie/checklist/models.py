"""Answers of people, the evidence they give, the actions a "no" opens, and when each practice has to be judged again."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from vigie.auth.models import one_of
from vigie.core.db import TENANT, Base

ANSWERS = ("yes", "no", "not_applicable")
SIDES = ("provider", "practice")
ACTION_STATUSES = ("open", "done", "dropped")
EVIDENCE_TYPES = ("application/pdf", "image/jpeg", "image/png")


def _of_practice() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"])


class Attestation(Base):
    """A person's answer to a control of a practice. Never rewritten: a later answer supersedes it."""

    __tablename__ = "attestation"
    __table_args__ = (
        _of_practice(),
        CheckConstraint(one_of("answer", ANSWERS), name="answer"),
        CheckConstraint(one_of("side", SIDES), name="side"),
        CheckConstraint("answer <> 'not_applicable' OR reason IS NOT NULL", name="reason"),
        UniqueConstraint("provider_id", "practice_id", "id"),
        Index(
            "uq_attestation_current",
            "provider_id",
            "practice_id",
            "control",
            unique=True,
            postgresql_where="superseded_at IS NULL",
        ),
        Index("ix_attestation_history", "provider_id", "practice_id", "control", "id"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()
    control: Mapped[str] = mapped_column(Text)
    catalogue_version: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(String(1000))
    comment: Mapped[str | None] = mapped_column(String(2000))
    evidence_ref: Mapped[str | None] = mapped_column(String(200))
    effective_on: Mapped[date] = mapped_column(Date)
    answered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    side: Mapped[str] = mapped_column(Text)
    member_id: Mapped[UUID] = mapped_column()
    author_name: Mapped[str] = mapped_column(String(160))
    author_role: Mapped[str] = mapped_column(Text)
    superseded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Evidence(Base):
    """A small file that backs answers of a practice: kept as it came, found again by its digest."""

    __tablename__ = "evidence"
    __table_args__ = (
        _of_practice(),
        CheckConstraint(one_of("media_type", EVIDENCE_TYPES), name="media_type"),
        CheckConstraint("size = octet_length(content)", name="size"),
        UniqueConstraint("provider_id", "practice_id", "id"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()
    name: Mapped[str] = mapped_column(String(120))
    media_type: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    uploaded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    side: Mapped[str] = mapped_column(Text)
    member_id: Mapped[UUID] = mapped_column()
    author_name: Mapped[str] = mapped_column(String(160))


class AttestationEvidence(Base):
    """Which files an answer rests on; both belong to the same practice."""

    __tablename__ = "attestation_evidence"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "practice_id", "attestation_id"],
            ["attestation.provider_id", "attestation.practice_id", "attestation.id"],
        ),
        ForeignKeyConstraint(
            ["provider_id", "practice_id", "evidence_id"],
            ["evidence.provider_id", "evidence.practice_id", "evidence.id"],
        ),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    attestation_id: Mapped[UUID] = mapped_column(primary_key=True)
    evidence_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()


class Action(Base):
    """What somebody has to do because a control was answered "no"; at most one open per practice and control."""

    __tablename__ = "action"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "practice_id", "attestation_id"],
            ["attestation.provider_id", "attestation.practice_id", "attestation.id"],
        ),
        ForeignKeyConstraint(["provider_id", "member_id"], ["member.provider_id", "member.id"]),
        CheckConstraint(one_of("party", SIDES), name="party"),
        CheckConstraint(one_of("status", ACTION_STATUSES), name="status"),
        CheckConstraint("(status = 'open') = (closed_at IS NULL)", name="closed"),
        Index(
            "uq_action_open",
            "provider_id",
            "practice_id",
            "control",
            unique=True,
            postgresql_where="status = 'open'",
        ),
        Index("ix_action_due_on", "provider_id", "due_on", "id"),
        Index("ix_action_practice", "provider_id", "practice_id", "due_on", "id"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()
    control: Mapped[str] = mapped_column(Text)
    attestation_id: Mapped[UUID] = mapped_column()
    party: Mapped[str] = mapped_column(Text)
    member_id: Mapped[UUID | None] = mapped_column()
    due_on: Mapped[date] = mapped_column(Date)
    status: Mapped[str] = mapped_column(Text)
    comment: Mapped[str | None] = mapped_column(String(2000))
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_by: Mapped[str | None] = mapped_column(String(160))


class ChecklistDeadline(Base):
    """When what is judged of a practice itself next changes although nobody does anything; the sweep looks then."""

    __tablename__ = "checklist_deadline"
    __table_args__ = (
        _of_practice(),
        Index("ix_checklist_deadline_due_at", "due_at"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
