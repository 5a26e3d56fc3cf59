"""Vigie: patch, backup and security-checklist status of health practices, for the IT company that maintains them."""

import sys
from importlib.util import find_spec

# Asyncio is what runs here. httpx asks that of a library several times a request; where it is not installed, Python looks for it
# through the whole path each time, which costs as much as sending. This answers at once that it is not there.
if "sniffio" not in sys.modules and find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment] # what the documentation of sys.modules gives for that
