"""Channels, the notifications they carry with every attempt to send them, and what was not sent and why."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0590"
down_revision = "2026_11_22_0580"

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"
GRANTS = {
    "channel": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT, UPDATE"},
    "notification": {"app": "SELECT, INSERT", "worker": "SELECT, INSERT, UPDATE"},
    "notification_attempt": {"app": "SELECT", "worker": "SELECT, INSERT"},
    "suppression": {"app": "SELECT, INSERT", "worker": "SELECT, INSERT"},
}
# The worker asks which providers have something due before it works inside one of them.
DUE = ("channel", "notification")
# Closing a channel that can no longer be reached is the worker's own deed, and the audit says so.
AUDITED = {"audit_entry": "INSERT", "audit_head": "SELECT, INSERT, UPDATE"}
# Who is on call is written to at their own address, and messages name who takes care of an alert. No more is read of people.
OF_PEOPLE = "provider_id, id, name, email, removed_at"


def protect(table: str) -> None:
    """Enable and force row-level security on a tenant table and grant what each role needs."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    roles = ", ".join(["vigie_owner", *(f"vigie_{role}" for role in GRANTS[table])])
    op.execute(f"CREATE POLICY tenant ON {table} TO {roles} USING ({TENANT}) WITH CHECK ({TENANT})")
    for role, privileges in GRANTS[table].items():
        op.execute(f"GRANT {privileges} ON {table} TO vigie_{role}")


def upgrade() -> None:
    create_channel()
    create_notification()
    create_suppression()
    for table in GRANTS:
        protect(table)
    for table in DUE:
        op.execute(f"CREATE POLICY due ON {table} FOR SELECT TO vigie_worker USING (true)")
    for table, privileges in AUDITED.items():
        op.execute(f"ALTER POLICY tenant ON {table} TO vigie_owner, vigie_app, vigie_worker")
        op.execute(f"GRANT {privileges} ON {table} TO vigie_worker")
    op.execute("ALTER POLICY tenant ON member TO vigie_owner, vigie_app, vigie_worker")
    op.execute(f"GRANT SELECT ({OF_PEOPLE}) ON member TO vigie_worker")


def create_channel() -> None:
    """Create the channels: where alerts go, and since when they can no longer go there."""
    op.create_table(
        "channel",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("address", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("practices", postgresql.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("minimum_severity", sa.Text(), nullable=False),
        sa.Column("causes", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("digest_at", sa.String(length=5), nullable=True),
        sa.Column("opening_check_at", sa.String(length=5), nullable=True),
        sa.Column("next_digest_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_opening_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_why", sa.Text(), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('mail', 'webhook', 'service')", name="ck_channel_kind"),
        sa.CheckConstraint("language IN ('fr', 'en')", name="ck_channel_language"),
        sa.CheckConstraint("minimum_severity IN ('info', 'warning', 'critical')", name="ck_channel_minimum_severity"),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_channel_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_channel"),
    )
    for column in ("next_digest_at", "next_opening_check_at"):
        op.create_index(
            f"ix_channel_{column}", "channel", [column], unique=False, postgresql_where=f"{column} IS NOT NULL"
        )


def create_notification() -> None:
    """Create what is to be sent, and the log of the attempts."""
    op.create_table(
        "notification",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("practice_id", sa.Uuid(), nullable=True),
        sa.Column("alert_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), nullable=False, server_default="pending"),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(channel_id IS NULL) <> (member_id IS NULL)", name="ck_notification_target"),
        sa.CheckConstraint("status IN ('pending', 'sent', 'failed', 'dropped')", name="ck_notification_status"),
        sa.CheckConstraint("(settled_at IS NULL) = (status = 'pending')", name="ck_notification_settled"),
        sa.ForeignKeyConstraint(
            ["provider_id", "channel_id"],
            ["channel.provider_id", "channel.id"],
            name="fk_notification_provider_id_channel_id",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "member_id"],
            ["member.provider_id", "member.id"],
            name="fk_notification_provider_id_member_id",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_notification_provider_id_practice_id",
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_notification_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_notification"),
    )
    op.create_index(
        "ix_notification_due", "notification", ["due_at"], unique=False, postgresql_where="status = 'pending'"
    )
    op.create_index(
        "ix_notification_pending",
        "notification",
        ["provider_id", "due_at"],
        unique=False,
        postgresql_where="status = 'pending'",
    )
    op.create_index("ix_notification_wanted", "notification", ["provider_id", "wanted_at", "id"], unique=False)
    op.create_index(
        "ix_notification_channel", "notification", ["provider_id", "channel_id", "wanted_at", "id"], unique=False
    )
    op.create_index("ix_notification_alert", "notification", ["provider_id", "alert_id"], unique=False)
    op.create_table(
        "notification_attempt",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("excerpt", sa.Text(), nullable=True),
        sa.CheckConstraint("outcome IN ('sent', 'temporary', 'permanent')", name="ck_notification_attempt_outcome"),
        sa.ForeignKeyConstraint(
            ["provider_id", "notification_id"],
            ["notification.provider_id", "notification.id"],
            name="fk_notification_attempt_provider_id_notification_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "notification_id", "number", name="pk_notification_attempt"),
    )


def create_suppression() -> None:
    """Create the ledger of what was not sent. It outlives what it speaks of, so it refers to practices only."""
    op.create_table(
        "suppression",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("practice_id", sa.Uuid(), nullable=True),
        sa.Column("alert_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_suppression_provider_id_practice_id",
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_suppression_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_suppression"),
    )
    op.create_index("ix_suppression_wanted", "suppression", ["provider_id", "wanted_at", "id"], unique=False)
    op.create_index(
        "ix_suppression_practice", "suppression", ["provider_id", "practice_id", "wanted_at", "id"], unique=False
    )
