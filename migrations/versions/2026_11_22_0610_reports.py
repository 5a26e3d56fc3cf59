"""Evidence reports: those that were issued, their numbers, when they are made by themselves, and the provider's logo on them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0610"
down_revision = "2026_11_22_0600"

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"
# What was issued is never changed; the worker issues what is made by itself.
GRANTS = {
    "report": {"app": "SELECT, INSERT", "worker": "SELECT, INSERT"},
    "report_head": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT, INSERT, UPDATE"},
    "report_schedule": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT, UPDATE"},
    "report_run": {"app": "SELECT", "worker": "SELECT, INSERT, UPDATE"},
    "provider_logo": {"app": "SELECT, INSERT, UPDATE, DELETE", "worker": "SELECT"},
}
# A report shows who signed and what answers rest on: the worker reads for it what until now only requests did. Of members it learns
# what decides whether one of them sees a practice, so that nobody is told of a practice they do not see.
ALSO_READ = ("attestation_evidence", "incident", "member_practice", "signature")
OF_PEOPLE = "role, practice_id, limited"


def protect(table: str) -> None:
    """Enable and force row-level security on a tenant table and grant what each role needs."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    roles = ", ".join(["vigie_owner", *(f"vigie_{role}" for role in GRANTS[table])])
    op.execute(f"CREATE POLICY tenant ON {table} TO {roles} USING ({TENANT}) WITH CHECK ({TENANT})")
    for role, privileges in GRANTS[table].items():
        op.execute(f"GRANT {privileges} ON {table} TO vigie_{role}")


def upgrade() -> None:
    """Add the tables."""
    create_reports()
    create_schedules()
    create_logo()
    for table in GRANTS:
        protect(table)
    # The worker asks which providers have something due before it works inside one of them.
    op.execute("CREATE POLICY due ON report_schedule FOR SELECT TO vigie_worker USING (true)")
    for table in ALSO_READ:
        op.execute(f"ALTER POLICY tenant ON {table} TO vigie_owner, vigie_app, vigie_worker")
        op.execute(f"GRANT SELECT ON {table} TO vigie_worker")
    op.execute(f"GRANT SELECT ({OF_PEOPLE}) ON member TO vigie_worker")


def of_practice(table: str) -> sa.ForeignKeyConstraint:
    """Return the reference to the practice a row belongs to."""
    return sa.ForeignKeyConstraint(
        ["provider_id", "practice_id"],
        ["practice.provider_id", "practice.id"],
        name=f"fk_{table}_provider_id_practice_id",
    )


def create_reports() -> None:
    """Create the reports with their bytes, and the head that numbers them."""
    op.create_table(
        "report",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=True),
        sa.Column("made_by_name", sa.String(length=160), nullable=True),
        sa.Column("data_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("audit_after", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("language IN ('fr', 'en')", name="ck_report_language"),
        sa.CheckConstraint("origin IN ('request', 'schedule')", name="ck_report_origin"),
        sa.CheckConstraint("period_from <= period_to", name="ck_report_period"),
        sa.CheckConstraint("size = length(content) AND size <= 4194304", name="ck_report_size"),
        of_practice("report"),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_report"),
        sa.UniqueConstraint("provider_id", "number", name="uq_report_provider_id_number"),
        sa.UniqueConstraint("provider_id", "code_hash", name="uq_report_provider_id_code_hash"),
    )
    op.create_index("ix_report_practice", "report", ["provider_id", "practice_id", "id"], unique=False)
    op.create_table(
        "report_head",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_report_head_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", name="pk_report_head"),
    )


def create_schedules() -> None:
    """Create when reports are made by themselves, and for which months they were."""
    op.create_table(
        "report_schedule",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column(
            "subject_id",
            sa.Uuid(),
            sa.Computed("coalesce(practice_id, provider_id)", persisted=True),
            nullable=False,
        ),
        sa.Column("practice_id", sa.Uuid(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("day", sa.SmallInteger(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=True),
        sa.Column("members", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.CheckConstraint("day BETWEEN 1 AND 28", name="ck_report_schedule_day"),
        sa.CheckConstraint("language IN ('fr', 'en')", name="ck_report_schedule_language"),
        sa.CheckConstraint("(next_at IS NOT NULL) = enabled", name="ck_report_schedule_next_at"),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_report_schedule_provider_id"),
        of_practice("report_schedule"),
        sa.ForeignKeyConstraint(
            ["provider_id", "channel_id"],
            ["channel.provider_id", "channel.id"],
            name="fk_report_schedule_provider_id_channel_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "subject_id", name="pk_report_schedule"),
    )
    op.create_index(
        "ix_report_schedule_next_at",
        "report_schedule",
        ["next_at"],
        unique=False,
        postgresql_where="next_at IS NOT NULL",
    )
    op.create_table(
        "report_run",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=True),
        sa.Column("failures", sa.SmallInteger(), nullable=False),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(report_id IS NULL) = (retry_at IS NOT NULL)", name="ck_report_run_outcome"),
        of_practice("report_run"),
        sa.ForeignKeyConstraint(
            ["provider_id", "report_id"],
            ["report.provider_id", "report.id"],
            name="fk_report_run_provider_id_report_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "practice_id", "month", name="pk_report_run"),
    )


def create_logo() -> None:
    """Create the provider's logo."""
    op.create_table(
        "provider_logo",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.SmallInteger(), nullable=False),
        sa.Column("height", sa.SmallInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_provider_logo_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", name="pk_provider_logo"),
    )
