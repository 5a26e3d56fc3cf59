"""The hash chain: what one entry is as bytes, and what its hash is. Pure, and small enough to be rewritten by a stranger.

    canonical bytes   the entry's fields as JSON in the canonical form of RFC 8785: keys sorted, no spaces, UTF-8
    hash              SHA-256(hash of the entry before ‖ canonical bytes)
    first "before"    SHA-256("vigie-audit/1 " ‖ the provider's id)

Each hash vouches for every entry before it. docs/audit.md says it for auditors, with a program of twenty lines that checks.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

FORMAT: Final = "vigie-audit/1"
VERSION: Final = 1  # of the canonical form; part of every entry, so that another can follow without a new chain
FIELDS: Final = (
    "v",
    "provider_id",
    "number",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
    "role",
    "action",
    "object_kind",
    "object_id",
    "practice_id",
    "address",
    "outcome",
    "code",
    "details",
)


def genesis(provider_id: UUID) -> bytes:
    """Return what stands before the first entry of a provider's chain: a chain cannot be passed off as another's."""
    return hashlib.sha256(f"{FORMAT} {provider_id}".encode()).digest()


def canonical(fields: Mapping[str, Any]) -> bytes:
    """Return the bytes of an entry that are hashed.

    RFC 8785 (JSON Canonicalization Scheme) holds for plain `json` here, because entries carry ASCII keys, texts, whole
    numbers under 2**53, truth values and null, and nothing else (`vigie.audit.details`).
    """
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()


def entry_hash(previous_hash: bytes, fields: Mapping[str, Any]) -> bytes:
    """Return the hash of an entry that follows one with `previous_hash`."""
    return hashlib.sha256(previous_hash + canonical(fields)).digest()


def instant(at: datetime) -> str:
    """Return an instant as entries hold it: RFC 3339 in UTC, always with microseconds (two may differ by less than a second)."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def fields_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an entry in their canonical form, from the values of its columns."""
    practice_id = row["practice_id"]
    return {
        **{name: row[name] for name in FIELDS if name != "v"},
        "v": VERSION,
        "provider_id": str(row["provider_id"]),
        "at": instant(row["at"]),
        "practice_id": None if practice_id is None else str(practice_id),
    }
