"""Digests over sections (docs/protocol.md §3): how a quiet heartbeat vouches for everything without sending it."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson


def digested_json(section: Mapping[str, Any]) -> bytes:
    """Return what the digest of a section is taken over: its JSON without its times (`collected_at`, `ttl_s`)."""
    content = {
        "data": section["data"],
        "errors": section["errors"],
        "source": section["source"],
        "status": section["status"],
        "v": section["v"],
    }
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def section_digest(section: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of a section without its times."""
    return hashlib.sha256(digested_json(section)).digest()


def state_digest(digests: Mapping[str, bytes]) -> bytes:
    """Return the 16-byte digest over all current sections, from the digest of each."""
    lines = "".join(f"{name}:{digests[name].hex()}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).digest()[:16]
