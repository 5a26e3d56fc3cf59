"""Collectors for Linux: files first, then tools, always with ``LC_ALL=C`` and ``TZ=UTC``."""
