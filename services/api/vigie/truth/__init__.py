"""A year of truth: a simulated world whose every trouble is known, lived through the real intake, sweep and alerts, and judged.

Owns nothing that is stored: it runs in a database of its own that is thrown away (docs/truth.md).
"""
