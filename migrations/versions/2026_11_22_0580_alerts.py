"""Alerts: what the engine remembers, the alerts it opened with their course, what providers decided, announced maintenance."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0580"
down_revision = "2026_11_22_0570"

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"
# Whoever acts on an alert is answered with what follows from it: the API runs the engine for that practice in its own transaction.
GRANTS = {
    "alert": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT, INSERT, UPDATE"},
    "alert_entry": {"app": "SELECT, INSERT", "worker": "SELECT, INSERT"},
    "alert_state": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT, INSERT, UPDATE"},
    "alert_checkpoint": {"app": "SELECT, INSERT, DELETE", "worker": "SELECT, INSERT, DELETE"},
    "alert_cursor": {"app": "SELECT", "worker": "SELECT, INSERT, UPDATE"},
    "alerting_policy": {"app": "SELECT, INSERT, UPDATE, DELETE", "worker": "SELECT"},
    "maintenance_window": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT"},
}
# The worker asks which providers have something due before it works inside one of them.
DUE = ("alert_cursor", "alert_state", "event_head")
_CAUSES = "('line', 'silent', 'machine_off', 'agent', 'backup', 'protection', 'patch', 'clone', 'renewal', 'opening')"


def protect(table: str) -> None:
    """Enable and force row-level security on a tenant table and grant what each role needs."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    roles = ", ".join(["vigie_owner", *(f"vigie_{role}" for role in GRANTS[table])])
    op.execute(f"CREATE POLICY tenant ON {table} TO {roles} USING ({TENANT}) WITH CHECK ({TENANT})")
    for role, privileges in GRANTS[table].items():
        op.execute(f"GRANT {privileges} ON {table} TO vigie_{role}")


def upgrade() -> None:
    create_alerts()
    create_memory()
    create_decisions()
    for table in GRANTS:
        protect(table)
    for table in DUE:
        op.execute(f"CREATE POLICY alerts_due ON {table} FOR SELECT TO vigie_worker USING (true)")


def of_practice(table: str) -> sa.ForeignKeyConstraint:
    """Return the reference to the practice a row belongs to."""
    return sa.ForeignKeyConstraint(
        ["provider_id", "practice_id"],
        ["practice.provider_id", "practice.id"],
        name=f"fk_{table}_provider_id_practice_id",
    )


def create_alerts() -> None:
    """Create the alerts and their course."""
    op.create_table(
        "alert",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("condition_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clears_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waits_for", sa.Text(), nullable=True),
        sa.Column("flapping", sa.Boolean(), nullable=False),
        sa.Column("reopenings", sa.Integer(), nullable=False),
        sa.Column("members", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(f"cause IN {_CAUSES}", name="ck_alert_cause"),
        sa.CheckConstraint("severity IN ('critical', 'warning', 'info')", name="ck_alert_severity"),
        sa.CheckConstraint(
            "status IN ('open', 'acknowledged', 'snoozed', 'resolved', 'closed')", name="ck_alert_status"
        ),
        sa.CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="ck_alert_closed"),
        of_practice("alert"),
        sa.ForeignKeyConstraint(
            ["provider_id", "assignee_id"], ["member.provider_id", "member.id"], name="fk_alert_provider_id_assignee_id"
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_alert"),
    )
    op.create_index("ix_alert_rank", "alert", ["provider_id", "rank", "opened_at", "id"], unique=False)
    op.create_index(
        "ix_alert_practice", "alert", ["provider_id", "practice_id", "rank", "opened_at", "id"], unique=False
    )
    op.create_index(
        "uq_alert_living",
        "alert",
        ["provider_id", "practice_id", "cause"],
        unique=True,
        postgresql_where="status <> 'closed'",
    )
    op.create_table(
        "alert_entry",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("by_name", sa.String(length=160), nullable=True),
        sa.Column("comment", sa.String(length=2000), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "alert_id"], ["alert.provider_id", "alert.id"], name="fk_alert_entry_provider_id_alert_id"
        ),
        sa.PrimaryKeyConstraint("provider_id", "alert_id", "id", name="pk_alert_entry"),
    )


def create_memory() -> None:
    """Create what the engine remembers: per practice its state, now and from time to time; per provider how far it read."""
    op.create_table(
        "alert_state",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("busy", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        of_practice("alert_state"),
        sa.PrimaryKeyConstraint("provider_id", "practice_id", name="pk_alert_state"),
        postgresql_with={"fillfactor": "60"},
    )
    op.create_index(
        "ix_alert_state_due_at", "alert_state", ["due_at"], unique=False, postgresql_where="due_at IS NOT NULL"
    )
    op.create_table(
        "alert_checkpoint",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        of_practice("alert_checkpoint"),
        sa.PrimaryKeyConstraint("provider_id", "practice_id", "number", name="pk_alert_checkpoint"),
    )
    op.create_table(
        "alert_cursor",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_alert_cursor_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", name="pk_alert_cursor"),
    )


def create_decisions() -> None:
    """Create what providers decide: the policy of alerting with its revisions, and maintenance windows."""
    op.create_table(
        "alerting_policy",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('draft', 'active', 'superseded')", name="ck_alerting_policy_status"),
        sa.CheckConstraint("(status = 'draft') = (activated_at IS NULL)", name="ck_alerting_policy_activated"),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_alerting_policy_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", "revision", name="pk_alerting_policy"),
    )
    for status in ("draft", "active"):
        op.create_index(
            f"uq_alerting_policy_{status}",
            "alerting_policy",
            ["provider_id"],
            unique=True,
            postgresql_where=f"status = '{status}'",
        )
    op.create_table(
        "maintenance_window",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("weekly", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("causes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("controls", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author_kind", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Text(), nullable=False),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by", sa.Text(), nullable=True),
        sa.CheckConstraint("device_id IS NULL OR practice_id IS NOT NULL", name="ck_maintenance_window_device"),
        sa.CheckConstraint("author_kind IN ('client', 'member')", name="ck_maintenance_window_author_kind"),
        sa.CheckConstraint(
            "(weekly IS NULL) = (starts_at IS NOT NULL AND ends_at IS NOT NULL)", name="ck_maintenance_window_shape"
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_maintenance_window_provider_id"),
        of_practice("maintenance_window"),
        sa.ForeignKeyConstraint(
            ["provider_id", "device_id"],
            ["device.provider_id", "device.id"],
            name="fk_maintenance_window_provider_id_device_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_maintenance_window"),
    )
