"""Providers and their practices, the roots of every tenant row."""
