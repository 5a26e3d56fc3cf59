"""Suppliers, contracts, contacts, certificates and restore tests."""

revision = "2026_11_22_0530"
down_revision = "2026_11_22_0520"


def upgrade() -> None:
    pass
