"""Secrets that are looked up: made with enough entropy that a plain hash protects them."""

import base64
import hashlib
import hmac
import secrets


def new_secret() -> str:
    """Return a fresh secret of 256 bits as 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    """Return the SHA-256 under which a high-entropy secret is stored (no slow hash is needed for 256 bits)."""
    return hashlib.sha256(secret.encode()).digest()


def same_secret(secret: str, stored: bytes) -> bool:
    """Compare a presented secret with its stored hash in constant time."""
    return hmac.compare_digest(hash_secret(secret), stored)


def b64url(raw: bytes) -> str:
    """Encode bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def b64url_decode(text: str) -> bytes:
    """Decode base64url without padding; raises `ValueError` on anything else."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
