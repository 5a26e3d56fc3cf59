"""Incidents."""

revision = "2026_11_22_0600"
down_revision = "2026_11_22_0590"


def upgrade() -> None:
    """Add the tables."""
