"""Remember the keys of creating requests for a day, so that a request sent again creates nothing twice."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_21_2350"
down_revision = "2026_11_21_2240"

TENANT = "provider_id = nullif(current_setting('vigie.provider_id', true), '')::uuid"


def upgrade() -> None:
    op.create_table(
        "idempotency_key",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_idempotency_key_provider_id"),
        sa.PrimaryKeyConstraint("provider_id", "key", name="pk_idempotency_key"),
    )
    op.execute("ALTER TABLE idempotency_key ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE idempotency_key FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant ON idempotency_key TO vigie_owner, vigie_app USING ({TENANT}) WITH CHECK ({TENANT})"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_key TO vigie_app")
