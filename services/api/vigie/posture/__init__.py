"""Posture: what the reports of the devices say about a practice. ``catalogue`` is data, ``rules`` is pure code."""
