"""When practices are open."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0550"
down_revision = "2026_11_22_0540"

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"
GRANTS = {"app": "SELECT, INSERT, UPDATE, DELETE", "worker": "SELECT", "intake": "SELECT"}


def upgrade() -> None:
    op.create_table(
        "opening_hours",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("hours", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_opening_hours_provider_id_practice_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "practice_id", name="pk_opening_hours"),
    )
    op.execute("ALTER TABLE opening_hours ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE opening_hours FORCE ROW LEVEL SECURITY")
    roles = ", ".join(["vigie_owner", *(f"vigie_{role}" for role in GRANTS if role != "intake")])
    op.execute(f"CREATE POLICY tenant ON opening_hours TO {roles} USING ({TENANT}) WITH CHECK ({TENANT})")
    # One batch of reports comes from devices of many providers.
    op.execute("CREATE POLICY intake ON opening_hours TO vigie_intake USING (true) WITH CHECK (true)")
    for role, privileges in GRANTS.items():
        op.execute(f"GRANT {privileges} ON opening_hours TO vigie_{role}")
