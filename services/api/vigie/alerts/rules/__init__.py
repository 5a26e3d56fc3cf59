"""The alert engine: a pure state machine per practice, fed by events and by its own deadlines (docs/adr/0029)."""
