"""Policies, exceptions, the practices to judge anew, and the score of each day."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0510"
down_revision = "2026_11_22_0500"

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"

# What each role may do, table by table. The intake reads what it judges by, and asks for nothing.
GRANTS = {
    "control_exception": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT, UPDATE", "intake": "SELECT"},
    "policy": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT", "intake": "SELECT"},
    "reassessment": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT, UPDATE, DELETE"},
    "score_day": {
        "app": "SELECT, INSERT, UPDATE",
        "worker": "SELECT, INSERT, UPDATE, DELETE",
        "intake": "SELECT, INSERT, UPDATE",
    },
}


def protect(table: str) -> None:
    """Enable and force row-level security on a tenant table and grant what each role needs."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON {table} TO vigie_owner, vigie_app, vigie_worker USING ({TENANT}) WITH CHECK ({TENANT})"
    )
    for role, privileges in GRANTS[table].items():
        op.execute(f"GRANT {privileges} ON {table} TO vigie_{role}")
    if "intake" in GRANTS[table]:  # one transaction of the intake holds heartbeats of many providers
        op.execute(f"CREATE POLICY intake ON {table} TO vigie_intake USING (true) WITH CHECK (true)")


def of_practice(table: str) -> sa.ForeignKeyConstraint:
    """Return the foreign key to the practice."""
    return sa.ForeignKeyConstraint(
        ["provider_id", "practice_id"],
        ["practice.provider_id", "practice.id"],
        name=f"fk_{table}_provider_id_practice_id",
    )


def upgrade() -> None:
    create_policy()
    create_exception()
    create_reassessment()
    create_score_day()
    for table in GRANTS:
        protect(table)
    # The job first asks which providers have practices to judge anew; it then works inside one at a time.
    op.execute("CREATE POLICY due ON reassessment FOR SELECT TO vigie_worker USING (true)")


def create_policy() -> None:
    """Create the own thresholds of providers and practices."""
    op.create_table(
        "policy",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column(
            "subject_id", sa.Uuid(), sa.Computed("coalesce(practice_id, provider_id)", persisted=True), nullable=False
        ),
        sa.Column("practice_id", sa.Uuid(), nullable=True),
        sa.Column("thresholds", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_policy_provider_id"),
        of_practice("policy"),
        sa.PrimaryKeyConstraint("provider_id", "subject_id", name="pk_policy"),
    )


def create_exception() -> None:
    """Create accepted deviations."""
    op.create_table(
        "control_exception",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("control", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("document_ref", sa.String(length=200), nullable=True),
        sa.Column("compensating_measure", sa.String(length=1000), nullable=True),
        sa.Column("author_kind", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Text(), nullable=False),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("expiring_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("author_kind IN ('client', 'member')", name="ck_control_exception_author_kind"),
        sa.CheckConstraint("starts_at < ends_at", name="ck_control_exception_period"),
        of_practice("control_exception"),
        sa.ForeignKeyConstraint(
            ["provider_id", "device_id"],
            ["device.provider_id", "device.id"],
            name="fk_control_exception_provider_id_device_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_control_exception"),
    )
    op.create_index(
        "ix_control_exception_practice", "control_exception", ["provider_id", "practice_id", "ends_at"], unique=False
    )


def create_reassessment() -> None:
    """Create the queue of practices to judge anew, now or at an instant to come."""
    op.create_table(
        "reassessment",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request", sa.Uuid(), nullable=False),
        sa.Column("controls", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        of_practice("reassessment"),
        sa.PrimaryKeyConstraint("provider_id", "practice_id", name="pk_reassessment"),
    )
    op.create_index("ix_reassessment_due_at", "reassessment", ["due_at"], unique=False)


def create_score_day() -> None:
    """Create the score of each practice as it stood at the end of each day on which it changed."""
    op.create_table(
        "score_day",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("score", sa.SmallInteger(), nullable=True),
        sa.Column("earned", sa.Integer(), nullable=False),
        sa.Column("possible", sa.Integer(), nullable=False),
        of_practice("score_day"),
        sa.PrimaryKeyConstraint("provider_id", "practice_id", "day", name="pk_score_day"),
    )
