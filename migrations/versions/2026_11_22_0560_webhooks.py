"""Webhook endpoints and their deliveries."""

revision = "2026_11_22_0560"
down_revision = "2026_11_22_0550"


def upgrade() -> None:
    pass
