"""Incidents: what was declared, its steps, notices and log, and its sealed evidence."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0600"
down_revision = "2026_11_22_0590"

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"
# The log and the sealed evidence are never rewritten: nobody of the service may.
GRANTS = {
    "incident": "SELECT, INSERT, UPDATE",
    "incident_step": "SELECT, INSERT, UPDATE",
    "incident_notice": "SELECT, INSERT, UPDATE",
    "incident_entry": "SELECT, INSERT",
    "incident_evidence": "SELECT, INSERT",
}
KINDS = "kind IN ('ransomware', 'intrusion', 'phishing', 'data_leak', 'theft_or_loss', 'outage', 'other')"
ENTRIES = "kind IN ('declared', 'note', 'step_done', 'step_undone', 'notified', 'frozen', 'closed')"


def protect(table: str) -> None:
    """Enable and force row-level security on a tenant table and grant what the application needs."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} TO vigie_owner, vigie_app USING ({TENANT}) WITH CHECK ({TENANT})")
    op.execute(f"GRANT {GRANTS[table]} ON {table} TO vigie_app")


def upgrade() -> None:
    """Add the tables."""
    create_incident()
    create_course()
    create_evidence()
    for table in GRANTS:
        protect(table)


def of_incident(table: str) -> sa.ForeignKeyConstraint:
    """Return the reference to the incident that a table belongs to."""
    return sa.ForeignKeyConstraint(
        ["provider_id", "incident_id"],
        ["incident.provider_id", "incident.id"],
        name=f"fk_{table}_provider_id_incident_id",
    )


def author() -> tuple[sa.Column[str], sa.Column[str]]:
    """Return the columns that say who did it."""
    return sa.Column("by", sa.Text(), nullable=False), sa.Column("by_name", sa.String(length=160), nullable=False)


def create_incident() -> None:
    """Create what is declared."""
    op.create_table(
        "incident",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("description", sa.String(length=2000), nullable=True),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edition", sa.String(length=16), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("declared_by", sa.Text(), nullable=False),
        sa.Column("declared_by_name", sa.String(length=160), nullable=False),
        sa.Column("declared_by_role", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("closed_by_name", sa.String(length=160), nullable=True),
        sa.Column("lessons", sa.String(length=4000), nullable=True),
        sa.CheckConstraint(KINDS, name="ck_incident_kind"),
        sa.CheckConstraint("known_at <= declared_at", name="ck_incident_known_at"),
        sa.CheckConstraint("(closed_at IS NULL) = (lessons IS NULL)", name="ck_incident_closed"),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_incident_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_incident"),
    )
    op.create_index("ix_incident_practice", "incident", ["provider_id", "practice_id", "id"], unique=False)


def create_course() -> None:
    """Create the steps, the notices and the log."""
    op.create_table(
        "incident_step",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *author(),
        of_incident("incident_step"),
        sa.PrimaryKeyConstraint("provider_id", "incident_id", "step", name="pk_incident_step"),
    )
    op.create_table(
        "incident_notice",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reference", sa.String(length=120), nullable=True),
        sa.Column("reason", sa.String(length=1000), nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        *author(),
        sa.CheckConstraint("clock IN ('complaint', 'cnil')", name="ck_incident_notice_clock"),
        sa.CheckConstraint("outcome IN ('done', 'not_required')", name="ck_incident_notice_outcome"),
        sa.CheckConstraint("outcome = 'done' OR reason IS NOT NULL", name="ck_incident_notice_reason"),
        of_incident("incident_notice"),
        sa.PrimaryKeyConstraint("provider_id", "incident_id", "clock", name="pk_incident_notice"),
    )
    op.create_table(
        "incident_entry",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        *author(),
        sa.CheckConstraint(ENTRIES, name="ck_incident_entry_kind"),
        sa.CheckConstraint("(kind = 'note') = (text IS NOT NULL)", name="ck_incident_entry_text"),
        of_incident("incident_entry"),
        sa.PrimaryKeyConstraint("provider_id", "incident_id", "id", name="pk_incident_entry"),
    )


def create_evidence() -> None:
    """Create the sealed archive: one row, kept as it was made."""
    op.create_table(
        "incident_evidence",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        *author(),
        sa.CheckConstraint("size = octet_length(content)", name="ck_incident_evidence_size"),
        of_incident("incident_evidence"),
        sa.PrimaryKeyConstraint("provider_id", "incident_id", name="pk_incident_evidence"),
    )
