"""What each command of `vigie` does: one module a command, loaded when it is called (vigie.cli)."""
