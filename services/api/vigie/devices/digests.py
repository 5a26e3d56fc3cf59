"""Digests over sections (docs/protocol.md §3): how a quiet heartbeat vouches for everything without sending it."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson


def section_digest(section: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of a section without its times (`collected_at`, `ttl_s`)."""
    content = {
        "data": section["data"],
        "errors": section["errors"],
        "source": section["source"],
        "status": section["status"],
        "v": section["v"],
    }
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()


def state_digest(digests: Mapping[str, bytes]) -> bytes:
    """Return the 16-byte digest over all current sections, from the digest of each."""
    lines = "".join(f"{name}:{digests[name].hex()}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).digest()[:16]
