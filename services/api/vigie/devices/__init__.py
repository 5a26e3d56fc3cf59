"""Devices: their enrolment, the heartbeats they send, and whether they still report."""
