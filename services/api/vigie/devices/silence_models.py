"""Silences with their causes, the lines of practices, and what the service noted about itself."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, DateTime, ForeignKeyConstraint, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vigie.core.db import REFERENCE, TENANT, Base


def _of_device() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["provider_id", "device_id"], ["device.provider_id", "device.id"], ondelete="CASCADE")


class DeviceSilence(Base):
    """One silence of a device: since its deadline until it was heard again, with the cause that the evidence speaks for.

    `review_at`: when the cause has to be judged again though nothing was heard.
    """

    __tablename__ = "device_silence"
    __table_args__ = (
        _of_device(),
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        CheckConstraint("cause IN ('unknown', 'machine_off', 'agent_broken', 'line', 'service')", name="cause"),
        Index("ix_device_silence_practice", "provider_id", "practice_id", "since"),
        Index("ix_device_silence_review_at", "review_at", postgresql_where=text("review_at IS NOT NULL")),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()
    last_seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    told_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    cause: Mapped[str] = mapped_column(Text)
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    explained_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    review_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PracticeLine(Base):
    """A time in which nothing that stays in a practice was heard. `confirmed`: its machines ran meanwhile, they proved it."""

    __tablename__ = "practice_line"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        Index(
            "uq_practice_line_down",
            "provider_id",
            "practice_id",
            unique=True,
            postgresql_where=text("until IS NULL"),
        ),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    told_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    confirmed: Mapped[bool | None] = mapped_column(Boolean)


class DeviceRefusal(Base):
    """The last refusal of a device that had proved who it is: its machine runs, and its reports do not arrive."""

    __tablename__ = "device_refusal"
    __table_args__ = (_of_device(), TENANT)

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    device_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(Text)
    first_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    times: Mapped[int] = mapped_column(Integer)


class IntakePulse(Base):
    """What one process of the intake heard, noted at most once a minute; of nobody in particular."""

    __tablename__ = "intake_pulse"
    __table_args__ = (REFERENCE,)

    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    heard: Mapped[int] = mapped_column(Integer)


class ServiceOutage(Base):
    """A time in which the service heard nobody although it had to: silence of that time is nobody's fault but ours.

    `withheld`: silence was not told because of it.
    """

    __tablename__ = "service_outage"
    __table_args__ = (REFERENCE,)

    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    told_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    withheld: Mapped[bool] = mapped_column(Boolean)
