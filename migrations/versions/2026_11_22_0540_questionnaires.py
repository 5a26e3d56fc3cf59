"""Supplier questionnaires and their signatures."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0540"
down_revision = "2026_11_22_0530"

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"

# What was signed is never rewritten: revisions and signatures are inserted and read, nothing else.
GRANTS = {
    "questionnaire": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT"},
    "questionnaire_answer": {"app": "SELECT, INSERT, UPDATE, DELETE", "worker": "SELECT"},
    "questionnaire_revision": {"app": "SELECT, INSERT"},
    "signature": {"app": "SELECT, INSERT"},
}


def upgrade() -> None:
    create_questionnaires()
    create_signatures()
    for table in GRANTS:
        protect(table)


def create_questionnaires() -> None:
    """Create the questionnaires and the answers of their current revision."""
    op.create_table(
        "questionnaire",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("template_version", sa.String(length=20), nullable=False),
        sa.Column("revision", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind BETWEEN 1 AND 4", name="ck_questionnaire_kind"),
        sa.CheckConstraint(
            "status IN ('draft', 'signed_by_supplier', 'signed', 'reopened')", name="ck_questionnaire_status"
        ),
        sa.CheckConstraint("status <> 'signed' OR signed_at IS NOT NULL", name="ck_questionnaire_signed"),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_questionnaire_provider_id_practice_id",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "supplier_id"],
            ["supplier.provider_id", "supplier.id"],
            name="fk_questionnaire_provider_id_supplier_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_questionnaire"),
        sa.UniqueConstraint(
            "provider_id",
            "practice_id",
            "supplier_id",
            "kind",
            name="uq_questionnaire_provider_id_practice_id_supplier_id_kind",
        ),
    )
    op.create_index("ix_questionnaire_supplier", "questionnaire", ["provider_id", "supplier_id", "kind"], unique=False)
    op.create_table(
        "questionnaire_answer",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("questionnaire_id", sa.Uuid(), nullable=False),
        sa.Column("question", sa.String(length=8), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("comment", sa.String(length=1000), nullable=True),
        sa.Column("text", sa.String(length=1000), nullable=True),
        sa.Column("on_day", sa.Date(), nullable=True),
        sa.Column("document", sa.String(length=200), nullable=True),
        sa.Column("plan_owner", sa.String(length=120), nullable=True),
        sa.Column("plan_due_on", sa.Date(), nullable=True),
        sa.Column("said_origin", sa.Text(), nullable=True),
        sa.Column("said_by", sa.Text(), nullable=True),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("found_answer", sa.Text(), nullable=True),
        sa.Column("found_why", sa.Text(), nullable=False),
        sa.Column("found_origin", sa.Text(), nullable=True),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("answer IN ('yes', 'no', 'not_applicable')", name="ck_questionnaire_answer_answer"),
        sa.CheckConstraint(
            "found_answer IN ('yes', 'no', 'not_applicable')", name="ck_questionnaire_answer_found_answer"
        ),
        sa.CheckConstraint("said_origin IN ('person', 'copied')", name="ck_questionnaire_answer_said_origin"),
        sa.CheckConstraint("found_origin IN ('telemetry', 'attestation')", name="ck_questionnaire_answer_found_origin"),
        sa.CheckConstraint("(plan_owner IS NULL) = (plan_due_on IS NULL)", name="ck_questionnaire_answer_plan"),
        sa.ForeignKeyConstraint(
            ["provider_id", "questionnaire_id"],
            ["questionnaire.provider_id", "questionnaire.id"],
            name="fk_questionnaire_answer_provider_id_questionnaire_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "questionnaire_id", "question", name="pk_questionnaire_answer"),
    )


def create_signatures() -> None:
    """Create what is only ever added to."""
    op.create_table(
        "questionnaire_revision",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("questionnaire_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.SmallInteger(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "questionnaire_id"],
            ["questionnaire.provider_id", "questionnaire.id"],
            name="fk_questionnaire_revision_provider_id_questionnaire_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "questionnaire_id", "revision", name="pk_questionnaire_revision"),
    )
    op.create_index(
        "uq_questionnaire_revision_content_hash",
        "questionnaire_revision",
        ["provider_id", "questionnaire_id", "revision", "content_hash"],
        unique=True,
    )
    op.create_table(
        "signature",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("questionnaire_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.SmallInteger(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("role", sa.String(length=120), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("identity_provider", sa.Text(), nullable=False),
        sa.Column("acr", sa.Text(), nullable=True),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence_ref", sa.String(length=200), nullable=True),
        sa.CheckConstraint("party IN ('supplier', 'practitioner')", name="ck_signature_party"),
        sa.CheckConstraint("way IN ('session', 'recorded')", name="ck_signature_way"),
        sa.CheckConstraint("(way = 'recorded') = (evidence_ref IS NOT NULL)", name="ck_signature_evidence_ref"),
        sa.CheckConstraint("way = 'session' OR party = 'supplier'", name="ck_signature_recorded"),
        sa.ForeignKeyConstraint(
            ["provider_id", "questionnaire_id", "revision", "content_hash"],
            [
                "questionnaire_revision.provider_id",
                "questionnaire_revision.questionnaire_id",
                "questionnaire_revision.revision",
                "questionnaire_revision.content_hash",
            ],
            name="fk_signature_provider_id_questionnaire_id_revision_content_hash",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "member_id"],
            ["member.provider_id", "member.id"],
            name="fk_signature_provider_id_member_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "questionnaire_id", "revision", "party", name="pk_signature"),
    )


def protect(table: str) -> None:
    """Enable and force row-level security on a tenant table and grant what each role needs."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    roles = ", ".join(["vigie_owner", *(f"vigie_{role}" for role in GRANTS[table])])
    op.execute(f"CREATE POLICY tenant ON {table} TO {roles} USING ({TENANT}) WITH CHECK ({TENANT})")
    for role, privileges in GRANTS[table].items():
        op.execute(f"GRANT {privileges} ON {table} TO vigie_{role}")
