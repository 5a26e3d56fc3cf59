"""Why devices are silent: each silence with its cause, lines that are down, refused requests, and what the intake heard."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0570"
down_revision = "2026_11_22_0560"

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"
# A silence is told by the worker, ends with a heartbeat or when somebody revokes the device, and is then only read.
GRANTS = {
    "device_silence": {"app": "SELECT, UPDATE", "worker": "SELECT, INSERT, UPDATE", "intake": "SELECT, UPDATE"},
    "practice_line": {"app": "SELECT, UPDATE", "worker": "SELECT, INSERT, UPDATE", "intake": "SELECT, UPDATE"},
    "device_refusal": {"app": "SELECT, INSERT, UPDATE", "worker": "SELECT", "intake": "SELECT"},
}
# What the service knows of itself belongs to no provider, and tells nothing about any.
OF_THE_SERVICE = {
    "intake_pulse": {"intake": "SELECT, INSERT", "worker": "SELECT, DELETE"},
    "service_outage": {"app": "SELECT", "worker": "SELECT, INSERT, UPDATE", "intake": "SELECT"},
}


def upgrade() -> None:
    create_silences()
    create_lines()
    create_refusals()
    create_own_record()
    for table, grants in GRANTS.items():
        protect(table, grants)
    # The sweep asks first, across providers, who has something to judge again.
    op.execute("CREATE POLICY due ON device_silence FOR SELECT TO vigie_worker USING (true)")
    for table, grants in OF_THE_SERVICE.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for role, privileges in grants.items():
            op.execute(f"CREATE POLICY {role} ON {table} TO vigie_{role} USING (true) WITH CHECK (true)")
            op.execute(f"GRANT {privileges} ON {table} TO vigie_{role}")


def protect(table: str, grants: dict[str, str]) -> None:
    """Enable and force row-level security; the intake writes batches of devices of many providers."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON {table} TO vigie_owner, vigie_app, vigie_worker USING ({TENANT}) WITH CHECK ({TENANT})"
    )
    op.execute(f"CREATE POLICY intake ON {table} TO vigie_intake USING (true) WITH CHECK (true)")
    for role, privileges in grants.items():
        op.execute(f"GRANT {privileges} ON {table} TO vigie_{role}")


def create_silences() -> None:
    """Create the history of silences: one row from when silence was told until the device is heard again."""
    op.create_table(
        "device_silence",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("explained_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "cause IN ('unknown', 'machine_off', 'agent_broken', 'line', 'service')", name="ck_device_silence_cause"
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "device_id"],
            ["device.provider_id", "device.id"],
            name="fk_device_silence_provider_id_device_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_device_silence_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "device_id", "since", name="pk_device_silence"),
    )
    op.create_index("ix_device_silence_practice", "device_silence", ["provider_id", "practice_id", "since"])
    op.create_index(
        "ix_device_silence_review_at", "device_silence", ["review_at"], postgresql_where="review_at IS NOT NULL"
    )


def create_lines() -> None:
    """Create what happened to the lines of practices; at most one is down at a time."""
    op.create_table(
        "practice_line",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_practice_line_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "practice_id", "since", name="pk_practice_line"),
    )
    op.create_index(
        "uq_practice_line_down",
        "practice_line",
        ["provider_id", "practice_id"],
        unique=True,
        postgresql_where="until IS NULL",
    )


def create_refusals() -> None:
    """Create the last refusal of each device that proved who it is: a machine that is refused is a machine that runs."""
    op.create_table(
        "device_refusal",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "device_id"],
            ["device.provider_id", "device.id"],
            name="fk_device_refusal_provider_id_device_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("provider_id", "device_id", name="pk_device_refusal"),
    )


def create_own_record() -> None:
    """Create what the intake notes once a minute while it hears anybody, and the outages that were seen in it."""
    op.create_table(
        "intake_pulse",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("at", name="pk_intake_pulse"),
    )
    op.create_table(
        "service_outage",
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withheld", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("since", name="pk_service_outage"),
    )
