"""Supplier questionnaires and their signatures."""

revision = "2026_11_22_0540"
down_revision = "2026_11_22_0530"


def upgrade() -> None:
    pass
