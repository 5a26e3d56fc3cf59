"""The keys of access tokens: one signs, others only verify while one replaces another; all are published as a JWK set.

A key is named (`kid`) by its thumbprint of RFC 7638, so a name never means two keys and nobody has to invent it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key

from vigie.core.crypto import b64url
from vigie.core.faults import OperatorError

_LEAST_BITS = 2048


class TokenKeyError(OperatorError, ValueError):
    """A key file is missing or unfit; the message says what to do."""


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The key that signs, and every key whose tokens are accepted (the signing one among them), by `kid`."""

    private: RSAPrivateKey = field(repr=False)
    key_id: str
    public: Mapping[str, RSAPublicKey]

    @classmethod
    def of(cls, private: RSAPrivateKey, also_accepted: Sequence[RSAPublicKey] = ()) -> "SigningKeys":
        """Gather a signing key and the keys that only verify."""
        public = {thumbprint(key): key for key in (private.public_key(), *also_accepted)}
        return cls(private, thumbprint(private.public_key()), public)

    def jwks(self) -> dict[str, Any]:
        """Return the JWK set (RFC 7517 §5) with which anybody can verify our tokens."""
        return {
            "keys": [
                {**_required_members(key), "kid": name, "use": "sig", "alg": "RS256"}
                for name, key in self.public.items()
            ]
        }


def new_signing_key() -> bytes:
    """Return a fresh RSA key (3072 bits) as PEM, for `VIGIE_TOKEN_KEY_FILE`."""
    return generate_private_key(public_exponent=65537, key_size=3072).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_signing_keys(signing: Path | None, also_accepted: Sequence[Path] = ()) -> SigningKeys:
    """Read the signing key and the keys that only verify; raises `TokenKeyError` for a missing or a weak one."""
    return SigningKeys.of(load_signing_key(signing), [_load_public_key(path) for path in also_accepted])


def load_signing_key(path: Path | None) -> RSAPrivateKey:
    """Read the signing key; raises `TokenKeyError` when there is none or it is too weak."""
    if path is None:
        raise TokenKeyError("VIGIE_TOKEN_KEY_FILE is not set; `vigie keys new FILE` makes a key")
    try:
        key = _checked_key(_read(path))
    except ValueError as error:
        raise TokenKeyError(f"{path} cannot be read as a PEM private key") from error
    if not isinstance(key, RSAPrivateKey) or key.key_size < _LEAST_BITS:
        raise TokenKeyError(f"{path} is not an RSA key of at least {_LEAST_BITS} bits")
    return key


def thumbprint(key: RSAPublicKey) -> str:
    """Return the JWK thumbprint (RFC 7638, SHA-256): the digest of the required members, sorted, without spaces."""
    return b64url(hashlib.sha256(orjson.dumps(_required_members(key), option=orjson.OPT_SORT_KEYS)).digest())


def _load_public_key(path: Path) -> RSAPublicKey:
    """Read a key that only verifies: a public key, or a private one that used to sign."""
    pem = _read(path)
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError:
        key = load_signing_key(path).public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_BITS:
        raise TokenKeyError(f"{path} is not an RSA key of at least {_LEAST_BITS} bits")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TokenKeyError(f"{path} cannot be read") from error


@lru_cache(maxsize=4)
def _checked_key(pem: bytes) -> object:
    """Read a key and have its numbers checked, which takes a third of a second: once per key and process."""
    return serialization.load_pem_private_key(pem, password=None)


def _required_members(key: RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {"e": _unsigned(numbers.e), "kty": "RSA", "n": _unsigned(numbers.n)}


def _unsigned(number: int) -> str:
    """Return a number as JWK writes it: base64url of its bytes, the highest first, none of them padding (RFC 7518 §2)."""
    return b64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))
