"""Invitations, and the identity providers that a provider configures for its own staff."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vigie.auth.models import one_of
from vigie.auth.principal import PRACTICE_ROLES, ROLES
from vigie.core.db import TENANT, Base


class Invitation(Base):
    """What a first sign-in needs: a link, or the RPPS number of the practitioner who will sign in."""

    __tablename__ = "invitation"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        CheckConstraint(one_of("role", ROLES), name="role"),
        CheckConstraint(f"(practice_id IS NOT NULL) = ({one_of('role', PRACTICE_ROLES)})", name="practice"),
        CheckConstraint("(token_hash IS NULL) <> (rpps IS NULL)", name="way"),
        Index("uq_invitation_provider_id_token_hash", "provider_id", "token_hash", unique=True),
        Index("ix_invitation_rpps", "rpps", postgresql_where="rpps IS NOT NULL"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    rpps: Mapped[str | None] = mapped_column(String(11))
    role: Mapped[str] = mapped_column(Text)
    practice_id: Mapped[UUID | None] = mapped_column()
    limited: Mapped[bool] = mapped_column()
    practices: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    label: Mapped[str] = mapped_column(String(160))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_by: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    member_id: Mapped[UUID | None] = mapped_column()
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class SavedView(Base):
    """A list that a member has saved for themselves: its name, and what is asked for in its address."""

    __tablename__ = "saved_view"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "member_id"], ["member.provider_id", "member.id"]),
        Index("uq_saved_view_provider_id_member_id_name", "provider_id", "member_id", "name", unique=True),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column()
    name: Mapped[str] = mapped_column(String(60))
    query: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ProviderIdentity(Base):
    """An OpenID Connect issuer at which a provider's own staff signs in (Entra ID, Google, Keycloak…)."""

    __tablename__ = "provider_identity"
    __table_args__ = (TENANT,)

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    label: Mapped[str] = mapped_column(String(80))
    issuer: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str] = mapped_column(Text)
    client_secret: Mapped[bytes | None] = mapped_column(LargeBinary)  # sealed
    options: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    disabled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
