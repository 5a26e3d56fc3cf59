"""Collectors: one file per subject and system, each reading facts and judging nothing."""
