"""Alerts: what a person must look at, who is told of it, by which channel, and what was not sent and why."""
