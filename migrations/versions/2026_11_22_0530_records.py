"""Suppliers, contracts, contacts, certificates and restore tests."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0530"
down_revision = "2026_11_22_0520"

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"

# What each role may do, table by table; what is not listed is refused. The worker only reads, to judge what expires. Nothing
# is taken away but what a practice says anew as a whole: which suppliers it uses, and whom to call.
GRANTS = {
    "supplier": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT"},
    "practice_supplier": {"app": "SELECT, INSERT, UPDATE, DELETE", "worker": "SELECT"},
    "supplier_certificate": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT"},
    "contract": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT"},
    "incident_contact": {"app": "SELECT, INSERT, DELETE", "worker": "SELECT"},
    "practice_record": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT"},
    "restore_test": {"app": "SELECT, INSERT", "worker": "SELECT"},
}


def protect(table: str) -> None:
    """Enable and force row-level security on a tenant table and grant what each role needs."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    roles = ", ".join(["vigie_owner", *(f"vigie_{role}" for role in GRANTS[table])])
    op.execute(f"CREATE POLICY tenant ON {table} TO {roles} USING ({TENANT}) WITH CHECK ({TENANT})")
    for role, privileges in GRANTS[table].items():
        op.execute(f"GRANT {privileges} ON {table} TO vigie_{role}")


def upgrade() -> None:
    create_suppliers()
    create_contracts()
    create_lists_of_a_practice()
    for table in GRANTS:
        protect(table)


def create_suppliers() -> None:
    """Create suppliers, who uses them, and their certificates."""
    op.create_table(
        "supplier",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("security_contact", sa.String(length=160), nullable=True),
        sa.Column("emergency_phone", sa.String(length=24), nullable=True),
        sa.Column("website", sa.String(length=200), nullable=True),
        sa.Column("siret", sa.String(length=14), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('it_maintenance', 'software_vendor', 'host', 'booking', 'telephony', 'imaging', 'other')",
            name="ck_supplier_kind",
        ),
        sa.CheckConstraint("id <> provider_id OR practice_id IS NULL", name="ck_supplier_own"),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_supplier_provider_id_practice_id",
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_supplier_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_supplier"),
    )
    op.create_index(
        "ix_supplier_practice",
        "supplier",
        ["provider_id", "practice_id"],
        unique=False,
        postgresql_where="practice_id IS NOT NULL",
    )
    op.create_table(
        "practice_supplier",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("services", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("hosts_health_data", sa.Boolean(), nullable=False),
        sa.Column("hds_activities", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(NOT hosts_health_data OR 'hosting' = ANY (services)) AND (hosts_health_data OR hds_activities = '{}')",
            name="ck_practice_supplier_hosts_health_data",
        ),
        sa.CheckConstraint("services <@ ARRAY['on_site', 'remote', 'hosting']", name="ck_practice_supplier_services"),
        sa.CheckConstraint(
            "hds_activities <@ ARRAY[1, 2, 3, 4, 5, 6]::smallint[]", name="ck_practice_supplier_hds_activities"
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_practice_supplier_provider_id_practice_id",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "supplier_id"],
            ["supplier.provider_id", "supplier.id"],
            name="fk_practice_supplier_provider_id_supplier_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "practice_id", "supplier_id", name="pk_practice_supplier"),
    )
    op.create_index(
        "ix_practice_supplier_supplier",
        "practice_supplier",
        ["provider_id", "supplier_id", "practice_id"],
        unique=False,
    )
    op.create_table(
        "supplier_certificate",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=80), nullable=False),
        sa.Column("activities", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("referential", sa.Text(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("evidence_ref", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "activities <> '{}' AND activities <@ ARRAY[1, 2, 3, 4, 5, 6]::smallint[]",
            name="ck_supplier_certificate_activities",
        ),
        sa.CheckConstraint("referential IN ('v1', 'v2')", name="ck_supplier_certificate_referential"),
        sa.ForeignKeyConstraint(
            ["provider_id", "supplier_id"],
            ["supplier.provider_id", "supplier.id"],
            name="fk_supplier_certificate_provider_id_supplier_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_supplier_certificate"),
    )
    op.create_index(
        "ix_supplier_certificate_supplier", "supplier_certificate", ["provider_id", "supplier_id", "id"], unique=False
    )


def create_contracts() -> None:
    """Create contracts."""
    op.create_table(
        "contract",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=True),
        sa.Column("subject", sa.String(length=160), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("auto_renewal", sa.Boolean(), nullable=False),
        sa.Column("art28", sa.Boolean(), nullable=True),
        sa.Column("reversibility", sa.Boolean(), nullable=True),
        sa.Column("evidence_ref", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ends_on >= starts_on", name="ck_contract_ends_on"),
        sa.CheckConstraint("ends_on IS NOT NULL OR NOT auto_renewal", name="ck_contract_auto_renewal"),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_contract_provider_id_practice_id",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "supplier_id"],
            ["supplier.provider_id", "supplier.id"],
            name="fk_contract_provider_id_supplier_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_contract"),
    )
    op.create_index("ix_contract_practice", "contract", ["provider_id", "practice_id", "id"], unique=False)


def create_lists_of_a_practice() -> None:
    """Create the contacts of the incident card, what was confirmed of the records, and restore tests."""
    op.create_table(
        "incident_contact",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("phone", sa.String(length=24), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("policy_number", sa.String(length=60), nullable=True),
        sa.CheckConstraint(
            "kind IN ('it_provider', 'insurer', 'referent', 'backup_custodian', 'other')",
            name="ck_incident_contact_kind",
        ),
        sa.CheckConstraint("policy_number IS NULL OR kind = 'insurer'", name="ck_incident_contact_policy_number"),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_incident_contact_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "practice_id", "position", name="pk_incident_contact"),
    )
    op.create_table(
        "practice_record",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("contacts_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contacts_confirmed_by", sa.Text(), nullable=True),
        sa.Column("suppliers_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suppliers_confirmed_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_practice_record_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "practice_id", name="pk_practice_record"),
    )
    op.create_table(
        "restore_test",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("tested_on", sa.Date(), nullable=False),
        sa.Column("scope", sa.String(length=160), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("tested_by", sa.String(length=120), nullable=False),
        sa.Column("evidence_ref", sa.String(length=200), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint("result IN ('success', 'partial', 'failure')", name="ck_restore_test_result"),
        sa.CheckConstraint("minutes > 0", name="ck_restore_test_minutes"),
        sa.ForeignKeyConstraint(
            ["provider_id", "device_id"],
            ["device.provider_id", "device.id"],
            name="fk_restore_test_provider_id_device_id",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_restore_test_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_restore_test"),
    )
    op.create_index(
        "ix_restore_test_practice", "restore_test", ["provider_id", "practice_id", "tested_on", "id"], unique=False
    )
