"""The outside attacker: two throw-away providers on a running service, one of which tries to get at the other over HTTP."""
