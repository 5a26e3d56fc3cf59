"""The spine: an append-only log of what changed, ordered per provider."""
