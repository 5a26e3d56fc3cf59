"""The published documents as they stand in `openapi/`: tests/architecture/test_documents.py holds them to the code.

To make them anew takes seconds; to read one, hundredths of a second.
"""

from pathlib import Path
from typing import Any, Final

import orjson

PUBLISHED: Final = Path(__file__).parents[2] / "openapi"


def console_operations() -> dict[str, Any]:
    """Return the description of the REST API."""
    found: dict[str, Any] = orjson.loads((PUBLISHED / "console.json").read_bytes())
    return found
