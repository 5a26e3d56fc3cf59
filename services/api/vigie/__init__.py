"""Vigie: patch, backup and security-checklist status of health practices, for the IT company that maintains them."""
