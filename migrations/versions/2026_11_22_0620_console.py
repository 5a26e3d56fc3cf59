"""What the console keeps: who is responsible for a practice, and the lists that members have saved."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0620"
down_revision = "2026_11_22_0610"

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"
GRANTS = {
    "practice_responsible": {"app": "SELECT, INSERT, UPDATE, DELETE"},
    "saved_view": {"app": "SELECT, INSERT, UPDATE, DELETE"},
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
    """Create both tables."""
    op.create_table(
        "practice_responsible",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "practice_id"],
            ["practice.provider_id", "practice.id"],
            name="fk_practice_responsible_provider_id_practice_id",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "member_id"],
            ["member.provider_id", "member.id"],
            name="fk_practice_responsible_provider_id_member_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "practice_id", name="pk_practice_responsible"),
    )
    op.create_index(
        "ix_practice_responsible_member_id", "practice_responsible", ["provider_id", "member_id"], unique=False
    )
    op.create_table(
        "saved_view",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id", "member_id"],
            ["member.provider_id", "member.id"],
            name="fk_saved_view_provider_id_member_id",
        ),
        sa.PrimaryKeyConstraint("provider_id", "id", name="pk_saved_view"),
    )
    op.create_index(
        "uq_saved_view_provider_id_member_id_name", "saved_view", ["provider_id", "member_id", "name"], unique=True
    )
    for table in GRANTS:
        protect(table)
