"""Read-only answers that cross subjects: the list of practices with their verdicts, one practice whole, the counters."""
