"""Vigie: patch, backup and security-checklist status of health practices, for the IT company that maintains them."""

import sys

# Asyncio is what runs here. httpx asks that of a library several times a request; where it is not installed, Python looks for it
# through the whole path each time, which costs as much as sending. This answers at once that it is not there.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type] # what the documentation of sys.modules gives for that
