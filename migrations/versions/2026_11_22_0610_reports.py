"""Evidence reports."""

revision = "2026_11_22_0610"
down_revision = "2026_11_22_0600"


def upgrade() -> None:
    """Add the tables."""
