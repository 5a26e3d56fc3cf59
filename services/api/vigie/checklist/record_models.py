"""Records of a practice: its suppliers, their contracts and certificates, the contacts of its incident card, its restore tests."""

from datetime import date, datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from vigie.auth.models import one_of
from vigie.core.db import TENANT, Base

SupplierKind = Literal["it_maintenance", "software_vendor", "host", "booking", "telephony", "imaging", "other"]
Service = Literal["on_site", "remote", "hosting"]
"""What a supplier does for a practice; decides which questionnaires concern it."""
Referential = Literal["v1", "v2"]
ContactKind = Literal["it_provider", "insurer", "referent", "backup_custodian", "other"]
RestoreResult = Literal["success", "partial", "failure"]

SUPPLIER_KINDS: tuple[str, ...] = get_args(SupplierKind)
SERVICES: tuple[str, ...] = get_args(Service)
REFERENTIALS: tuple[str, ...] = get_args(Referential)
CONTACT_KINDS: tuple[str, ...] = get_args(ContactKind)
RESTORE_RESULTS: tuple[str, ...] = get_args(RestoreResult)

_ACTIVITIES = "<@ ARRAY[1, 2, 3, 4, 5, 6]::smallint[]"


class Supplier(Base):
    """A company that serves practices. `practice_id`: the one practice that added it for itself; nobody else sees it then.

    The provider is a supplier of its practices, too: that row has the id of the provider, so there is one at most.
    """

    __tablename__ = "supplier"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        CheckConstraint(one_of("kind", SUPPLIER_KINDS), name="kind"),
        CheckConstraint("id <> provider_id OR practice_id IS NULL", name="own"),
        Index("ix_supplier_practice", "provider_id", "practice_id", postgresql_where="practice_id IS NOT NULL"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID | None] = mapped_column()
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(Text)
    security_contact: Mapped[str | None] = mapped_column(String(160))
    emergency_phone: Mapped[str | None] = mapped_column(String(24))
    website: Mapped[str | None] = mapped_column(String(200))
    siret: Mapped[str | None] = mapped_column(String(14))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    @property
    def own(self) -> bool:
        """Whether this is the provider itself."""
        return self.id == self.provider_id


class PracticeSupplier(Base):
    """That a practice uses a supplier, for what, and whether it holds health data of the practice outside its walls.

    `hds_activities`: which of the six certified activities of hosting the practice relies on (1 to 6; empty: not told).
    """

    __tablename__ = "practice_supplier"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        ForeignKeyConstraint(["provider_id", "supplier_id"], ["supplier.provider_id", "supplier.id"]),
        CheckConstraint("services <@ ARRAY['on_site', 'remote', 'hosting']", name="services"),
        CheckConstraint(f"hds_activities {_ACTIVITIES}", name="hds_activities"),
        CheckConstraint(
            "(NOT hosts_health_data OR 'hosting' = ANY (services)) AND (hosts_health_data OR hds_activities = '{}')",
            name="hosts_health_data",
        ),
        Index("ix_practice_supplier_supplier", "provider_id", "supplier_id", "practice_id"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    supplier_id: Mapped[UUID] = mapped_column(primary_key=True)
    services: Mapped[list[str]] = mapped_column(ARRAY(Text))
    hosts_health_data: Mapped[bool] = mapped_column()
    hds_activities: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class SupplierCertificate(Base):
    """A certificate of a host of health data (HDS): for which of the six activities, by which referential, until which day."""

    __tablename__ = "supplier_certificate"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "supplier_id"], ["supplier.provider_id", "supplier.id"]),
        CheckConstraint(one_of("referential", REFERENTIALS), name="referential"),
        CheckConstraint(f"activities <> '{{}}' AND activities {_ACTIVITIES}", name="activities"),
        Index("ix_supplier_certificate_supplier", "provider_id", "supplier_id", "id"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    supplier_id: Mapped[UUID] = mapped_column()
    number: Mapped[str] = mapped_column(String(80))
    activities: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    referential: Mapped[str] = mapped_column(Text)
    expires_on: Mapped[date] = mapped_column(Date)
    evidence_ref: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Contract(Base):
    """A contract of a practice with a supplier. One that was closed is kept and decides nothing any more."""

    __tablename__ = "contract"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        ForeignKeyConstraint(["provider_id", "supplier_id"], ["supplier.provider_id", "supplier.id"]),
        CheckConstraint("ends_on >= starts_on", name="ends_on"),
        CheckConstraint("ends_on IS NOT NULL OR NOT auto_renewal", name="auto_renewal"),
        Index("ix_contract_practice", "provider_id", "practice_id", "id"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()
    supplier_id: Mapped[UUID] = mapped_column()
    reference: Mapped[str | None] = mapped_column(String(80))
    subject: Mapped[str] = mapped_column(String(160))
    starts_on: Mapped[date | None] = mapped_column(Date)
    ends_on: Mapped[date | None] = mapped_column(Date)
    auto_renewal: Mapped[bool] = mapped_column()
    art28: Mapped[bool | None] = mapped_column()
    reversibility: Mapped[bool | None] = mapped_column()
    evidence_ref: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class IncidentContact(Base):
    """Whom to call, as the incident card of a practice prints it, in its order. Business contact data, nothing else."""

    __tablename__ = "incident_contact"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        CheckConstraint(one_of("kind", CONTACT_KINDS), name="kind"),
        CheckConstraint("policy_number IS NULL OR kind = 'insurer'", name="policy_number"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(String(120))
    phone: Mapped[str | None] = mapped_column(String(24))
    email: Mapped[str | None] = mapped_column(String(254))
    policy_number: Mapped[str | None] = mapped_column(String(60))


class PracticeRecord(Base):
    """What was last said of the records of a practice as a whole: who confirmed which list, and when."""

    __tablename__ = "practice_record"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column(primary_key=True)
    contacts_confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    contacts_confirmed_by: Mapped[str | None] = mapped_column(Text)
    suppliers_confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    suppliers_confirmed_by: Mapped[str | None] = mapped_column(Text)


class RestoreTest(Base):
    """A restore that somebody tried: what, when, with which result, and how long it took. Never changed, never removed."""

    __tablename__ = "restore_test"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "practice_id"], ["practice.provider_id", "practice.id"]),
        ForeignKeyConstraint(["provider_id", "device_id"], ["device.provider_id", "device.id"]),
        CheckConstraint(one_of("result", RESTORE_RESULTS), name="result"),
        CheckConstraint("minutes > 0", name="minutes"),
        Index("ix_restore_test_practice", "provider_id", "practice_id", "tested_on", "id"),
        TENANT,
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    practice_id: Mapped[UUID] = mapped_column()
    device_id: Mapped[UUID | None] = mapped_column()
    tested_on: Mapped[date] = mapped_column(Date)
    scope: Mapped[str] = mapped_column(String(160))
    result: Mapped[str] = mapped_column(Text)
    minutes: Mapped[int | None] = mapped_column(Integer)
    tested_by: Mapped[str] = mapped_column(String(120))
    evidence_ref: Mapped[str | None] = mapped_column(String(200))
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    recorded_by: Mapped[str] = mapped_column(Text)
