"""Why devices are silent."""

revision = "2026_11_22_0570"
down_revision = "2026_11_22_0560"


def upgrade() -> None:
    pass
