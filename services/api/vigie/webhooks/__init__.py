"""Webhooks: what changed, sent to addresses that a provider or its partners named, signed as Standard Webhooks has it."""
