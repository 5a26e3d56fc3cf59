"""Webhook endpoints and their deliveries; events say which version of their payload they carry."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0560"
down_revision = "2026_11_22_0550"

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"
GRANTS = {
    "webhook_cursor": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT, UPDATE"},
    "webhook_endpoint": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT, UPDATE"},
    "webhook_endpoint_practice": {"app": "SELECT, INSERT, DELETE", "worker": "SELECT"},
    "webhook_message": {"app": "SELECT", "worker": "SELECT, INSERT, DELETE"},
    "webhook_delivery": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT, INSERT, UPDATE, DELETE"},
}
# The worker asks which providers have something to send before it works inside one of them.
DUE = ("webhook_cursor", "webhook_endpoint", "event_head")


def protect(table: str) -> None:
    """Enable and force row-level security on a tenant table and grant what each role needs."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    roles = ", ".join(["vigie_owner", *(f"vigie_{role}" for role in GRANTS[table])])
    op.execute(f"CREATE POLICY tenant ON {table} TO {roles} USING ({TENANT}) WITH CHECK ({TENANT})")
    for role, privileges in GRANTS[table].items():
        op.execute(f"GRANT {privileges} ON {table} TO vigie_{role}")


def upgrade() -> None:
    # The default stays: while this release replaces the one before, that one still writes events, all of the first version.
    op.add_column("event", sa.Column("version", sa.SmallInteger(), nullable=False, server_default="1"))
    create_endpoint()
    create_messages()
    create_delivery()
    for table in GRANTS:
        protect(table)
    for table in DUE:
        op.execute(f"CREATE POLICY due ON {table} FOR SELECT TO vigie_worker USING (true)")


def create_endpoint() -> None:
    """Create the endpoints and the practices that limited ones are told of."""
    op.create_table(
        "webhook_endpoint",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("limited", sa.Boolean(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_over", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.SmallInteger(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "disabled_reason IN ('by_caller', 'failing', 'gone')", name="ck_webhook_endpoint_disabled_reason"
        ),
        sa.CheckConstraint("(disabled_at IS NULL) = (disabled_reason IS NULL)", name="ck_webhook_endpoint_disabled"),
        sa.CheckConstraint("(lease IS NULL) = (leased_until IS NULL)", name="ck_webhook_endpoint_lease"),
        sa.CheckConstraint("(previous_secret IS NULL) = (previous_until IS NULL)", name="ck_webhook_endpoint_previous"),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_webhook_endpoint_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_webhook_endpoint"),
    )
    op.create_table(
        "webhook_endpoint_practice",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "endpoint_id"],
            ["webhook_endpoint.provider_id", "webhook_endpoint.id"],
            name="fk_webhook_endpoint_practice_provider_id_endpoint_id",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_webhook_endpoint_practice_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "endpoint_id", "practice_id", name="pk_webhook_endpoint_practice"),
    )


def create_messages() -> None:
    """Create what events are sent as, and up to which number that was made."""
    op.create_table(
        "webhook_cursor",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_webhook_cursor_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", name="pk_webhook_cursor"),
    )
    op.create_table(
        "webhook_message",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_webhook_message_provider_id"),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_webhook_message_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "number", name="pk_webhook_message"),
    )


def create_delivery() -> None:
    """Create what became of each message at each endpoint."""
    op.create_table(
        "webhook_delivery",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("response_status", sa.SmallInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("excerpt", sa.Text(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("status IN ('pending', 'delivered', 'dead')", name="ck_webhook_delivery_status"),
        sa.CheckConstraint("(due_at IS NULL) = (status <> 'pending')", name="ck_webhook_delivery_due"),
        sa.CheckConstraint("(number IS NULL) = (body IS NOT NULL)", name="ck_webhook_delivery_body"),
        sa.ForeignKeyConstraint(
            ["provider_id", "endpoint_id"],
            ["webhook_endpoint.provider_id", "webhook_endpoint.id"],
            name="fk_webhook_delivery_provider_id_endpoint_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_webhook_delivery"),
    )
    op.create_index(
        "ix_webhook_delivery_endpoint", "webhook_delivery", ["provider_id", "endpoint_id", "id"], unique=False
    )
    op.create_index(
        "ix_webhook_delivery_due",
        "webhook_delivery",
        ["provider_id", "endpoint_id", "due_at"],
        unique=False,
        postgresql_where="status = 'pending'",
    )
