"""Webhook endpoints and their deliveries; events say which version of their payload they carry."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0560"
down_revision = "2026_11_22_0550"


def upgrade() -> None:
    # The default stays: while this release replaces the one before, that one still writes events, all of the first version.
    op.add_column("event", sa.Column("version", sa.SmallInteger(), nullable=False, server_default="1"))
