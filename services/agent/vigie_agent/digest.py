"""Digests of sections and of the whole state (docs/protocol.md, section 3).

Both sides must get the same bytes: keys sorted, no white space, UTF-8, integers only.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

DIGESTED = ("data", "errors", "source", "status", "v")
STATE_BYTES = 16


def canonical(value: Any) -> bytes:
    """The canonical JSON of a value without floats (``TypeError`` on a float: 1.0 and 1 would differ between sides)."""
    refuse_floats(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def refuse_floats(value: Any) -> None:
    """Raise ``TypeError`` if a float is anywhere inside."""
    if isinstance(value, float):
        raise TypeError("a heartbeat holds no floats")
    if isinstance(value, Mapping):
        for item in value.values():
            refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            refuse_floats(item)


def section_digest(section: Mapping[str, Any]) -> str:
    """Lower-case hex SHA-256 of a section, its ``collected_at`` and ``ttl_s`` left out."""
    return hashlib.sha256(canonical({name: section[name] for name in DIGESTED})).hexdigest()


def state_digest(digests: Mapping[str, str]) -> str:
    """The digest over all current section digests; over nothing when there is no section."""
    lines = "".join(f"{name}:{digests[name]}\n" for name in sorted(digests))
    return base64.urlsafe_b64encode(hashlib.sha256(lines.encode()).digest()[:STATE_BYTES]).rstrip(b"=").decode()
