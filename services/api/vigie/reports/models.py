"""Reports as they were issued, their numbers, when they are made by themselves, and the provider's logo."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from vigie.core.db import TENANT, Base

MOST_BYTES = 4 * 1024 * 1024


def _of_practice() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"])


class Report(Base):
    """A report as it was issued, with the very bytes; the application may insert and read reports, and change none.

    `data_sha256`: of what the report says, printed on it. `audit_after`: the audit's entry of it has a greater number.
    `code_hash`: of the code in its QR code.
    """

    __tablename__ = "report"
    __table_args__ = (
        _of_practice(),
        UniqueConstraint("provider_id", "number"),
        UniqueConstraint("provider_id", "code_hash"),
        CheckConstraint("language IN ('fr', 'en')", name="language"),
        CheckConstraint("origin IN ('request', 'schedule')", name="origin"),
        CheckConstraint("period_from <= period_to", name="period"),
        CheckConstraint(f"size = length(content) AND size <= {MOST_BYTES}", name="size"),
        Index("ix_report_practice", "provider_id", "practice_id", "id"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()
    number: Mapped[int] = mapped_column(BigInteger)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    language: Mapped[str] = mapped_column(String(2))
    origin: Mapped[str] = mapped_column(Text)
    period_from: Mapped[date] = mapped_column(Date)
    period_to: Mapped[date] = mapped_column(Date)
    as_of: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    issued_on: Mapped[date] = mapped_column(Date)
    made_by: Mapped[str | None] = mapped_column(Text)
    made_by_name: Mapped[str | None] = mapped_column(String(160))
    data_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int] = mapped_column(Integer)
    audit_after: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class ReportHead(Base):
    """How many reports a provider has issued; its row lock gives the numbers (a sequence would leave gaps)."""

    __tablename__ = "report_head"
    __table_args__ = (TENANT,)

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    last_number: Mapped[int] = mapped_column(Integer)


class ReportSchedule(Base):
    """When reports are made by themselves, and who is told: of one practice, or (`practice_id` null) of all without their own.

    `next_at`: when to look for what is due; null when it is switched off.
    """

    __tablename__ = "report_schedule"
    __table_args__ = (
        _of_practice(),
        ForeignKeyConstraint(["provider_id", "channel_id"], ["channel.provider_id", "channel.id"]),
        CheckConstraint("day BETWEEN 1 AND 28", name="day"),
        CheckConstraint("language IN ('fr', 'en')", name="language"),
        CheckConstraint("(next_at IS NOT NULL) = enabled", name="next_at"),
        Index("ix_report_schedule_next_at", "next_at", postgresql_where="next_at IS NOT NULL"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(
        Computed("coalesce(practice_id, provider_id)", persisted=True), primary_key=True
    )
    practice_id: Mapped[UUID | None] = mapped_column()
    enabled: Mapped[bool] = mapped_column(Boolean)
    day: Mapped[int] = mapped_column(SmallInteger)
    language: Mapped[str] = mapped_column(String(2))
    channel_id: Mapped[UUID | None] = mapped_column()
    members: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    next_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    changed_by: Mapped[str] = mapped_column(Text)


class ReportRun(Base):
    """The report of a month of a practice, made by itself: at most one row, so that each month is told of once.

    Without `report_id`, making it failed; it is tried again from `retry_at` on.
    """

    __tablename__ = "report_run"
    __table_args__ = (
        _of_practice(),
        ForeignKeyConstraint(["provider_id", "report_id"], ["report.provider_id", "report.id"]),
        CheckConstraint("(report_id IS NULL) = (retry_at IS NOT NULL)", name="outcome"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(Date, primary_key=True)
    report_id: Mapped[UUID | None] = mapped_column()
    failures: Mapped[int] = mapped_column(SmallInteger)
    retry_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ProviderLogo(Base):
    """The provider's logo on its reports: a PNG, checked and written anew without what is not picture."""

    __tablename__ = "provider_logo"
    __table_args__ = (TENANT,)

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    width: Mapped[int] = mapped_column(SmallInteger)
    height: Mapped[int] = mapped_column(SmallInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    changed_by: Mapped[str] = mapped_column(Text)
