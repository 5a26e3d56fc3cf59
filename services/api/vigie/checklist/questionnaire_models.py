"""Supplier questionnaires: their answers, the revisions that were signed, and the signatures.

A revision that anybody signed is kept as the bytes that were signed. The application may insert revisions and signatures and
read them; PostgreSQL refuses it to change either.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vigie.auth.models import one_of
from vigie.core.db import TENANT, Base

STATUSES = ("draft", "signed_by_supplier", "signed", "reopened")
PARTIES = ("supplier", "practitioner")
CHOICES = ("yes", "no", "not_applicable")
_REVISION = ("provider_id", "questionnaire_id", "revision")


class Questionnaire(Base):
    """A questionnaire of one supplier at one practice; there is one of each kind, renewed by revisions.

    `status` is that of the current revision; what time decides (expired) and what answers decide (ready) is derived.
    `signed_at`: since when a countersigned revision stands; null before, and again as soon as an answer changed.
    """

    __tablename__ = "questionnaire"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        ForeignKeyConstraint(["provider_id", "supplier_id"], ["supplier.provider_id", "supplier.id"]),
        UniqueConstraint("provider_id", "practice_id", "supplier_id", "kind"),
        CheckConstraint("kind BETWEEN 1 AND 4", name="kind"),
        CheckConstraint(one_of("status", STATUSES), name="status"),
        CheckConstraint("status <> 'signed' OR signed_at IS NOT NULL", name="signed"),
        Index("ix_questionnaire_supplier", "provider_id", "supplier_id", "kind"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()
    supplier_id: Mapped[UUID] = mapped_column()
    kind: Mapped[int] = mapped_column(SmallInteger)
    template_version: Mapped[str] = mapped_column(String(20))
    revision: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[str] = mapped_column(Text)
    as_of: Mapped[datetime] = mapped_column(DateTime(timezone=True))  # of the evidence
    signed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class QuestionnaireAnswer(Base):
    """The answer to one question in the current revision: what people said, and beside it what the evidence says."""

    __tablename__ = "questionnaire_answer"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "questionnaire_id"], ["questionnaire.provider_id", "questionnaire.id"]),
        CheckConstraint(one_of("answer", CHOICES), name="answer"),
        CheckConstraint(one_of("found_answer", CHOICES), name="found_answer"),
        CheckConstraint(one_of("said_origin", ("person", "copied")), name="said_origin"),
        CheckConstraint(one_of("found_origin", ("telemetry", "attestation")), name="found_origin"),
        CheckConstraint("(plan_owner IS NULL) = (plan_due_on IS NULL)", name="plan"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    questionnaire_id: Mapped[UUID] = mapped_column(primary_key=True)
    question: Mapped[str] = mapped_column(String(8), primary_key=True)
    answer: Mapped[str | None] = mapped_column(Text)
    comment: Mapped[str | None] = mapped_column(String(1000))
    text: Mapped[str | None] = mapped_column(String(1000))
    on: Mapped[date | None] = mapped_column("on_day", Date)
    document: Mapped[str | None] = mapped_column(String(200))
    plan_owner: Mapped[str | None] = mapped_column(String(120))
    plan_due_on: Mapped[date | None] = mapped_column(Date)
    said_origin: Mapped[str | None] = mapped_column(Text)
    said_by: Mapped[str | None] = mapped_column(Text)  # member id
    said_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    found_answer: Mapped[str | None] = mapped_column(Text)
    found_why: Mapped[str] = mapped_column(Text)
    found_origin: Mapped[str | None] = mapped_column(Text)
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class QuestionnaireRevision(Base):
    """A revision that was signed at least once: the very bytes, and their digest."""

    __tablename__ = "questionnaire_revision"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "questionnaire_id"], ["questionnaire.provider_id", "questionnaire.id"]),
        Index("uq_questionnaire_revision_content_hash", *_REVISION, "content_hash", unique=True),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    questionnaire_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    frozen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Signature(Base):
    """A signature of one party under the digest of a revision; the reference sees to it that both sign the same one.

    `way`: `session`, the party itself was signed in; `recorded`, the provider's owner noted that a supplier outside signed
    on `signed_on`, and `evidence_ref` says where that can be seen. `member_id`, `issuer`, `identity_provider` and `acr` are
    always those of the session that did it; `acr` is the level its identity provider asserted, null where it asserts none.
    """

    __tablename__ = "signature"
    __table_args__ = (
        ForeignKeyConstraint(
            [*_REVISION, "content_hash"],
            [f"questionnaire_revision.{name}" for name in (*_REVISION, "content_hash")],
        ),
        ForeignKeyConstraint(["provider_id", "member_id"], ["member.provider_id", "member.id"]),
        CheckConstraint(one_of("party", PARTIES), name="party"),
        CheckConstraint(one_of("way", ("session", "recorded")), name="way"),
        CheckConstraint("(way = 'recorded') = (evidence_ref IS NOT NULL)", name="evidence_ref"),
        CheckConstraint("way = 'session' OR party = 'supplier'", name="recorded"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    questionnaire_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    party: Mapped[str] = mapped_column(Text, primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    way: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(String(160))
    role: Mapped[str] = mapped_column(String(120))
    member_id: Mapped[UUID] = mapped_column()
    issuer: Mapped[str] = mapped_column(Text)
    identity_provider: Mapped[str] = mapped_column(Text)
    acr: Mapped[str | None] = mapped_column(Text)
    signed_on: Mapped[date] = mapped_column(Date)
    signed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    evidence_ref: Mapped[str | None] = mapped_column(String(200))
