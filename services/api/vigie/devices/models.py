"""Enrolment tokens, devices, and what devices report."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
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
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vigie.core.db import TENANT, Base


def _of_device(*, cascade: bool = True) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["provider_id", "device_id"],
        ["device.provider_id", "device.id"],
        ondelete="CASCADE" if cascade else None,
    )


class EnrolmentToken(Base):
    """Lets agents join one practice; only its hash is kept."""

    __tablename__ = "enrolment_token"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        UniqueConstraint("provider_id", "token_hash"),
        Index("ix_enrolment_token_practice", "provider_id", "practice_id", "id"),
        CheckConstraint("use_limit >= 1 AND uses >= 0 AND uses <= use_limit", name="uses"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    label: Mapped[str] = mapped_column(String(80))
    needs_approval: Mapped[bool] = mapped_column(Boolean)
    use_limit: Mapped[int] = mapped_column(Integer)
    uses: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Device(Base):
    """A PC, server or NAS of a practice, with one agent; written rarely."""

    __tablename__ = "device"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        UniqueConstraint("provider_id", "public_key"),
        CheckConstraint("status IN ('pending', 'active', 'revoked')", name="status"),
        CheckConstraint("family IN ('windows', 'macos', 'linux', 'nas')", name="family"),
        CheckConstraint("role IN ('workstation', 'laptop', 'server', 'nas')", name="role"),
        Index("ix_device_practice", "provider_id", "practice_id", "id"),
        Index("ix_device_machine_hint", "provider_id", "practice_id", "machine_hint"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()
    alias: Mapped[str] = mapped_column(String(32))
    family: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    key_generation: Mapped[int] = mapped_column(Integer)
    machine_hint: Mapped[bytes] = mapped_column(LargeBinary)
    slot_s: Mapped[int] = mapped_column(Integer)
    enrolled_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    clone_suspect_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class DeviceLiveness(Base):
    """What every heartbeat changes, and nothing else: narrow, no index beside the key, so that updates stay in place (HOT)."""

    __tablename__ = "device_liveness"
    __table_args__ = (
        _of_device(),
        TENANT
        | {
            "postgresql_with": {
                "fillfactor": "50",
                "autovacuum_vacuum_scale_factor": "0.05",
                "autovacuum_vacuum_cost_delay": "0",
            }
        },
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[int] = mapped_column(BigInteger)
    last_seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    silent_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    presence_day: Mapped[date | None] = mapped_column(Date)
    presence_hours: Mapped[int] = mapped_column(Integer)
    key_generation: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(Text)
    body_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    state_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    boot_ref: Mapped[str | None] = mapped_column(Text)
    earlier_boot_ref: Mapped[str | None] = mapped_column(Text)
    agent: Mapped[str | None] = mapped_column(Text)


class DeviceDeadline(Base):
    """When a device has to be looked at without having reported: a lower bound that the sweep moves, not the heartbeat."""

    __tablename__ = "device_deadline"
    __table_args__ = (
        _of_device(),
        Index("ix_device_deadline_due_at", "due_at"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    silent_after: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    review_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class DeviceSection(Base):
    """The latest body of each section of a device; rewritten only when it changed."""

    __tablename__ = "device_section"
    __table_args__ = (_of_device(), TENANT | {"postgresql_with": {"fillfactor": "50"}})

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(primary_key=True)
    section: Mapped[str] = mapped_column(Text, primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)


class DevicePresence(Base):
    """A day of a device as two maps of 24 bits: hours in which it was heard, hours in which it ran but was not heard."""

    __tablename__ = "device_presence"
    __table_args__ = (_of_device(), TENANT)

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    seen_hours: Mapped[int] = mapped_column(Integer)
    ran_hours: Mapped[int] = mapped_column(Integer)


class SectionHistory(Base):
    """What changed with one report; partitioned by month, so that retention drops tables instead of deleting rows."""

    __tablename__ = "section_history"
    __table_args__ = (
        _of_device(),
        TENANT | {"postgresql_partition_by": "RANGE (received_at)"},
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(primary_key=True)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    sections: Mapped[dict[str, Any]] = mapped_column(JSON)  # written as validated, never searched
