"""Answers of people, the evidence they give, and the actions a "no" opens."""

revision = "2026_11_22_0520"
down_revision = "2026_11_22_0510"


def upgrade() -> None:
    pass
