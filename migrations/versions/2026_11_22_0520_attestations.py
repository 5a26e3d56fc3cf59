"""Answers of people, the evidence they give, and the actions a "no" opens."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0520"
down_revision = "2026_11_22_0510"

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"

# An answer and a file are never rewritten: of an answer only that it was superseded may be noted, of a file nothing.
GRANTS = {
    "attestation": {"app": "SELECT, INSERT, UPDATE (superseded_at)", "worker": "SELECT"},
    "evidence": {"app": "SELECT, INSERT"},
    "attestation_evidence": {"app": "SELECT, INSERT"},
    "action": {"app": "SELECT, INSERT, UPDATE"},
    "checklist_deadline": {"app": "SELECT, INSERT, UPDATE, DELETE", "worker": "SELECT, INSERT, UPDATE, DELETE"},
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
    create_answer_tables()
    create_action_tables()
    for table in GRANTS:
        protect(table)
    # The sweep first asks which practices are due, whoever they belong to; it then works inside one provider at a time.
    op.execute("CREATE POLICY due ON checklist_deadline FOR SELECT TO vigie_worker USING (true)")


def of_practice(table: str) -> sa.ForeignKeyConstraint:
    """Return the reference to the practice a row belongs to."""
    return sa.ForeignKeyConstraint(
        ["provider_id", "practice_id"],
        ["practice.provider_id", "practice.id"],
        name=f"fk_{table}_provider_id_practice_id",
    )


def of_attestation(table: str) -> sa.ForeignKeyConstraint:
    """Return the reference to an answer of the same practice."""
    return sa.ForeignKeyConstraint(
        ["provider_id", "practice_id", "attestation_id"],
        ["attestation.provider_id", "attestation.practice_id", "attestation.id"],
        name=f"fk_{table}_provider_id_practice_id_attestation_id",
    )


def create_answer_tables() -> None:
    """Create answers, files, and which answer rests on which files."""
    op.create_table(
        "attestation",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("control", sa.Text(), nullable=False),
        sa.Column("catalogue_version", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=True),
        sa.Column("comment", sa.String(length=2000), nullable=True),
        sa.Column("evidence_ref", sa.String(length=200), nullable=True),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("author_name", sa.String(length=160), nullable=False),
        sa.Column("author_role", sa.Text(), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("answer IN ('yes', 'no', 'not_applicable')", name="ck_attestation_answer"),
        sa.CheckConstraint("side IN ('provider', 'practice')", name="ck_attestation_side"),
        sa.CheckConstraint("answer <> 'not_applicable' OR reason IS NOT NULL", name="ck_attestation_reason"),
        of_practice("attestation"),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_attestation"),
        sa.UniqueConstraint("provider_id", "practice_id", "id", name="uq_attestation_provider_id_practice_id_id"),
    )
    op.create_index(
        "uq_attestation_current",
        "attestation",
        ["provider_id", "practice_id", "control"],
        unique=True,
        postgresql_where="superseded_at IS NULL",
    )
    op.create_index(
        "ix_attestation_history", "attestation", ["provider_id", "practice_id", "control", "id"], unique=False
    )
    op.create_table(
        "evidence",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("author_name", sa.String(length=160), nullable=False),
        sa.CheckConstraint(
            "media_type IN ('application/pdf', 'image/jpeg', 'image/png')", name="ck_evidence_media_type"
        ),
        sa.CheckConstraint("size = octet_length(content)", name="ck_evidence_size"),
        of_practice("evidence"),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_evidence"),
        sa.UniqueConstraint("provider_id", "practice_id", "id", name="uq_evidence_provider_id_practice_id_id"),
    )
    # Files are compressed already.
    op.execute("ALTER TABLE evidence ALTER COLUMN content SET STORAGE EXTERNAL")
    op.create_table(
        "attestation_evidence",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("attestation_id", sa.Uuid(), nullable=False),
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        of_attestation("attestation_evidence"),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id", "evidence_id"],
            ["evidence.provider_id", "evidence.practice_id", "evidence.id"],
            name="fk_attestation_evidence_provider_id_practice_id_evidence_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "attestation_id", "evidence_id", name="pk_attestation_evidence"),
    )


def create_action_tables() -> None:
    """Create the actions, and when each practice has to be judged again."""
    op.create_table(
        "action",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("control", sa.Text(), nullable=False),
        sa.Column("attestation_id", sa.Uuid(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("comment", sa.String(length=2000), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(length=160), nullable=True),
        sa.CheckConstraint("party IN ('provider', 'practice')", name="ck_action_party"),
        sa.CheckConstraint("status IN ('open', 'done', 'dropped')", name="ck_action_status"),
        sa.CheckConstraint("(status = 'open') = (closed_at IS NULL)", name="ck_action_closed"),
        of_attestation("action"),
        sa.ForeignKeyConstraint(
            ["provider_id", "member_id"], ["member.provider_id", "member.id"], name="fk_action_provider_id_member_id"
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_action"),
    )
    op.create_index(
        "uq_action_open",
        "action",
        ["provider_id", "practice_id", "control"],
        unique=True,
        postgresql_where="status = 'open'",
    )
    op.create_index("ix_action_due_on", "action", ["provider_id", "due_on", "id"], unique=False)
    op.create_index("ix_action_practice", "action", ["provider_id", "practice_id", "due_on", "id"], unique=False)
    op.create_table(
        "checklist_deadline",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        of_practice("checklist_deadline"),
        sa.PrimaryKeyConstraint("provider_id", "practice_id", name="pk_checklist_deadline"),
    )
    op.create_index("ix_checklist_deadline_due_at", "checklist_deadline", ["due_at"], unique=False)
