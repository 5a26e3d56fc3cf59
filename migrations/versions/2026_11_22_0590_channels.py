"""Channels and the notifications they carry."""

revision = "2026_11_22_0590"
down_revision = "2026_11_22_0580"


def upgrade() -> None:
    pass
