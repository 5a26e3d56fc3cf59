"""The checklist's own states and the score, beside the verdict that lists read."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0500"
down_revision = "2026_11_22_0130"


def upgrade() -> None:
    op.add_column("posture", sa.Column("answers", postgresql.JSONB(), nullable=False, server_default="{}"))
    op.alter_column("posture", "answers", server_default=None)
    op.add_column("posture", sa.Column("score", sa.SmallInteger(), nullable=True))
    op.create_index(
        "ix_posture_checklist", "posture", ["provider_id", "checklist", "rank", "practice_id"], unique=False
    )
    op.create_index("ix_posture_score", "posture", ["provider_id", "score", "practice_id"], unique=False)
