"""When practices are open."""

revision = "2026_11_22_0550"
down_revision = "2026_11_22_0540"


def upgrade() -> None:
    pass
