"""Tests of the agent: no server of ours, no database; the machine itself where it can be asked."""
