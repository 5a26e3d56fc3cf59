"""Section and state digests as an agent computes them (docs/protocol.md §3, "Digests")."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

_DIGESTED = ("data", "errors", "source", "status", "v")


def section_digest(section: Mapping[str, Any]) -> str:
    """Return the lower-case hexadecimal SHA-256 of a section, its times of collection left out.

    orjson's sorted output is the canonical form of the protocol as long as keys are ASCII and numbers are integers.
    """
    content = orjson.dumps({key: section[key] for key in _DIGESTED}, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()


def state_digest(digests: Mapping[str, str]) -> str:
    """Return the digest over the digests of all current sections, by name."""
    lines = "".join(f"{name}:{digests[name]}\n" for name in sorted(digests))
    return base64.urlsafe_b64encode(hashlib.sha256(lines.encode()).digest()[:16]).rstrip(b"=").decode()
