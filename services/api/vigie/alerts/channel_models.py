"""Channels, notifications with the attempts to send them, and the ledger of what was not sent."""

from datetime import datetime
from typing import Any, Final, Literal, get_args
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vigie.auth.models import one_of
from vigie.core.db import TENANT, Base

ChannelKind = Literal["mail", "webhook", "service"]
# In the order of `schemas.Severity`: two that are equal become one object in `… | None`, whichever was read first.
Severity = Literal["critical", "warning", "info"]
Status = Literal["pending", "sent", "failed", "dropped"]
Outcome = Literal["sent", "temporary", "permanent"]
Language = Literal["fr", "en"]
SECRET: Final = "notification channel"  # noqa: S105 - a word
"""What the sealed secret of a channel is bound to."""
SEVERITIES: Final[tuple[str, ...]] = get_args(Severity)[::-1]
"""From the least to the worst."""


class Channel(Base):
    """Where a provider wants to be told: recipients of mail, an address of its own, a chat, text-message or ticket service.

    `address` is what may be shown; `secret` is sealed (`channels.SECRET`). `practices` and `causes`: none chosen means all.
    """

    __tablename__ = "channel"
    __table_args__ = (
        CheckConstraint(one_of("kind", get_args(ChannelKind)), name="kind"),
        CheckConstraint(one_of("language", get_args(Language)), name="language"),
        CheckConstraint(one_of("minimum_severity", SEVERITIES), name="minimum_severity"),
        Index("ix_channel_next_digest_at", "next_digest_at", postgresql_where="next_digest_at IS NOT NULL"),
        Index(
            "ix_channel_next_opening_check_at",
            "next_opening_check_at",
            postgresql_where="next_opening_check_at IS NOT NULL",
        ),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(String(80))
    language: Mapped[str] = mapped_column(String(2))
    address: Mapped[dict[str, Any]] = mapped_column(JSONB)
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    practices: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))
    minimum_severity: Mapped[str] = mapped_column(Text)
    causes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    time_zone: Mapped[str] = mapped_column(String(64))
    digest_at: Mapped[str | None] = mapped_column(String(5))
    opening_check_at: Mapped[str | None] = mapped_column(String(5))
    next_digest_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    next_opening_check_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_by: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    failing_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    disabled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    disabled_why: Mapped[str | None] = mapped_column(Text)
    removed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Notification(Base):
    """A message to be sent once: to a channel, or to a member by mail. The id is that of the message at every attempt."""

    __tablename__ = "notification"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "channel_id"], ["channel.provider_id", "channel.id"]),
        ForeignKeyConstraint(["provider_id", "member_id"], ["member.provider_id", "member.id"]),
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        CheckConstraint("(channel_id IS NULL) <> (member_id IS NULL)", name="target"),
        CheckConstraint(one_of("status", get_args(Status)), name="status"),
        CheckConstraint("(settled_at IS NULL) = (status = 'pending')", name="settled"),
        Index("ix_notification_due", "due_at", postgresql_where="status = 'pending'"),
        Index("ix_notification_pending", "provider_id", "due_at", postgresql_where="status = 'pending'"),
        Index("ix_notification_wanted", "provider_id", "wanted_at", "id"),
        Index("ix_notification_channel", "provider_id", "channel_id", "wanted_at", "id"),
        Index("ix_notification_alert", "provider_id", "alert_id"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    channel_id: Mapped[UUID | None] = mapped_column()
    member_id: Mapped[UUID | None] = mapped_column()
    practice_id: Mapped[UUID | None] = mapped_column()
    alert_id: Mapped[UUID | None] = mapped_column()
    kind: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    wanted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    leased_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    status: Mapped[str] = mapped_column(Text, server_default="pending")
    last_error: Mapped[str | None] = mapped_column(Text)
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class NotificationAttempt(Base):
    """One attempt to send a notification, and how it ended."""

    __tablename__ = "notification_attempt"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "notification_id"], ["notification.provider_id", "notification.id"]),
        CheckConstraint(one_of("outcome", get_args(Outcome)), name="outcome"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    notification_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    outcome: Mapped[str] = mapped_column(Text)
    code: Mapped[str | None] = mapped_column(Text)
    excerpt: Mapped[str | None] = mapped_column(Text)


class Suppression(Base):
    """A notification that was not sent, and why. Written by the rules that would have sent it."""

    __tablename__ = "suppression"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        Index("ix_suppression_wanted", "provider_id", "wanted_at", "id"),
        Index("ix_suppression_practice", "provider_id", "practice_id", "wanted_at", "id"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    channel_id: Mapped[UUID | None] = mapped_column()
    member_id: Mapped[UUID | None] = mapped_column()
    practice_id: Mapped[UUID | None] = mapped_column()
    alert_id: Mapped[UUID | None] = mapped_column()
    kind: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    wanted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
