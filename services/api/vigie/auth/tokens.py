"""Partner access tokens: JWT of RFC 9068, signed with RS256 (the one algorithm that RFC asks everybody to support)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from vigie.auth.principal import ALL_PRACTICES, SCOPES, Permission, Principal
from vigie.core.crypto import b64url

_LEAST_BITS = 2048
_REMEMBERED = 4096


class TokenKeyError(ValueError):
    """The key file is missing or unfit; the message says what to do."""


class InvalidTokenError(Exception):
    """The access token does not hold."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token and its life in seconds."""

    access_token: str
    expires_in: int
    scope: str


def new_signing_key() -> bytes:
    """Return a fresh RSA key (3072 bits) as PEM, for `VIGIE_TOKEN_KEY_FILE`."""
    return generate_private_key(public_exponent=65537, key_size=3072).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_signing_key(path: Path | None) -> RSAPrivateKey:
    """Read the signing key; raises `TokenKeyError` when there is none or it is too weak."""
    if path is None:
        raise TokenKeyError("VIGIE_TOKEN_KEY_FILE is not set; `vigie keys new FILE` makes a key")
    try:
        key = _checked_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TokenKeyError(f"{path} cannot be read as a PEM private key") from error
    if not isinstance(key, RSAPrivateKey) or key.key_size < _LEAST_BITS:
        raise TokenKeyError(f"{path} is not an RSA key of at least {_LEAST_BITS} bits")
    return key


@lru_cache(maxsize=2)
def _checked_key(pem: bytes) -> object:
    """Read a key and have its numbers checked, which takes a third of a second: once per key and process."""
    return serialization.load_pem_private_key(pem, password=None)


class Tokens:
    """Issues and verifies access tokens for one issuer."""

    def __init__(self, key: RSAPrivateKey, issuer: str, lifetime_s: int) -> None:
        self._key = key
        self._public = key.public_key()
        self._issuer = issuer
        self._lifetime = timedelta(seconds=lifetime_s)
        der = self._public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self._key_id = b64url(hashlib.sha256(der).digest()[:16])
        self._verified: dict[str, tuple[datetime, Principal]] = {}

    def issue(self, client_id: str, provider_id: UUID, scopes: frozenset[Permission], now: datetime) -> IssuedToken:
        """Sign an access token for a partner client."""
        scope = " ".join(sorted(scopes))
        claims = {
            "iss": self._issuer,
            "aud": self._issuer,
            "sub": client_id,
            "client_id": client_id,
            "provider_id": str(provider_id),
            "scope": scope,
            "iat": now,
            "exp": now + self._lifetime,
            "jti": str(uuid4()),
        }
        encoded = jwt.encode(claims, self._key, algorithm="RS256", headers={"typ": "at+jwt", "kid": self._key_id})
        return IssuedToken(encoded, int(self._lifetime.total_seconds()), scope)

    def verify(self, token: str, now: datetime) -> Principal:
        """Return the principal of a token; raises `InvalidTokenError`. A token seen before is not verified again."""
        remembered = self._verified.get(token)
        if remembered is not None and now < remembered[0]:
            return remembered[1]
        try:
            if jwt.get_unverified_header(token).get("typ") != "at+jwt":
                raise InvalidTokenError
            claims = jwt.decode(
                token,
                self._public,
                algorithms=["RS256"],
                audience=self._issuer,
                issuer=self._issuer,
                options={"require": ["exp", "iat", "sub", "jti"], "verify_exp": False, "verify_iat": False},
            )
            expires = datetime.fromtimestamp(int(claims["exp"]), tz=now.tzinfo)
            if now >= expires:
                raise InvalidTokenError
            scopes = frozenset(Permission(name) for name in claims["scope"].split()) & SCOPES
            principal = Principal(
                "client", UUID(claims["provider_id"]), claims["sub"], scopes | {Permission.SELF}, ALL_PRACTICES
            )
        except (jwt.PyJWTError, KeyError, ValueError) as error:
            raise InvalidTokenError from error
        if len(self._verified) >= _REMEMBERED:
            self._verified.clear()
        self._verified[token] = (expires, principal)
        return principal
