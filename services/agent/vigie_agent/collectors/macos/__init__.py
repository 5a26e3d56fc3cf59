"""Collectors for macOS: property lists first, then the system's own commands, never their translated texts.

Nothing of this has been run on a Mac yet: the parsers are tested on constructed answers.
"""
