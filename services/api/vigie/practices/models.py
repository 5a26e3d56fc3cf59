"""Provider (the tenant) and practice."""

from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Computed,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    and_,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from vigie.core.db import REFERENCE, TENANT, Base

Profession = Literal[
    "dentist",
    "orthodontist",
    "physician",
    "midwife",
    "nurse",
    "physiotherapist",
    "podiatrist",
    "speech_therapist",
    "orthoptist",
    "veterinarian",
    "pharmacist",
    "laboratory",
    "other",
]
PROFESSIONS: tuple[str, ...] = get_args(Profession)


class Provider(Base):
    """An IT company: the tenant. Small and rarely written, so that it can be copied to every node."""

    __tablename__ = "provider"
    __table_args__ = (REFERENCE,)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Practice(Base):
    """A customer of the provider: a dentist's, physician's… practice."""

    __tablename__ = "practice"
    __table_args__ = (
        CheckConstraint("profession IN (" + ", ".join(f"'{name}'" for name in PROFESSIONS) + ")", name="profession"),
        Index("ix_practice_search", "search", postgresql_using="gin"),
        Index(
            "uq_practice_provider_id_external_ref",
            "provider_id",
            "external_ref",
            unique=True,
            postgresql_where="external_ref IS NOT NULL",
        ),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(500))
    city: Mapped[str | None] = mapped_column(String(80))
    profession: Mapped[str] = mapped_column(Text)
    time_zone: Mapped[str] = mapped_column(String(64))
    finess: Mapped[str | None] = mapped_column(String(9))
    siret: Mapped[str | None] = mapped_column(String(14))
    external_ref: Mapped[str | None] = mapped_column(String(64))
    search_text: Mapped[str] = mapped_column(Text)
    search: Mapped[str] = mapped_column(TSVECTOR, Computed("to_tsvector('simple', search_text)", persisted=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    archived_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PracticeResponsible(Base):
    """Who of the provider looks after a practice; a practice without a row has nobody of its own."""

    __tablename__ = "practice_responsible"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        ForeignKeyConstraint(["provider_id", "member_id"], ["member.provider_id", "member.id"]),
        Index("ix_practice_responsible_member_id", "provider_id", "member_id"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column()
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class OpeningHours(Base):
    """When a practice is open, as it was told (`vigie.practices.opening_hours`); a practice without a row never closes."""

    __tablename__ = "opening_hours"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    hours: Mapped[dict[str, Any]] = mapped_column(JSONB)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def practice_of(table: Any) -> ColumnElement[bool]:
    """Return the condition that joins the rows of a tenant table to their practice: both columns of the key, always."""
    return and_(Practice.provider_id == table.provider_id, Practice.id == table.practice_id)
