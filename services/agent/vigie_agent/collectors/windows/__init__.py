"""Collectors for Windows: the registry first, one PowerShell process per run for the rest, never localized text.

Nothing of this has been run on a Windows machine yet: the parsers are tested on constructed answers.
"""
