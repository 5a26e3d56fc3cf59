"""Alerts, their policy, maintenance windows."""

revision = "2026_11_22_0580"
down_revision = "2026_11_22_0570"


def upgrade() -> None:
    pass
