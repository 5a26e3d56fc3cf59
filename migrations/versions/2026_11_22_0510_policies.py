"""Policies, exceptions, and the practices to judge anew."""

revision = "2026_11_22_0510"
down_revision = "2026_11_22_0500"


def upgrade() -> None:
    pass
