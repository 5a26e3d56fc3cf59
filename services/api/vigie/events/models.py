"""The event log and its head."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vigie.core.db import TENANT, Base


class EventHead(Base):
    """The last event number of a provider; its row lock orders the log (a sequence would show numbers before commits)."""

    __tablename__ = "event_head"
    __table_args__ = (TENANT,)

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    last_number: Mapped[int] = mapped_column(BigInteger)


class Event(Base):
    """Something that changed: when it became true, when we learnt of it, and a payload that is never rewritten."""

    __tablename__ = "event"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        Index("ix_event_practice", "provider_id", "practice_id", "number"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(SmallInteger, server_default="1")  # written by a release that knew only one
    practice_id: Mapped[UUID | None] = mapped_column()
    device_id: Mapped[UUID | None] = mapped_column()
    happened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
