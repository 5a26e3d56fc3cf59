"""Names of practices of up to 500 characters: group practices are called by all who practise there."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0630"
down_revision = "2026_11_22_0620"


def upgrade() -> None:
    """Widen the column; PostgreSQL changes its catalogue only, and no index holds the name."""
    op.alter_column("practice", "name", existing_type=sa.String(120), type_=sa.String(500), existing_nullable=False)
