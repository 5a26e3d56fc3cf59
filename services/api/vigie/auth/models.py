"""Who may call: partner clients with their secrets and keys, members with their practices, sessions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vigie.auth.principal import PRACTICE_ROLES, ROLES
from vigie.core.db import REFERENCE, TENANT, Base

_CLIENT = ("provider_id", "client_id")


def one_of(column: str, values: tuple[str, ...]) -> str:
    """Return the SQL condition that a column holds one of some words."""
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


class PartnerClient(Base):
    """An OAuth2 client of a provider. Its id carries the provider, so that it is found before the tenant is known.

    `limited`: the client sees only the practices of `partner_practice`; none there, none seen. `generation` rises when a
    credential is withdrawn: tokens issued before carry a lower one and are refused.
    """

    __tablename__ = "partner_client"
    __table_args__ = (
        UniqueConstraint(*_CLIENT),
        CheckConstraint(
            one_of("auth_method", ("client_secret", "private_key_jwt")),
            name="auth_method",
        ),
        REFERENCE,
    )

    client_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"))
    name: Mapped[str] = mapped_column(String(120))
    auth_method: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    limited: Mapped[bool] = mapped_column()
    generation: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_by: Mapped[str] = mapped_column(Text)
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PartnerSecret(Base):
    """A secret of a partner client; two live side by side while one replaces the other."""

    __tablename__ = "partner_secret"
    __table_args__ = (
        ForeignKeyConstraint(_CLIENT, ["partner_client.provider_id", "partner_client.client_id"]),
        REFERENCE,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PartnerKey(Base):
    """A public key (JWK) with which a partner client signs its assertions (RFC 7523)."""

    __tablename__ = "partner_key"
    __table_args__ = (
        ForeignKeyConstraint(_CLIENT, ["partner_client.provider_id", "partner_client.client_id"]),
        REFERENCE,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    kid: Mapped[str] = mapped_column(String(128), primary_key=True)
    jwk: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class PartnerPractice(Base):
    """A practice that a limited partner client may see."""

    __tablename__ = "partner_practice"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        ForeignKeyConstraint(_CLIENT, ["partner_client.provider_id", "partner_client.client_id"]),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)


class Member(Base):
    """A person with a role at a provider, or at one practice of it (`practice_id`).

    `limited`: a technician who sees only the practices of `member_practice`; none there, none seen.
    """

    __tablename__ = "member"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        CheckConstraint(one_of("role", ROLES), name="role"),
        CheckConstraint(f"(practice_id IS NOT NULL) = ({one_of('role', PRACTICE_ROLES)})", name="practice"),
        CheckConstraint("NOT limited OR role = 'technician'", name="limited"),
        Index(
            "uq_member_provider_id_account_id_practice_id",
            "provider_id",
            "account_id",
            "practice_id",
            unique=True,
            postgresql_where="removed_at IS NULL",
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_member_account_id", "account_id"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    role: Mapped[str] = mapped_column(Text)
    practice_id: Mapped[UUID | None] = mapped_column()
    limited: Mapped[bool] = mapped_column()
    name: Mapped[str] = mapped_column(String(160))
    email: Mapped[str | None] = mapped_column(String(254))
    profession: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_sign_in_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    removed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    identity_provider: Mapped[str | None] = mapped_column(Text)  # where the last sign-in was


class MemberPractice(Base):
    """A practice that a limited technician may see."""

    __tablename__ = "member_practice"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        ForeignKeyConstraint(["provider_id", "member_id"], ["member.provider_id", "member.id"]),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)


class Session(Base):
    """A person's session in one browser. The cookie carries the provider and the secret; here lies only its hash."""

    __tablename__ = "session"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "member_id"], ["member.provider_id", "member.id"]),
        UniqueConstraint("provider_id", "secret_hash"),
        Index("ix_session_member_id", "provider_id", "member_id"),
        Index("ix_session_issuer_sid", "issuer", "sid"),
        Index("ix_session_account_id", "account_id"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    member_id: Mapped[UUID] = mapped_column()
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    identity_provider: Mapped[str] = mapped_column(Text)
    issuer: Mapped[str] = mapped_column(Text)
    sid: Mapped[str | None] = mapped_column(Text)
    acr: Mapped[str | None] = mapped_column(Text)
    id_token: Mapped[bytes | None] = mapped_column(LargeBinary)  # sealed; the hint of an RP-initiated logout
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    idle_s: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_why: Mapped[str | None] = mapped_column(Text)
    user_agent: Mapped[str | None] = mapped_column(String(200))
    address: Mapped[str | None] = mapped_column(String(45))
    profession: Mapped[str | None] = mapped_column(Text)  # codes of the professions asserted at this sign-in


class Account(Base):
    """A person as an identity provider knows them; whom they are a member of stands in `member`.

    Not a tenant's row: one person may be a member of several providers. Only the sign-in reads it (`vigie_signin`).
    """

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("issuer", "subject"),
        Index(
            "uq_account_issuer_national_id",
            "issuer",
            "national_id",
            unique=True,
            postgresql_where="national_id IS NOT NULL",
        ),
        REFERENCE,
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    issuer: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    national_id: Mapped[str | None] = mapped_column(Text)  # SubjectNameID of Pro Santé Connect, as asserted
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_sign_in_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class UsedOnce(Base):
    """What may be used once, across all processes: states of sign-ins, `jti` of assertions and logout tokens."""

    __tablename__ = "used_once"
    __table_args__ = ({"info": {"placement": "lookup:key_hash"}},)

    key_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
