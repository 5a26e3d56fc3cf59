"""Identifiers: UUIDv7 (RFC 9562), made by the application so that no database function is needed."""

import os
import time
from uuid import UUID


def uuid7(unix_ms: int | None = None) -> UUID:
    """Return a new UUIDv7; ids made later sort later (to the millisecond), which keeps indexes dense.

    `unix_ms` dates the id otherwise than by the system clock (history that is replayed).
    """
    milliseconds = time.time_ns() // 1_000_000 if unix_ms is None else unix_ms
    random = int.from_bytes(os.urandom(10))
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64 | 0b10 << 62
    return UUID(int=value | random & 0x3FFFFFFFFFFFFFFF)
