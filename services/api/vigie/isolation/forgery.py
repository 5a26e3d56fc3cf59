"""Credentials that look as if they were the other provider's: cookies, access tokens."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

Key = Mapping[str, Any]
_PROVIDER = 22  # characters of a provider's id inside a secret: a UUID in base64url


def spliced(own: str, other: str) -> str:
    """Return a secret of the form `vss_<provider>_<random>` with another's provider and one's own random part.

    By position, not by the underscores: base64url has them too, and what is spliced there may be one's own secret again.
    """
    kind = own.index("_") + 1
    random = kind + _PROVIDER
    return f"{other[:random]}{own[random:]}"


def forged_tokens(own: str, other: str, published: Sequence[Key]) -> Iterator[tuple[str, str]]:
    """Yield what was done, and the token: claims of the other in every wrapping that a careless verifier takes (RFC 8725 §2)."""
    head, claims, signature = other.split(".")
    header = json.loads(_decoded(head))
    yield "one's own signature under the other's claims", f"{head}.{claims}.{own.split('.')[2]}"
    yield "a signature that was altered", f"{head}.{claims}.{_altered(signature)}"
    yield "claims that were altered", f"{head}.{_encoded(_longer(claims))}.{signature}"
    yield "no signature at all", f"{_json({**header, 'alg': 'none'})}.{claims}."
    text = f"{head}.{claims}".encode()
    yield "a key of our own", f"{head}.{claims}.{_encoded(_our_key().sign(text, padding.PKCS1v15(), hashes.SHA256()))}"
    for key in published:
        if key.get("kty") == "RSA":
            fooled = _json({**header, "alg": "HS256"})
            mac = hmac.digest(_pem(key), f"{fooled}.{claims}".encode(), hashlib.sha256)
            yield "the public key taken for a shared one", f"{fooled}.{claims}.{_encoded(mac)}"


@lru_cache
def _our_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _pem(key: Key) -> bytes:
    numbers = rsa.RSAPublicNumbers(*(int.from_bytes(_decoded(key[name]), "big") for name in ("e", "n")))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return numbers.public_key().public_bytes(serialization.Encoding.PEM, form)


def _altered(signature: str) -> str:
    middle = len(signature) // 2
    return signature[:middle] + ("A" if signature[middle] != "A" else "B") + signature[middle + 1 :]


def _longer(claims: str) -> bytes:
    """Return claims that hold longer than they were issued for."""
    said = json.loads(_decoded(claims))
    return json.dumps({**said, "exp": int(said["exp"]) + 3600}).encode()


def _json(header: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(header).encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
