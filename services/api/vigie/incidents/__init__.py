"""Incident mode: what was declared, its two clocks of 72 hours, the reflex steps, the log, the sealed evidence, the drafts."""
