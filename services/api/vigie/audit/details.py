"""What an entry may carry besides its fields: small, plain, and neither secret nor a patient. Pure.

The audit is kept for years and read by many, so what must not be in it is dropped at its door: counted, never a reason to
refuse the request that it came with.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

MAX_TEXT: Final = 200
MAX_ITEMS: Final = 50
_MAX_DEPTH: Final = 3
_SAFE_INTEGER: Final = 2**53  # beyond it, readers of JSON disagree about a number (RFC 8259 §6)

_KEY = re.compile(r"[a-z][a-z0-9_.-]{0,63}", re.ASCII)
_SECRET_KEY = re.compile(
    r"secret|password|passw|token(?!_id|_endpoint)|assertion|authorization|cookie|verifier|nonce|private|credential"
    r"|rpps|nir|national|subject|patient|naissance|birth"
)
_OURS = re.compile(r"\bv(?:et|it|cs|ss)_")  # enrolment token, invitation, client secret, session (auth/identifiers.py)
_ENCODED = re.compile(r"\beyJ[\w-]{8,}|-----BEGIN|\bBearer\s|\bBasic\s", re.IGNORECASE)
_LONG = re.compile(
    r"[A-Za-z0-9_+/=-]{40,}"
)  # a secret of 256 bits has 43 characters; ours that are no secret have fewer
_CLIENT_ID = re.compile(r"vpc_[\w-]{22}_[0-9a-f]{12}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_GAPS = re.compile(r"(?<=[\dABab])[ .\u00a0\u202f-](?=\d)")
_CORSICA = re.compile(r"(?<=\d{5})2[ABab](?=\d{6})")
_NATIONAL = re.compile(r"(?<!\d)(?:\d{11,13}|\d{15})(?!\d)")  # RPPS 11, with its prefix 12, NIR 13, with its key 15
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def looks_secret(text: str) -> bool:
    """Whether a text looks like a secret of ours, an encoded token or key, or a person's national number (RPPS, NIR).

    It errs on the careful side: 11, 12, 13 or 15 digits are a number of a person whatever they were meant to be. Ids are
    looked past; SIRET (14 digits), FINESS (9) and telephone numbers (10) may stay.
    """
    rest = _UUID.sub(" ", _CLIENT_ID.sub(" ", text))
    if _OURS.search(rest) or _ENCODED.search(rest) or _LONG.search(rest):
        return True
    return _NATIONAL.search(_CORSICA.sub("19", _GAPS.sub("", rest))) is not None


def digest_text(digest: bytes) -> str:
    """Return a digest as details may carry it: hexadecimal in groups of eight with colons; in one piece it looks like a secret."""
    whole = digest.hex()
    return ":".join(whole[start : start + 8] for start in range(0, len(whole), 8))


def plain_text(text: str | None, limit: int = MAX_TEXT) -> str | None:
    """Return a text as one line that can be stored and hashed the same everywhere, cut to `limit` characters."""
    return None if text is None else _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)[:limit]


def harmless(details: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Return what of the details may be kept, and how many keys and values were dropped.

    Kept are texts, whole numbers, truth values and null, in lists and objects. Dropped is what looks secret, and what
    JSON readers would not read alike (floating point, numbers beyond 2**53).
    """
    kept, dropped = _object(details, _MAX_DEPTH)
    return kept, dropped


def _object(found: Mapping[Any, Any], depth: int) -> tuple[dict[str, Any], int]:
    kept: dict[str, Any] = {}
    dropped = max(0, len(found) - MAX_ITEMS)
    for key, value in list(found.items())[:MAX_ITEMS]:
        if not isinstance(key, str) or not _KEY.fullmatch(key) or _SECRET_KEY.search(key):
            dropped += 1
            continue
        clean, lost = _value(value, depth - 1)
        dropped += lost
        if clean is not _NOTHING:
            kept[key] = clean
    return kept, dropped


_NOTHING: Final = object()


def _value(value: Any, depth: int) -> tuple[Any, int]:
    if value is None or isinstance(value, bool):
        return value, 0
    if isinstance(value, int):
        return (value, 0) if abs(value) <= _SAFE_INTEGER and not looks_secret(str(value)) else (_NOTHING, 1)
    if isinstance(value, str):
        return (_NOTHING, 1) if looks_secret(value) else (plain_text(value), 0)
    if depth > 0 and isinstance(value, Mapping):
        return _object(value, depth)
    if depth > 0 and isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        clean = [_value(item, depth - 1) for item in items[:MAX_ITEMS]]
        dropped = sum(lost for _, lost in clean) + max(0, len(items) - MAX_ITEMS)
        return [item for item, _ in clean if item is not _NOTHING], dropped
    return _NOTHING, 1
