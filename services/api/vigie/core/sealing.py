"""Sealing of small secrets that we must be able to read again: sign-in cookies, ID tokens, client secrets of providers.

AES-256-GCM with a key of the operator's and a random nonce of 96 bits (NIST SP 800-38D: good for 2^32 seals per key, which
a sign-in every second reaches after 136 years). What a blob is for is bound to it: sealed for one purpose, it opens for
no other. Not for what is only compared: that is stored as a hash (`core/crypto`).
"""

import base64
import binascii
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vigie.core.faults import OperatorError

_KEY: Final = 32
_NONCE: Final = 12
_TAG: Final = 16
_VERSION: Final = b"\x01"


class SealBrokenError(Exception):
    """The blob was not sealed by one of these keys for this purpose, or was altered."""


class SealingKeyError(OperatorError, ValueError):
    """The key file is missing or unfit; the message says what to do."""


def new_sealing_key() -> bytes:
    """Return a fresh key as the content of `VIGIE_SEALING_KEY_FILE`: 32 bytes in base64 and a newline."""
    return base64.b64encode(secrets.token_bytes(_KEY)) + b"\n"


def load_sealing_keys(path: Path | None) -> tuple[bytes, ...]:
    """Read a key file: one key per line, the first seals, all open (so a key is replaced by writing a new first line).

    Raises `SealingKeyError` when there is no file or a line is no key.
    """
    if path is None:
        raise SealingKeyError("VIGIE_SEALING_KEY_FILE is not set; `vigie keys new-sealing FILE` makes a key")
    try:
        lines = path.read_bytes().split()
        keys = tuple(base64.b64decode(line, validate=True) for line in lines)
    except (OSError, binascii.Error) as error:
        raise SealingKeyError(f"{path} cannot be read as keys in base64, one per line") from error
    if not keys or any(len(key) != _KEY for key in keys):
        raise SealingKeyError(f"{path} does not hold keys of {_KEY} bytes")
    return keys


def load_sealer(path: Path | None) -> "Sealer | None":
    """Return what seals with the keys of a file; None where no file is named. Raises `SealingKeyError`."""
    if path is None:
        return None
    key, *previous = load_sealing_keys(path)
    return Sealer(key, previous)


class Sealer:
    """Seals with one key and opens with it or one of those before it."""

    def __init__(self, key: bytes, previous: Sequence[bytes] = ()) -> None:
        """Take the raw keys, 32 bytes each; raises `SealingKeyError` on another length."""
        if any(len(each) != _KEY for each in (key, *previous)):
            raise SealingKeyError(f"a sealing key has {_KEY} bytes")
        self._ciphers = tuple(AESGCM(each) for each in (key, *previous))

    def seal(self, purpose: str, plain: bytes) -> bytes:
        """Return the blob that only `open` with the same purpose turns back into `plain`."""
        nonce = secrets.token_bytes(_NONCE)
        return _VERSION + nonce + self._ciphers[0].encrypt(nonce, plain, _bound_to(purpose))

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """Return what was sealed; raises `SealBrokenError` when it was not by us, not for this purpose, or altered."""
        if sealed[:1] != _VERSION or len(sealed) < len(_VERSION) + _NONCE + _TAG:
            raise SealBrokenError
        nonce, secret = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(nonce, secret, _bound_to(purpose))
            except InvalidTag:
                continue
        raise SealBrokenError


def _bound_to(purpose: str) -> bytes:
    """Return the associated data: what makes a blob of one purpose useless for another."""
    return b"vigie seal 1 " + purpose.encode()
